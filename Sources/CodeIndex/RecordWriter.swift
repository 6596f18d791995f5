/// Turns the contents of files into records: lines, chunks, names, vectors, postings. One worker owns it; everything
/// it needs stays allocated from one file to the next.
struct RecordWriter: ~Copyable {
  /// FORMAT.md, What to embed for a chunk.
  private static let namesWeight: Float = 0.5
  private static let enclosingWeight: Float = 0.25
  /// More terms than this are forgotten when the next segment begins.
  private static let termsMax = 1 << 20

  private let terms: TermTable
  private var lines = LineWords()
  private var draft = SegmentDraft()
  private var part = QuantisedVector.zeros()
  private var distinct: [UInt32] = []
  private var frequencies: [UInt32] = []

  init() throws(IndexError) { terms = try TermTable() }

  var isEmpty: Bool { draft.isEmpty }
  var isFull: Bool { draft.isFull }

  /// Adds the record of a file that was not read, so that it is not read again.
  mutating func addSkipped(_ key: RecordKey, _ reason: SkipReason) {
    draft.beginRecord(key, skip: reason, bytes: 0)
  }

  /// Adds the record of these contents; says why when they are not indexed, and how many chunks there are otherwise.
  mutating func add(
    _ key: RecordKey, _ contents: UnsafeBufferPointer<UInt8>
  ) throws(IndexError) -> (skip: SkipReason?, chunks: Int) {
    if let text = FileRules.transcoded(contents) {
      return try text.withUnsafeBufferPointer { text throws(IndexError) in
        try addText(key, text)
      }
    }
    return try addText(key, contents)
  }

  private mutating func addText(
    _ key: RecordKey, _ text: UnsafeBufferPointer<UInt8>
  ) throws(IndexError) -> (skip: SkipReason?, chunks: Int) {
    if let reason = FileRules.skip(contents: text) {
      draft.beginRecord(key, skip: reason, bytes: text.count)
      return (reason, 0)
    }
    try terms.split(text, into: &lines)
    let chunks = Chunker.chunks(of: text, lines, isTyped: key.isTyped)
    draft.beginRecord(key, skip: nil, bytes: text.count)
    for chunk in chunks { try add(chunk) }
    return (nil, chunks.count)
  }

  private mutating func add(_ chunk: Chunker.Chunk) throws(IndexError) {
    let names = try terms.split(chunk.names)
    let enclosing = try terms.split(chunk.enclosing)
    let bounds = Int(lines.lineWords[chunk.lines.lowerBound])..<Int(lines.lineWords[chunk.lines.upperBound])
    var vector = QuantisedVector.zeros()
    _ = lines.words.withUnsafeBufferPointer { words in
      terms.embed(UnsafeBufferPointer(rebasing: words[bounds]), into: &vector)
    }
    for (words, weight) in [(names, Self.namesWeight), (enclosing, Self.enclosingWeight)] where !words.isEmpty {
      let hasToken = words.withUnsafeBufferPointer { terms.embed($0, into: &part) }
      if hasToken { QuantisedVector.add(part, weight: weight, to: &vector) }
    }
    let stored = QuantisedVector(vector)
    let square = stored.components.withUnsafeBufferPointer { $0.baseAddress.map { stored.product(with: $0) } ?? 0 }
    let row = SegmentDraft.Row(
      scale: stored.scale, squared: Float(square) * stored.scale * stored.scale, lines: chunk.lines,
      words: bounds.count + names.count + enclosing.count, symbol: chunk.symbol)
    draft.add(row, stored.components)
    addPostings(Array(lines.words[bounds]) + names + enclosing)
  }

  private mutating func addPostings(_ words: [UInt32]) {
    if distinct.count < words.count {
      distinct = [UInt32](repeating: 0, count: words.count * 2)
      frequencies = distinct
    }
    let count = words.withUnsafeBufferPointer { terms.frequencies($0, terms: &distinct, counts: &frequencies) }
    for index in 0..<count { draft.addPosting(term: distinct[index], frequency: frequencies[index]) }
  }

  /// The finished segment's bytes; the writer begins the next one.
  mutating func takeSegment() -> [UInt8] {
    let bytes = terms.withHashes { draft.encoded(hashes: $0) }
    draft = SegmentDraft()
    if terms.count > Self.termsMax { terms.forgetAll() }
    return bytes
  }
}
