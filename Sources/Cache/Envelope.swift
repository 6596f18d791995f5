internal import Base

/// How a value lies in the second level, little-endian:
///
///     0  magic "SBC1"            4  codec (0: as it is)      5  flags (1: negative)     6  header length, 16 bits
///     8  stamp                  16  the stamp again, so that the one field the checksum cannot cover is guarded too
///    24  write id               32  epoch of the data set   40  created   48  fresh until   56  expires
///    64  hash of namespace and key                          72  payload length, 32 bits
///    76  content type, tags, dependencies, namespace, key: each a 16-bit length and bytes; lists are a count first
///        payload, then XXH64 over all but the two stamps
///
/// The stamp is written by Redis itself, inside the script that stores the value, which is why it lies outside of the
/// checksum. Nothing that fails a check is ever served: it is a miss.
enum Envelope {
  static let magic: [UInt8] = Array("SBC1".utf8)
  static let stampOffset = 8
  static let afterStamps = 24
  static let fixedLength = 76
  /// The largest header there can be: lists at their limits.
  static let headerMax = 65_535

  /// Everything before the stamps, and everything after them.
  struct Parts: Sendable {
    var before: [UInt8]
    var after: [UInt8]
  }

  static func encode(_ item: CacheItem, epoch: UInt64) -> Parts {
    var names: [UInt8] = []
    append(item.contentType, to: &names)
    append(item.tags, to: &names)
    append(item.dependencies, to: &names)
    append(item.key.namespace.name, to: &names)
    append(item.key.name, to: &names)
    var before = magic
    before.append(0)
    before.append(item.isNegative ? 1 : 0)
    append(UInt16(clamping: fixedLength + names.count), to: &before)
    var after: [UInt8] = []
    after.reserveCapacity(fixedLength + names.count + item.value.count)
    for word in [
      item.writeID, epoch, UInt64(bitPattern: item.created), UInt64(bitPattern: item.freshUntil),
      UInt64(bitPattern: item.expires), keyHash(item.key),
    ] { append(word, to: &after) }
    append(UInt32(clamping: item.value.count), to: &after)
    after += names
    after += item.value
    append(checksum(before, after), to: &after)
    return Parts(before: before, after: after)
  }

  /// The whole envelope with its stamp, as the script of Redis puts it together.
  static func bytes(_ item: CacheItem, epoch: UInt64) -> [UInt8] {
    let parts = encode(item, epoch: epoch)
    var stamp: [UInt8] = []
    append(item.stamp, to: &stamp)
    return parts.before + stamp + stamp + parts.after
  }

  /// Nil for anything that is not whole, not ours, of another epoch, or of another key.
  static func decode(_ bytes: [UInt8], for key: CacheKey, epoch: UInt64) -> CacheItem? {
    guard let header = EnvelopeHeader(bytes), header.epoch == epoch, header.keyHash == keyHash(key),
      header.namespace == key.namespace.name, header.key == key.name,
      header.length + header.payloadLength + 8 == bytes.count
    else { return nil }
    let end = bytes.count - 8
    let stored = bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: end, as: UInt64.self)) }
    guard stored == checksum(Array(bytes[..<stampOffset]), bytes[afterStamps..<end]) else { return nil }
    return header.item(key: key, value: Array(bytes[header.length..<end]))
  }

  static func keyHash(_ key: CacheKey) -> UInt64 {
    Checksum64.hash(Array(key.namespace.name.utf8) + [0] + Array(key.name.utf8))
  }

  private static func checksum(_ before: [UInt8], _ after: some Collection<UInt8>) -> UInt64 {
    let seed = Checksum64.hash(before)
    let hash = after.withContiguousStorageIfAvailable { Checksum64.hash(UnsafeRawBufferPointer($0), seed: seed) }
    return hash ?? Checksum64.hash(Array(after), seed: seed)
  }

  static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    append(UInt16(clamping: text.utf8.count), to: &bytes)
    bytes.append(contentsOf: text.utf8)
  }

  private static func append(_ list: [String], to bytes: inout [UInt8]) {
    append(UInt16(clamping: list.count), to: &bytes)
    for text in list { append(text, to: &bytes) }
  }
}
