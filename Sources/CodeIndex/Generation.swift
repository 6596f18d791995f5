/// Everything one project answers from, at one moment: immutable, swapped as a whole, so that a search sees the state
/// before an update or the one after it, and never half of it.
///
/// A chunk of a file is a "slot"; slots are numbered through all files. Postings speak of rows of a segment, and a row
/// may be in several files (copies) or in none any more, so there is a table from rows to slots.
final class Generation: Sendable {
  let fingerprint: Fingerprint
  /// Files with chunks, ordered by segment and row, so that a scan runs through memory forwards.
  let files: [IndexedFile]
  /// All others: skipped, or without a chunk.
  let others: [Manifest.File]
  let segments: [Segment]
  /// Every listed file is in it; else some could not be read, and the next run looks at all of them again.
  let isComplete: Bool
  /// The first slot of every file, and the end.
  let firstSlots: [Int]
  let fileOfSlot: [UInt32]
  /// Words of a slot, with those of its path.
  let slotWords: [Float]
  let averageWords: Float
  /// What the inner products of a slot are multiplied by: content's scale over the length of the sum, and 1 over it.
  let contentFactors: [Float]
  let pathFactors: [Float]
  /// The vectors of all paths, one behind another, and their scales.
  let pathVectors: [Int8]
  let pathScales: [Float]
  /// Where the vectors of a file's rows are; valid as long as `segments` are held, which is as long as `self` is.
  private let vectorAddresses: [UInt]
  /// The distinct words of all paths, one behind another: the word, its file, how often it is there.
  let pathTerms: [UInt64]
  let pathTermFiles: [UInt32]
  let pathTermCounts: [UInt8]
  /// For each segment: a row's first slot, or -1.
  private let slotOfRow: [ObjectIdentifier: [Int32]]
  /// The next slot of the same row, or -1.
  private let nextSlot: [Int32]

  var slotCount: Int { fileOfSlot.count }
  /// Files that are in the index, also those too short for a chunk.
  var indexedCount: Int { files.count + others.count { $0.entry.skip == nil } }

  init(
    fingerprint: Fingerprint, files unsorted: [IndexedFile], others: [Manifest.File], isComplete: Bool
  ) {
    self.isComplete = isComplete
    let files = Self.ordered(unsorted)
    self.fingerprint = fingerprint
    self.files = files
    self.others = others
    var segments: [Segment] = []
    for file in files where segments.last !== file.segment { segments.append(file.segment) }
    self.segments = segments
    let slots = files.reduce(0) { $0 + $1.rows.count }
    var firstSlots: [Int] = []
    firstSlots.reserveCapacity(files.count + 1)
    var fileOfSlot: [UInt32] = []
    var (slotWords, contentFactors, pathFactors): ([Float], [Float], [Float]) = ([], [], [])
    fileOfSlot.reserveCapacity(slots)
    slotWords.reserveCapacity(slots)
    contentFactors.reserveCapacity(slots)
    pathFactors.reserveCapacity(slots)
    for (number, file) in files.enumerated() {
      firstSlots.append(fileOfSlot.count)
      fileOfSlot.append(contentsOf: repeatElement(UInt32(number), count: file.rows.count))
      slotWords.append(contentsOf: file.words)
      contentFactors.append(contentsOf: file.contentFactors)
      pathFactors.append(contentsOf: file.pathFactors)
    }
    firstSlots.append(slots)
    (nextSlot, slotOfRow) = Self.rowTables(files, firstSlots)
    (self.firstSlots, self.fileOfSlot, self.slotWords) = (firstSlots, fileOfSlot, slotWords)
    (self.contentFactors, self.pathFactors) = (contentFactors, pathFactors)
    pathVectors = Self.joined(files)
    pathScales = files.map(\.facts.vector.scale)
    vectorAddresses = files.map { UInt(bitPattern: $0.segment.vectors(from: $0.rows.lowerBound)) }
    (pathTerms, pathTermFiles, pathTermCounts) = Self.pathWords(files)
    averageWords = slots == 0 ? 1 : slotWords.reduce(0, +) / Float(slots)
  }

  /// For each slot the next one of the same row, and for each segment the first slot of every row.
  private static func rowTables(
    _ files: [IndexedFile], _ firstSlots: [Int]
  ) -> (next: [Int32], first: [ObjectIdentifier: [Int32]]) {
    var next = [Int32](repeating: -1, count: firstSlots.last ?? 0)
    var tables: [ObjectIdentifier: [Int32]] = [:]
    var table: [Int32] = []
    for (number, file) in files.enumerated() {
      if number == 0 || files[number - 1].segment !== file.segment {
        if number > 0 { tables[ObjectIdentifier(files[number - 1].segment)] = table }
        table = [Int32](repeating: -1, count: file.segment.counts.rows)
      }
      var slot = firstSlots[number]
      for row in file.rows {
        next[slot] = table[row]
        table[row] = Int32(slot)
        slot += 1
      }
    }
    if let last = files.last { tables[ObjectIdentifier(last.segment)] = table }
    return (next, tables)
  }

  private static func pathWords(_ files: [IndexedFile]) -> (terms: [UInt64], files: [UInt32], counts: [UInt8]) {
    let count = files.reduce(0) { $0 + $1.facts.terms.count }
    var terms: [UInt64] = []
    var numbers: [UInt32] = []
    var counts: [UInt8] = []
    terms.reserveCapacity(count)
    numbers.reserveCapacity(count)
    counts.reserveCapacity(count)
    for (number, file) in files.enumerated() {
      terms.append(contentsOf: file.facts.terms)
      numbers.append(contentsOf: repeatElement(UInt32(number), count: file.facts.terms.count))
      for frequency in file.facts.frequencies { counts.append(UInt8(clamping: frequency)) }
    }
    return (terms, numbers, counts)
  }

  private static func joined(_ files: [IndexedFile]) -> [Int8] {
    let width = QuantisedVector.dimensions
    return [Int8](unsafeUninitializedCapacity: files.count * width) { target, count in
      for (number, file) in files.enumerated() {
        file.facts.vector.components.withUnsafeBufferPointer { source in
          _ = UnsafeMutableBufferPointer(rebasing: target[number * width..<(number + 1) * width]).update(from: source)
        }
      }
      count = files.count * width
    }
  }

  /// The vectors of a file's rows, one behind another.
  func vectors(of file: Int) -> UnsafePointer<Int8>? { UnsafePointer(bitPattern: vectorAddresses[file]) }

  private static func ordered(_ files: [IndexedFile]) -> [IndexedFile] {
    var numbers: [ObjectIdentifier: Int] = [:]
    for file in files where numbers[ObjectIdentifier(file.segment)] == nil {
      numbers[ObjectIdentifier(file.segment)] = numbers.count
    }
    // One integer a file: sorting numbers is several times faster than comparing objects.
    var keys: [(key: Int, file: Int)] = []
    keys.reserveCapacity(files.count)
    for (index, file) in files.enumerated() {
      keys.append(((numbers[ObjectIdentifier(file.segment)] ?? 0) << 32 | file.rows.lowerBound, index))
    }
    keys.sort { ($0.key, $0.file) < ($1.key, $1.file) }
    return keys.map { files[$0.file] }
  }

  /// Calls `body` with slot and frequency for every chunk whose content has the term.
  @inline(__always)
  func forEachPosting(of term: UInt64, _ body: (Int, UInt32) -> Void) {
    for segment in segments {
      guard let table = slotOfRow[ObjectIdentifier(segment)] else { continue }
      table.withUnsafeBufferPointer { table in
        segment.forEachPosting(of: term) { row, frequency in
          var slot = table[row]
          while slot >= 0 {
            body(Int(slot), frequency)
            slot = nextSlot[Int(slot)]
          }
        }
      }
    }
  }

  var manifest: Manifest {
    let own = files.map { Manifest.File(entry: $0.entry, stamp: $0.stamp) }
    return Manifest(fingerprint: fingerprint, files: own + others)
  }
}
