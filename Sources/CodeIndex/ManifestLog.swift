internal import Base

/// What one commit did to a manifest.
struct ManifestChange: Sendable, Equatable {
  var fingerprint: Fingerprint
  /// Paths that are not there any more, or that `files` has anew.
  var gone: Set<String>
  var files: [Manifest.File]
}

/// Changes behind a manifest, in a file of their own, so that a commit writes what it changed and not what ten thousand
/// other files are. Past a quarter of the manifest's size the next change writes it whole.
///
///      0  magic "SBCHNG01"   8  version   12  0   16  checksum of the manifest they belong to
///     24  changes: length 32, 0 32, XXH64 of what follows, seeded with the one before (first: the manifest's), then
///         the three texts of the fingerprint; number of paths gone, each a 32-bit length and UTF-8; number of files,
///         each as in the manifest
///
/// A process that dies while it writes leaves a tail whose checksum does not fit: it is not read, and written over by
/// the next change.
struct ManifestLog: Sendable, Equatable {
  private static let magic = Array("SBCHNG01".utf8)
  private static let version: UInt32 = 1
  private static let headerBytes = 24
  private static let entryBytes = 16
  /// A smaller manifest may have as many bytes of changes.
  private static let bytesMin = 64 << 10

  /// Checksum of the manifest.
  let base: UInt64
  let baseBytes: Int
  /// Bytes of the file that are valid; 0 when there is none.
  private(set) var length = 0
  private var seed: UInt64

  init(base: UInt64, baseBytes: Int) {
    self.base = base
    self.baseBytes = baseBytes
    seed = base
  }

  /// The manifest should be written whole.
  var isLong: Bool { length > max(Self.bytesMin, baseBytes / 4) }

  /// What is to be written at `length`, and the log as it is then.
  func appending(_ change: ManifestChange) -> (bytes: [UInt8], log: ManifestLog) {
    var payload: [UInt8] = []
    Manifest.append(change.fingerprint, &payload)
    Manifest.append(UInt32(change.gone.count), &payload)
    for path in change.gone {
      Manifest.append(UInt32(path.utf8.count), &payload)
      payload.append(contentsOf: path.utf8)
    }
    Manifest.append(UInt32(change.files.count), &payload)
    for file in change.files { Manifest.append(file, &payload) }
    var bytes: [UInt8] = []
    if length == 0 {
      bytes = Self.magic
      Manifest.append(Self.version, &bytes)
      Manifest.append(UInt32(0), &bytes)
      Manifest.append(base, &bytes)
    }
    var log = self
    log.seed = Checksum64.hash(payload, seed: seed)
    Manifest.append(UInt32(payload.count), &bytes)
    Manifest.append(UInt32(0), &bytes)
    Manifest.append(log.seed, &bytes)
    bytes += payload
    log.length += bytes.count
    return (bytes, log)
  }

  /// Reads the changes that belong to this manifest, up to the first that is damaged.
  mutating func read(_ bytes: [UInt8], file: String) -> [ManifestChange] {
    var reader = ByteReader(bytes: bytes, at: 8, file: file)
    guard bytes.starts(with: Self.magic), (try? reader.integer(UInt32.self)) == Self.version,
      (try? reader.integer(UInt32.self)) == 0, (try? reader.integer(UInt64.self)) == base
    else { return [] }
    length = Self.headerBytes
    var changes: [ManifestChange] = []
    // Whatever is wrong with an entry, it and all behind it are not there.
    while let entry = try? entry(&reader) {
      changes.append(entry.change)
      seed = entry.seed
      length += Self.entryBytes + entry.count
    }
    return changes
  }

  private func entry(
    _ reader: inout ByteReader
  ) throws(IndexError) -> (change: ManifestChange, seed: UInt64, count: Int) {
    let count = Int(try reader.integer(UInt32.self))
    _ = try reader.integer(UInt32.self)
    let expected = try reader.integer(UInt64.self)
    let payload = Array(try reader.bytes(count))
    guard Checksum64.hash(payload, seed: seed) == expected else { throw reader.damage("checksum does not match") }
    var inner = ByteReader(bytes: payload, at: 0, file: "")
    let fingerprint = try Manifest.fingerprint(&inner)
    var change = ManifestChange(fingerprint: fingerprint, gone: [], files: [])
    for _ in 0..<(try inner.integer(UInt32.self)) {
      let length = Int(try inner.integer(UInt32.self))
      change.gone.insert(String(decoding: try inner.bytes(length), as: UTF8.self))
    }
    for _ in 0..<(try inner.integer(UInt32.self)) { change.files.append(try Manifest.file(&inner)) }
    guard inner.isAtEnd else { throw inner.damage("longer than it says") }
    return (change, expected, count)
  }
}

extension Manifest {
  /// With all of these changes, in order.
  mutating func apply(_ changes: [ManifestChange]) {
    guard let last = changes.last else { return }
    fingerprint = last.fingerprint
    var gone: Set<String> = []
    var added: [String: File] = [:]
    for change in changes {
      for path in change.gone { added[path] = nil }
      gone.formUnion(change.gone)
      for file in change.files { added[file.entry.path] = file }
    }
    files.removeAll { gone.contains($0.entry.path) || added[$0.entry.path] != nil }
    files += added.values.sorted { $0.entry.path < $1.entry.path }
  }
}
