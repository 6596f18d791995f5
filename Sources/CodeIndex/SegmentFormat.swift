/// How a segment lies in its file, little-endian. Sections begin at multiples of 64 and follow one another.
///
///       0  magic "SBSEGM01"      8  format version        12  chunker version     16  hash of the model's name
///      24  length of the file   32  number of records     36  number of rows      40  number of terms
///      44  bytes of symbols     48  bytes of postings     56  XXH64 of all from 64 on, seeded with bytes 0…55
///      64  records, 64 bytes each: id 32, its length 1, dialect 1, reason 1, 0, first row 4, rows 4, bytes 4, 0
///       ·  rows, 32 bytes each: scale f32, squared length f32, first line, line behind, words, symbol's offset and
///          length, 0
///       ·  vectors, 256 bytes a row
///       ·  terms: 64-bit hashes in rising order; then one 32-bit offset a term and the end, into the postings
///       ·  postings: for each term its rows in rising order, as varint(difference) varint(frequency)
///       ·  symbols: UTF-8
///
/// A record is one content (a git blob), cut by one version of the chunker and embedded by one model. It knows no path:
/// a renamed file, a branch, a worktree or a second project finds its record and has nothing to compute. What depends
/// on the path is added when a generation is put together.
enum SegmentFormat {
  static let magic = Array("SBSEGM01".utf8)
  static let version: UInt32 = 1
  static let headerBytes = 64
  static let recordBytes = 64
  static let rowBytes = 32
  static let alignment = 64
  /// A worker begins another segment when it has this many rows: bounds its memory, and `row << 8 | frequency` fits.
  static let rowsMax = 32_768
  static let frequencyMax: UInt32 = 255

  struct Counts: Equatable {
    var records = 0
    var rows = 0
    var terms = 0
    var symbols = 0
    var postings = 0
  }

  /// Where the sections of a segment of these sizes begin.
  struct Layout {
    let rows, vectors, terms, offsets, postings, symbols, end: Int

    init(_ counts: Counts) {
      rows = Self.next(headerBytes + counts.records * recordBytes)
      vectors = Self.next(rows + counts.rows * rowBytes)
      terms = Self.next(vectors + counts.rows * QuantisedVector.dimensions)
      offsets = Self.next(terms + counts.terms * 8)
      postings = Self.next(offsets + (counts.terms + 1) * 4)
      symbols = Self.next(postings + counts.postings)
      end = symbols + counts.symbols
    }

    private static func next(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
  }
}

/// What a record is found by. The dialect says which rules found its names: they depend on the file's ending.
struct RecordKey: Hashable, Sendable {
  var id: ObjectID
  var isTyped: Bool
}
