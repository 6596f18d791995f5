internal import Base
internal import CModel

/// A complete, immutable set of vectors of one model, mapped from its file, little-endian.
///
///      0  magic "SBVECT01"   8  format version   12  dimensions   16  tag of model and chunker, 16 digits
///     32  rows 32            40  length 64       48  XXH64 from 64 on, seeded with the hash of bytes 0…47   56  0
///     64  entries, 48 bytes a row: id 32, its length 1, dialect 1, 0, chunk's number 32, scale f32, 0
///      ·  components of 8 bits: for each 256 dimensions all rows, one behind another (the last ones padded with zeros)
///
/// Lying by blocks of 256, vectors of any number of dimensions go through the products of the built-in model's.
final class VectorFile: Sendable {
  static let block = QuantisedVector.dimensions
  private static let magic = Array("SBVECT01".utf8)
  private static let version: UInt32 = 1
  private static let headerBytes = 64
  private static let entryBytes = 48

  let name: String
  let rows: Int
  let dimensions: Int
  private let file: MappedFile

  private var blocks: Int { (dimensions + Self.block - 1) / Self.block }
  private var componentsAt: Int { Self.headerBytes + rows * Self.entryBytes }

  /// Checks everything that is used as an offset later.
  init(path: String, name: String, tag: String) throws(IndexError) {
    file = try MappedFile(path: path)
    self.name = name
    let bytes = file.bytes
    guard bytes.count >= Self.headerBytes, bytes.prefix(8).elementsEqual(Self.magic),
      bytes.load(8, UInt32.self) == Self.version, bytes[16..<32].elementsEqual(tag.utf8)
    else { throw .damaged(file: name, reason: "not a file of vectors of this model and version") }
    rows = Int(bytes.load(32, UInt32.self))
    dimensions = Int(bytes.load(12, UInt32.self))
    guard (1...EmbeddingLimits.dimensionsMax).contains(dimensions), bytes.load(40, UInt64.self) == UInt64(bytes.count),
      bytes.count == Self.headerBytes + rows
        * (Self.entryBytes + (dimensions + Self.block - 1) / Self.block * Self.block)
    else { throw .damaged(file: name, reason: "cut off") }
    guard bytes.load(48, UInt64.self) == Self.checksum(bytes), bytes.load(56, UInt64.self) == 0 else {
      throw .damaged(file: name, reason: "checksum does not match")
    }
  }

  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let header = Checksum64.hash(UnsafeRawBufferPointer(rebasing: bytes[..<48]))
    return Checksum64.hash(UnsafeRawBufferPointer(rebasing: bytes[headerBytes...]), seed: header)
  }

  /// Nil only in a file that was made by no version of this.
  func id(_ row: Int) -> VectorID? {
    let at = Self.headerBytes + row * Self.entryBytes
    let bytes = file.bytes
    guard let id = ObjectID(bytes: bytes[at..<at + Int(min(bytes[at + 32], 32))]) else { return nil }
    return VectorID(
      record: RecordKey(id: id, isTyped: bytes[at + 33] == 1), row: Int(bytes.load(at + 36, UInt32.self)))
  }

  private func scale(_ row: Int) -> Float {
    Float(bitPattern: file.bytes.load(Self.headerBytes + row * Self.entryBytes + 40, UInt32.self))
  }

  /// A row as it was stored, to be written elsewhere.
  func row(_ number: Int) -> Row? {
    guard let id = id(number) else { return nil }
    var components: [Int8] = []
    for block in 0..<blocks {
      let at = componentsAt + (block * rows + number) * Self.block
      components.append(contentsOf: file.bytes[at..<at + Self.block].map { Int8(bitPattern: $0) })
    }
    return Row(id: id, scale: scale(number), components: components)
  }

  /// The inner product of a vector with every row.
  func products(_ query: Row) -> [Float] {
    var sums = [Int32](repeating: 0, count: rows)
    var part = sums
    for block in 0..<blocks where query.components.count >= (block + 1) * Self.block {
      let at = componentsAt + block * rows * Self.block
      query.components.withUnsafeBufferPointer { query in
        part.withUnsafeMutableBufferPointer { part in
          guard let rowsBase = file.bytes.baseAddress, let base = query.baseAddress else { return }
          sb_dots(
            base + block * Self.block, (rowsBase + at).assumingMemoryBound(to: Int8.self), rows, part.baseAddress)
        }
      }
      for row in 0..<rows { sums[row] &+= part[row] }
    }
    return (0..<rows).map { Float(sums[$0]) * scale($0) * query.scale }
  }

  /// A vector in integers: as `QuantisedVector`, of any number of dimensions, padded to whole blocks.
  struct Row: Sendable {
    var id: VectorID?
    var scale: Float
    var components: [Int8]

    init(id: VectorID?, scale: Float, components: [Int8]) {
      (self.id, self.scale, self.components) = (id, scale, components)
    }

    /// Rounds to nearest, ties to even; the largest component becomes ±127.
    init(id: VectorID?, _ vector: [Float]) {
      let largest = vector.reduce(0) { max($0, abs($1)) }
      let factor: Float = largest > 0 ? 127 / largest : 0
      self.id = id
      scale = largest / 127
      components = vector.map { Int8(($0 * factor).rounded(.toNearestOrEven)) }
      components += [Int8](repeating: 0, count: (VectorFile.block - vector.count % VectorFile.block) % VectorFile.block)
    }
  }

  static func encoded(_ rows: [Row], dimensions: Int, tag: String) -> [UInt8] {
    let blocks = (dimensions + block - 1) / block
    var file = FileBytes(count: headerBytes + rows.count * (entryBytes + blocks * block))
    file.put(magic, at: 0)
    file.put(version, at: 8)
    file.put(UInt32(dimensions), at: 12)
    file.put(Array(tag.utf8), at: 16)
    file.put(UInt32(rows.count), at: 32)
    file.put(UInt64(file.bytes.count), at: 40)
    for (number, row) in rows.enumerated() {
      guard let id = row.id else { continue }
      let at = headerBytes + number * entryBytes
      file.put(id.record.id.bytes, at: at)
      file.put([id.record.id.count, id.record.isTyped ? 1 : 0], at: at + 32)
      file.put(UInt32(id.row), at: at + 36)
      file.put(row.scale.bitPattern, at: at + 40)
      for part in 0..<blocks {
        let target = headerBytes + rows.count * entryBytes + (part * rows.count + number) * block
        row.components.withUnsafeBytes { source in
          file.put(UnsafeRawBufferPointer(rebasing: source[part * block..<(part + 1) * block]), at: target)
        }
      }
    }
    file.put(file.bytes.withUnsafeBytes { checksum($0) }, at: 48)
    return file.bytes
  }
}
