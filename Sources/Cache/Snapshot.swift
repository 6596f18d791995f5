internal import Glibc

/// The first level of a node that stands alone, in a file across a clean restart. It is removed before it is read:
/// after a crash there is none, and nothing that was invalidated since can come back.
///
/// `SBCS0001`, the number of invalidations, then for each entry a 32-bit length and its envelope.
struct Snapshot {
  let path: String
  private static let magic = Array("SBCS0001".utf8)
  private static let entryMax = CacheLimits.valueBytes + Envelope.headerMax + 64

  /// Writes all that is valid; false when it cannot be kept.
  func save(_ store: CacheStore, sequence: UInt64, now: Int64) -> Bool {
    let temporary = path + ".new"
    guard let file = fopen(temporary, "we") else { return false }
    var header = Self.magic
    Envelope.append(sequence, to: &header)
    var isWritten = fwrite(header, 1, header.count, file) == header.count
    store.walk(pageSize: 64) { items in
      for item in items where isWritten && item.expires > now && store.rules.verdict(on: item, since: 0).isValid {
        let bytes = Envelope.bytes(item, epoch: 0)
        var length: [UInt8] = []
        Envelope.append(UInt32(bytes.count), to: &length)
        isWritten = fwrite(length, 1, 4, file) == 4 && fwrite(bytes, 1, bytes.count, file) == bytes.count
      }
      return isWritten
    }
    isWritten = isWritten && fflush(file) == 0 && fsync(fileno(file)) == 0
    fclose(file)
    guard isWritten, rename(temporary, path) == 0 else {
      unlink(temporary)
      return false
    }
    return true
  }

  /// Takes the file away and reads it; the number of invalidations, or nil when there is no whole file.
  func restore(into store: CacheStore, now: Int64, entry: (CacheItem) -> Void) -> UInt64? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    unlink(path)
    guard let header = Self.read(file, 16), header.prefix(8).elementsEqual(Self.magic) else { return nil }
    let sequence = header.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)) }
    while let prefix = Self.read(file, 4) {
      let length = prefix.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self))) }
      guard length <= Self.entryMax, let bytes = Self.read(file, length), let item = Self.item(bytes) else { break }
      guard item.expires > now else { continue }
      entry(item)
      store.settle(store.claim(item.key), item.key, with: item, since: .max, now: now)
    }
    return sequence
  }

  private static func item(_ bytes: [UInt8]) -> CacheItem? {
    guard let header = EnvelopeHeader(bytes) else { return nil }
    do {
      return Envelope.decode(bytes, for: try CacheKey(CacheNamespace(header.namespace), header.key), epoch: 0)
    } catch {
      return nil
    }
  }

  private static func read(_ file: UnsafeMutablePointer<FILE>, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return fread(&bytes, 1, count, file) == count ? bytes : nil
  }
}
