/// What a path alone says: computed once for a path, shared by every generation that has it.
final class PathFacts: Sendable {
  let language: Language?
  let isTest: Bool
  /// Of the path without its ending; the zero vector when it has no token.
  let vector: QuantisedVector
  /// Squared length of the vector as it is stored: 1 but for rounding, or 0.
  let squaredLength: Float
  /// Distinct words of the path, and how often each occurs.
  let terms: [UInt64]
  let frequencies: [UInt32]
  /// All words of the path.
  let wordCount: Int

  init(path: String, _ table: borrowing TermTable) throws(IndexError) {
    language = Language.of(path: path)
    isTest = FileRules.isTest(path: path)
    let words = try table.split(Self.stem(path))
    var vector = QuantisedVector.zeros()
    _ = words.withUnsafeBufferPointer { table.embed($0, into: &vector) }
    let stored = QuantisedVector(vector)
    let square = stored.components.withUnsafeBufferPointer { $0.baseAddress.map { stored.product(with: $0) } ?? 0 }
    self.vector = stored
    squaredLength = Float(square) * stored.scale * stored.scale
    var distinct = [UInt32](repeating: 0, count: words.count)
    var counts = distinct
    let count = words.withUnsafeBufferPointer { table.frequencies($0, terms: &distinct, counts: &counts) }
    terms = table.withHashes { hashes in distinct.prefix(count).map { hashes[Int($0)] } }
    frequencies = Array(counts.prefix(count))
    wordCount = words.count
  }

  /// FORMAT.md: without the last `.` and what follows it.
  static func stem(_ path: String) -> String {
    guard let dot = path.lastIndex(of: ".") else { return path }
    return String(path[..<dot])
  }
}

/// One file of a generation: its path, and the record of its content. Immutable, and carried over from generation to
/// generation as long as neither changes.
final class IndexedFile: Sendable {
  static let pathWeight: Float = 0.3

  let entry: SourceEntry
  let stamp: FileStamp?
  let facts: PathFacts
  let segment: Segment
  let rows: Range<Int>

  init(entry: SourceEntry, stamp: FileStamp?, facts: PathFacts, segment: Segment, rows: Range<Int>) {
    self.entry = entry
    self.stamp = stamp
    self.facts = facts
    self.segment = segment
    self.rows = rows
  }
}
