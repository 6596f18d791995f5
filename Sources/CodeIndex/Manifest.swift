internal import Base

/// What a generation of a project consists of: where the project stood, and the content of every file. With the
/// segments it is everything that is needed to answer; nothing in it is a position, so segments may be merged freely.
///
///      0  magic "SBMANI01"   8  version   12  chunker version   16  hash of the model's name   24  XXH64 of the rest
///     32  three texts (commit, tree, ref), each a 32-bit length and UTF-8, length 2^32-1 for none; number of files;
///         then for each file: length of its path 32, id length 8, reason and flags 8, id, path, and for files outside
///         git their size 64, time of change 64 (nanoseconds) and inode 64
struct Manifest: Sendable, Equatable {
  struct File: Sendable, Equatable {
    var entry: SourceEntry
    /// Of what lies in the folder and in no commit: when these are the same, so are the contents.
    var stamp: FileStamp?
  }

  var fingerprint: Fingerprint
  var files: [File]

  private static let magic = Array("SBMANI01".utf8)
  private static let version: UInt32 = 1
  private static let bodyStart = 32
  private static let noText = UInt32.max
  private static let stamped: UInt8 = 0x80
  private static let typed: UInt8 = 0x40

  init(fingerprint: Fingerprint, files: [File]) {
    self.fingerprint = fingerprint
    self.files = files
  }

  func encoded() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.bodyStart)
    bytes.reserveCapacity(Self.bodyStart + files.count * 96)
    Self.append(fingerprint, &bytes)
    Self.append(UInt32(files.count), &bytes)
    for file in files { Self.append(file, &bytes) }
    var header = FileBytes(count: Self.bodyStart)
    header.put(Self.magic, at: 0)
    header.put(Self.version, at: 8)
    header.put(Chunker.version, at: 12)
    header.put(Checksum64.hash(BuiltInEmbedder.model), at: 16)
    header.put(Self.checksum(bytes), at: 24)
    bytes.replaceSubrange(0..<Self.bodyStart, with: header.bytes)
    return bytes
  }

  static func append(_ fingerprint: Fingerprint, _ bytes: inout [UInt8]) {
    for text in [fingerprint.commit, fingerprint.tree, fingerprint.ref] {
      append(text.map { UInt32($0.utf8.count) } ?? noText, &bytes)
      bytes.append(contentsOf: (text ?? "").utf8)
    }
  }

  static func append(_ file: File, _ bytes: inout [UInt8]) {
    append(UInt32(file.entry.path.utf8.count), &bytes)
    bytes.append(file.entry.id.count)
    bytes.append(flags(file))
    withUnsafeBytes(of: file.entry.id.words) { bytes.append(contentsOf: $0.prefix(Int(file.entry.id.count))) }
    bytes.append(contentsOf: file.entry.path.utf8)
    guard let stamp = file.stamp else { return }
    append(stamp.size, &bytes)
    append(stamp.changed, &bytes)
    append(stamp.inode, &bytes)
  }

  private static func flags(_ file: File) -> UInt8 {
    (file.entry.skip?.rawValue ?? 0) | (file.stamp == nil ? 0 : stamped) | (file.entry.isTyped ? typed : 0)
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { Checksum64.hash(UnsafeRawBufferPointer(rebasing: $0[bodyStart...])) }
  }

  static func append(_ value: some FixedWidthInteger, _ bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  init(decoding bytes: [UInt8], file: String) throws(IndexError) {
    guard bytes.count >= Self.bodyStart, bytes.starts(with: Self.magic) else {
      throw .damaged(file: file, reason: "not a manifest")
    }
    var reader = ByteReader(bytes: bytes, at: 8, file: file)
    guard try reader.integer(UInt32.self) == Self.version, try reader.integer(UInt32.self) == Chunker.version,
      try reader.integer(UInt64.self) == Checksum64.hash(BuiltInEmbedder.model)
    else { throw .damaged(file: file, reason: "made by another version") }
    guard try reader.integer(UInt64.self) == Self.checksum(bytes) else {
      throw .damaged(file: file, reason: "checksum does not match")
    }
    fingerprint = try Self.fingerprint(&reader)
    let count = Int(try reader.integer(UInt32.self))
    files = []
    files.reserveCapacity(min(count, bytes.count / 26))
    for _ in 0..<count { files.append(try Self.file(&reader)) }
    guard reader.isAtEnd else { throw .damaged(file: file, reason: "longer than it says") }
  }

  /// The checksum in the bytes of a manifest.
  static func checksum(in bytes: [UInt8]) -> UInt64 {
    bytes.count < bodyStart ? 0 : bytes.withUnsafeBytes { $0.load(24, UInt64.self) }
  }

  static func fingerprint(_ reader: inout ByteReader) throws(IndexError) -> Fingerprint {
    let texts = try [reader.text(), reader.text(), reader.text()]
    return Fingerprint(commit: texts[0], tree: texts[1], ref: texts[2])
  }

  static func file(_ reader: inout ByteReader) throws(IndexError) -> File {
    let pathCount = Int(try reader.integer(UInt32.self))
    let idCount = Int(try reader.integer(UInt8.self))
    let flags = try reader.integer(UInt8.self)
    guard let id = ObjectID(bytes: try reader.bytes(idCount)) else { throw reader.damage("id of a wrong length") }
    let path = String(decoding: try reader.bytes(pathCount), as: UTF8.self)
    let skip = SkipReason(rawValue: flags & ~(stamped | typed))
    let entry = SourceEntry(
      path: path, id: id, skip: skip, isTyped: flags & typed != 0, isInFolder: flags & stamped != 0)
    var file = File(entry: entry, stamp: nil)
    if flags & stamped != 0 {
      file.stamp = FileStamp(
        size: try reader.integer(Int64.self), changed: try reader.integer(Int64.self),
        inode: try reader.integer(UInt64.self))
    }
    return file
  }
}

/// Walks over bytes and never past their end.
struct ByteReader {
  let source: [UInt8]
  private var at: Int
  private let file: String
  private static let noText = UInt32.max

  init(bytes: [UInt8], at: Int, file: String) {
    source = bytes
    self.at = at
    self.file = file
  }

  var isAtEnd: Bool { at == source.count }

  func damage(_ reason: String) -> IndexError { .damaged(file: file, reason: reason) }

  mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) throws(IndexError) -> Value {
    let size = MemoryLayout<Value>.size
    guard source.count - at >= size else { throw damage("cut off") }
    defer { at += size }
    return source.withUnsafeBytes { $0.load(at, Value.self) }
  }

  mutating func bytes(_ count: Int) throws(IndexError) -> ArraySlice<UInt8> {
    guard count >= 0, source.count - at >= count else { throw damage("cut off") }
    defer { at += count }
    return source[at..<at + count]
  }

  /// A 32-bit length and UTF-8; nil for the length that means none.
  mutating func text() throws(IndexError) -> String? {
    let count = try integer(UInt32.self)
    return count == Self.noText ? nil : String(decoding: try bytes(Int(count)), as: UTF8.self)
  }
}

/// What the file system says of a file without reading it.
struct FileStamp: Sendable, Equatable {
  var size: Int64
  /// The later of its times of change of contents and of anything, in nanoseconds.
  var changed: Int64
  var inode: UInt64
}
