internal import Base

/// A segment while one worker fills it. Rows come in rising order, so sorting postings by term alone leaves every list
/// in the order of its rows.
struct SegmentDraft {
  struct Record {
    var key: RecordKey
    /// Why there are no rows.
    var skip: SkipReason?
    var firstRow: Int
    var rowCount: Int
    var bytes: Int
  }

  struct Row {
    var scale: Float
    /// Squared length of the vector as it is stored.
    var squared: Float
    var lines: Range<Int>
    var words: Int
    var symbol: String
  }

  private(set) var records: [Record] = []
  private(set) var rows: [Row] = []
  private var vectors: [Int8] = []
  private var symbols: [UInt8] = []
  /// One entry a posting: its term, and `row << 8 | frequency`.
  private var postingTerms: [UInt32] = []
  private var postings: [UInt32] = []

  var isEmpty: Bool { records.isEmpty }
  var isFull: Bool { rows.count >= SegmentFormat.rowsMax }

  mutating func beginRecord(_ key: RecordKey, skip: SkipReason?, bytes: Int) {
    records.append(Record(key: key, skip: skip, firstRow: rows.count, rowCount: 0, bytes: bytes))
  }

  /// Adds a row to the record begun last.
  mutating func add(_ row: Row, _ vector: some Collection<Int8>) {
    rows.append(row)
    vectors.append(contentsOf: vector)
    records[records.count - 1].rowCount += 1
  }

  /// Adds a posting of the row added last.
  mutating func addPosting(term: UInt32, frequency: UInt32) {
    postingTerms.append(term)
    postings.append(UInt32(rows.count - 1) << 8 | min(frequency, SegmentFormat.frequencyMax))
  }

  /// The file's bytes. `hashes` gives the hash of every term that the postings use, by number.
  func encoded(hashes: UnsafeBufferPointer<UInt64>) -> [UInt8] {
    let index = invertedIndex(hashes)
    let texts = rows.map { Array($0.symbol.utf8.prefix(255)) }
    let counts = SegmentFormat.Counts(
      records: records.count, rows: rows.count, terms: index.terms.count, symbols: texts.reduce(0) { $0 + $1.count },
      postings: index.bytes.count)
    let layout = SegmentFormat.Layout(counts)
    var file = FileBytes(count: layout.end)
    for (number, record) in records.enumerated() {
      put(record, at: SegmentFormat.headerBytes + number * SegmentFormat.recordBytes, &file)
    }
    var symbol = 0
    for (number, row) in rows.enumerated() {
      put(row, symbol: symbol, texts[number].count, at: layout.rows + number * SegmentFormat.rowBytes, &file)
      file.put(texts[number], at: layout.symbols + symbol)
      symbol += texts[number].count
    }
    vectors.withUnsafeBytes { file.put($0, at: layout.vectors) }
    index.terms.withUnsafeBytes { file.put($0, at: layout.terms) }
    index.offsets.withUnsafeBytes { file.put($0, at: layout.offsets) }
    index.bytes.withUnsafeBytes { file.put($0, at: layout.postings) }
    putHeader(counts, &file)
    return file.bytes
  }

  private func put(_ record: Record, at offset: Int, _ file: inout FileBytes) {
    file.put(record.key.id.bytes, at: offset)
    file.put([record.key.id.count, record.key.isTyped ? 1 : 0, record.skip?.rawValue ?? 0], at: offset + 32)
    for (field, value) in [record.firstRow, record.rowCount, record.bytes].enumerated() {
      file.put(UInt32(clamping: value), at: offset + 36 + 4 * field)
    }
  }

  private func put(_ row: Row, symbol: Int, _ symbolCount: Int, at offset: Int, _ file: inout FileBytes) {
    file.put(row.scale.bitPattern, at: offset)
    file.put(row.squared.bitPattern, at: offset + 4)
    let numbers = [row.lines.lowerBound, row.lines.upperBound, row.words, symbol, symbolCount]
    for (field, value) in numbers.enumerated() { file.put(UInt32(clamping: value), at: offset + 8 + 4 * field) }
  }

  private func putHeader(_ counts: SegmentFormat.Counts, _ file: inout FileBytes) {
    file.put(SegmentFormat.magic, at: 0)
    file.put(SegmentFormat.version, at: 8)
    file.put(Chunker.version, at: 12)
    file.put(Checksum64.hash(BuiltInEmbedder.model), at: 16)
    file.put(UInt64(file.bytes.count), at: 24)
    for (field, value) in [counts.records, counts.rows, counts.terms, counts.symbols, counts.postings].enumerated() {
      file.put(UInt32(clamping: value), at: 32 + 4 * field)
    }
    file.put(Segment.checksum(file.bytes), at: 56)
  }

  // MARK: The inverted index

  private struct InvertedIndex {
    var terms: [UInt64] = []
    var offsets: [UInt32] = []
    var bytes: [UInt8] = []
  }

  /// A counting sort by term, then each list written as differences.
  private func invertedIndex(_ hashes: UnsafeBufferPointer<UInt64>) -> InvertedIndex {
    var starts = [UInt32](repeating: 0, count: hashes.count + 1)
    for term in postingTerms { starts[Int(term) + 1] += 1 }
    for term in 0..<hashes.count { starts[term + 1] += starts[term] }
    var next = starts
    var sorted = [UInt32](repeating: 0, count: postings.count)
    for (index, term) in postingTerms.enumerated() {
      sorted[Int(next[Int(term)])] = postings[index]
      next[Int(term)] += 1
    }
    let used = (0..<hashes.count).filter { starts[$0 + 1] > starts[$0] }.sorted { hashes[$0] < hashes[$1] }
    var index = InvertedIndex()
    index.bytes.reserveCapacity(postings.count * 2 + postings.count / 2)
    for term in used {
      index.terms.append(hashes[term])
      index.offsets.append(UInt32(index.bytes.count))
      var before: UInt32 = 0
      for posting in sorted[Int(starts[term])..<Int(starts[term + 1])] {
        Self.appendVarint(posting >> 8 - before, &index.bytes)
        Self.appendVarint(posting & 0xFF, &index.bytes)
        before = posting >> 8
      }
    }
    index.offsets.append(UInt32(index.bytes.count))
    return index
  }

  /// Seven bits a byte, lowest first; the top bit says that more follow (as in Protocol Buffers).
  private static func appendVarint(_ value: UInt32, _ bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// A file in memory, of a size known before, filled with zeros.
struct FileBytes {
  private(set) var bytes: [UInt8]

  init(count: Int) { bytes = [UInt8](repeating: 0, count: count) }

  mutating func put(_ value: some FixedWidthInteger, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { put($0, at: offset) }
  }

  mutating func put(_ source: [UInt8], at offset: Int) { source.withUnsafeBytes { put($0, at: offset) } }

  mutating func put(_ source: UnsafeRawBufferPointer, at offset: Int) {
    precondition(offset + source.count <= bytes.count, "a section is as long as its layout says")
    bytes.withUnsafeMutableBytes { target in
      guard let target = target.baseAddress, let base = source.baseAddress else { return }
      (target + offset).copyMemory(from: base, byteCount: source.count)
    }
  }
}
