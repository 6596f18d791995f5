internal import Base

/// A complete, immutable set of records with their vectors and their inverted index, mapped from its file.
///
/// Everything in the file is checked once when it is opened: the checksum against rot and torn writes, and every
/// number that is used as an offset against the bounds, so that no file, however made, can lead a reader outside it.
final class Segment: Sendable {
  struct Record {
    var key: RecordKey
    var skip: SkipReason?
    var rows: Range<Int>
    var bytes: Int
  }

  let name: String
  let counts: SegmentFormat.Counts
  private let layout: SegmentFormat.Layout
  private let file: MappedFile

  init(path: String, name: String) throws(IndexError) {
    file = try MappedFile(path: path)
    self.name = name
    let bytes = file.bytes
    guard let counts = Self.counts(bytes) else { throw .damaged(file: name, reason: "not a segment of this version") }
    self.counts = counts
    layout = SegmentFormat.Layout(counts)
    guard layout.end == bytes.count else { throw .damaged(file: name, reason: "cut off") }
    guard Self.checksum(bytes) == bytes.load(56, UInt64.self) else {
      throw .damaged(file: name, reason: "checksum does not match")
    }
    guard isConsistent else { throw .damaged(file: name, reason: "numbers that do not fit together") }
  }

  /// Over all of the file but the checksum itself.
  static func checksum(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { checksum($0) } }

  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let header = Checksum64.hash(UnsafeRawBufferPointer(rebasing: bytes[..<56]))
    return Checksum64.hash(UnsafeRawBufferPointer(rebasing: bytes[SegmentFormat.headerBytes...]), seed: header)
  }

  private static func counts(_ bytes: UnsafeRawBufferPointer) -> SegmentFormat.Counts? {
    guard bytes.count >= SegmentFormat.headerBytes, bytes.prefix(8).elementsEqual(SegmentFormat.magic),
      bytes.load(8, UInt32.self) == SegmentFormat.version, bytes.load(12, UInt32.self) == Chunker.version,
      bytes.load(16, UInt64.self) == Checksum64.hash(BuiltInEmbedder.model),
      bytes.load(24, UInt64.self) == UInt64(bytes.count)
    else { return nil }
    let fields = (0..<5).map { Int(bytes.load(32 + 4 * $0, UInt32.self)) }
    return SegmentFormat.Counts(
      records: fields[0], rows: fields[1], terms: fields[2], symbols: fields[3], postings: fields[4])
  }

  // MARK: Reading

  func record(_ index: Int) -> Record? {
    let at = SegmentFormat.headerBytes + index * SegmentFormat.recordBytes
    let bytes = file.bytes
    guard let id = ObjectID(bytes: bytes[at..<at + Int(min(bytes[at + 32], 32))]) else { return nil }
    let first = Int(bytes.load(at + 36, UInt32.self))
    return Record(
      key: RecordKey(id: id, isTyped: bytes[at + 33] == 1), skip: SkipReason(rawValue: bytes[at + 34]),
      rows: first..<first + Int(bytes.load(at + 40, UInt32.self)), bytes: Int(bytes.load(at + 44, UInt32.self)))
  }

  /// Bytes of the text that a record was made from.
  func bytes(of key: RecordKey, firstRow: Int) -> Int {
    // Records lie in the order of their rows; those without a row have the same first row as the next.
    var low = 0
    var high = counts.records
    while low < high {
      let middle = (low + high) / 2
      if let record = record(middle), record.rows.upperBound <= firstRow { low = middle + 1 } else { high = middle }
    }
    return record(low).map { $0.key == key ? $0.bytes : 0 } ?? 0
  }

  func scale(_ row: Int) -> Float { Float(bitPattern: field(row, 0)) }
  func squaredLength(_ row: Int) -> Float { Float(bitPattern: field(row, 4)) }
  /// Counted from 0.
  func lines(_ row: Int) -> Range<Int> { Int(field(row, 8))..<Int(field(row, 12)) }
  func words(_ row: Int) -> Int { Int(field(row, 16)) }

  func symbol(_ row: Int) -> String {
    let start = layout.symbols + Int(field(row, 20))
    return String(decoding: file.bytes[start..<start + Int(field(row, 24))], as: UTF8.self)
  }

  /// The vectors from this row on. Valid as long as the segment is held.
  func vectors(from row: Int) -> UnsafePointer<Int8> {
    let base = file.bytes.baseAddress.map { $0 + layout.vectors + row * QuantisedVector.dimensions }
    precondition(base != nil, "a mapped file has an address")
    return base.map { $0.assumingMemoryBound(to: Int8.self) } ?? UnsafePointer(bitPattern: 1).unsafelyUnwrapped
  }

  /// The posting list of a term, as it is stored; nil when no row has the term. Valid as long as the segment is held.
  func postings(of term: UInt64) -> UnsafeRawBufferPointer? {
    guard let index = index(of: term) else { return nil }
    let bytes = file.bytes
    let start = layout.postings + Int(bytes.load(layout.offsets + 4 * index, UInt32.self))
    let end = layout.postings + Int(bytes.load(layout.offsets + 4 * index + 4, UInt32.self))
    return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
  }

  /// Calls `body` with row and frequency for every row that has the term.
  @inline(__always)
  func forEachPosting(of term: UInt64, _ body: (Int, UInt32) -> Void) {
    guard let index = index(of: term) else { return }
    forEachPosting(at: index, body)
  }

  func term(_ index: Int) -> UInt64 { file.bytes.load(layout.terms + 8 * index, UInt64.self) }

  @inline(__always)
  func forEachPosting(at index: Int, _ body: (Int, UInt32) -> Void) {
    let bytes = file.bytes
    var at = layout.postings + Int(bytes.load(layout.offsets + 4 * index, UInt32.self))
    let end = layout.postings + Int(bytes.load(layout.offsets + 4 * index + 4, UInt32.self))
    var row = 0
    while at < end {
      row += Int(Self.varint(bytes, &at, end))
      let frequency = Self.varint(bytes, &at, end)
      if row < counts.rows { body(row, frequency) }
    }
  }

  private func index(of term: UInt64) -> Int? {
    var low = 0
    var high = counts.terms
    while low < high {
      let middle = (low + high) / 2
      if self.term(middle) < term { low = middle + 1 } else { high = middle }
    }
    return low < counts.terms && self.term(low) == term ? low : nil
  }

  private func field(_ row: Int, _ offset: Int) -> UInt32 {
    file.bytes.load(layout.rows + row * SegmentFormat.rowBytes + offset, UInt32.self)
  }

  @inline(__always)
  private static func varint(_ bytes: UnsafeRawBufferPointer, _ at: inout Int, _ end: Int) -> UInt32 {
    var value: UInt32 = 0
    var shift: UInt32 = 0
    while at < end, shift < 32 {
      let byte = bytes[at]
      at += 1
      value |= UInt32(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift += 7
    }
    return value
  }

  // MARK: Checking

  private var isConsistent: Bool {
    guard counts.rows <= SegmentFormat.rowsMax * 64 else { return false }
    var nextRow = 0
    for index in 0..<counts.records {
      guard let record = record(index), record.rows.lowerBound == nextRow, record.rows.upperBound <= counts.rows else {
        return false
      }
      nextRow = record.rows.upperBound
    }
    guard nextRow == counts.rows else { return false }
    for row in 0..<counts.rows {
      guard field(row, 8) <= field(row, 12), Int(field(row, 20)) + Int(field(row, 24)) <= counts.symbols,
        scale(row).isFinite, squaredLength(row).isFinite
      else { return false }
    }
    return areTermsConsistent
  }

  private var areTermsConsistent: Bool {
    let bytes = file.bytes
    guard bytes.load(layout.offsets + 4 * counts.terms, UInt32.self) == UInt32(counts.postings) else { return false }
    for index in 0..<counts.terms {
      let start = bytes.load(layout.offsets + 4 * index, UInt32.self)
      guard start <= bytes.load(layout.offsets + 4 * index + 4, UInt32.self) else { return false }
      if index > 0, term(index - 1) >= term(index) { return false }
    }
    return true
  }
}

extension UnsafeRawBufferPointer {
  /// A little-endian integer at any offset.
  @inline(__always)
  func load<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Value.Type) -> Value {
    Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
  }
}
