internal import Base

/// The files of a generation whose records are in one segment: immutable, and shared by every generation that has
/// them, so that a commit builds what is new and nothing else.
///
/// A chunk of a file is a "slot". Postings speak of rows of a segment, and a row may be in several files (copies) or in
/// none, so there is a table from rows to slots.
final class GenerationPart: Sendable {
  let segment: Segment
  /// By row, so that a scan runs through memory forwards.
  let files: [IndexedFile]
  /// The first slot of every file, and the end.
  let firstSlots: [Int]
  let fileOfSlot: [UInt32]
  /// Words of a slot, with those of its path.
  let slotWords: [Float]
  /// What the inner products of a slot are multiplied by: content's scale over the length of the sum, and 1 over it.
  let contentFactors: [Float]
  let pathFactors: [Float]
  /// The vectors of all paths, one behind another, and their scales.
  let pathVectors: [Int8]
  let pathScales: [Float]
  /// The distinct words of all paths, one behind another: the word, its file, how often it is there.
  let pathTerms: [UInt64]
  let pathTermFiles: [UInt32]
  let pathTermCounts: [UInt8]
  /// What a path is found by first.
  let pathHashes: [UInt64]
  /// Slots whose rows follow one another: their vectors are compared in one go.
  let runs: [Run]
  /// A row's first slot, or -1; the next slot of the same row, or -1.
  let slotOfRow: [Int32]
  let nextSlot: [Int32]

  /// Some row is in several files.
  let hasCopies: Bool

  struct Run: Sendable {
    var firstRow: Int
    var slots: Range<Int>
  }

  var slotCount: Int { fileOfSlot.count }

  /// All files have their record in `segment`.
  init(segment: Segment, files unsorted: [IndexedFile]) {
    let files = unsorted.sorted { ($0.rows.lowerBound, $0.entry.path) < ($1.rows.lowerBound, $1.entry.path) }
    self.segment = segment
    self.files = files
    var slots = 0
    firstSlots =
      files.map { file in
        defer { slots += file.rows.count }
        return slots
      } + [slots]
    var fileOfSlot: [UInt32] = []
    fileOfSlot.reserveCapacity(slots)
    for (number, file) in files.enumerated() {
      fileOfSlot.append(contentsOf: repeatElement(UInt32(number), count: file.rows.count))
    }
    self.fileOfSlot = fileOfSlot
    var columns = Columns()
    columns.reserve(slots)
    for file in files { columns.add(file) }
    (slotWords, contentFactors, pathFactors) = (columns.words, columns.content, columns.path)
    pathVectors = Self.joined(files)
    pathScales = files.map(\.facts.vector.scale)
    (pathTerms, pathTermFiles, pathTermCounts) = Self.pathWords(files)
    pathHashes = files.map { Self.hash($0.entry.path) }
    (slotOfRow, nextSlot) = Self.rowTables(files, firstSlots, rows: segment.counts.rows)
    hasCopies = nextSlot.contains { $0 >= 0 }
    runs = Self.runs(files, firstSlots)
  }

  static func hash(_ path: String) -> UInt64 { Checksum64.hash(path) }

  /// Numbers of each slot, put together file by file.
  private struct Columns {
    var words: [Float] = []
    var content: [Float] = []
    var path: [Float] = []
    private var products: [Int32] = []

    mutating func reserve(_ slots: Int) {
      words.reserveCapacity(slots)
      content.reserveCapacity(slots)
      path.reserveCapacity(slots)
    }

    mutating func add(_ file: IndexedFile) {
      let (facts, segment) = (file.facts, file.segment)
      if products.count < file.rows.count { products = [Int32](repeating: 0, count: file.rows.count * 2) }
      products.withUnsafeMutableBufferPointer { products in
        guard let target = products.baseAddress, !file.rows.isEmpty else { return }
        facts.vector.products(with: segment.vectors(from: file.rows.lowerBound), count: file.rows.count, into: target)
      }
      let weight = IndexedFile.pathWeight
      for (index, row) in file.rows.enumerated() {
        let scale = segment.scale(row)
        let cross = Float(products[index]) * facts.vector.scale * scale
        let square = segment.squaredLength(row) + 2 * weight * cross + weight * weight * facts.squaredLength
        let factor = square > 1e-12 ? 1 / square.squareRoot() : 0
        path.append(factor)
        content.append(scale * factor)
        words.append(Float(segment.words(row) + facts.wordCount))
      }
    }
  }

  private static func rowTables(
    _ files: [IndexedFile], _ firstSlots: [Int], rows: Int
  ) -> (first: [Int32], next: [Int32]) {
    var next = [Int32](repeating: -1, count: firstSlots.last ?? 0)
    var first = [Int32](repeating: -1, count: rows)
    for (number, file) in files.enumerated() {
      var slot = firstSlots[number]
      for row in file.rows {
        next[slot] = first[row]
        first[row] = Int32(slot)
        slot += 1
      }
    }
    return (first, next)
  }

  private static func runs(_ files: [IndexedFile], _ firstSlots: [Int]) -> [Run] {
    var runs: [Run] = []
    for (number, file) in files.enumerated() {
      let slots = firstSlots[number]..<firstSlots[number + 1]
      if let last = runs.last, last.firstRow + last.slots.count == file.rows.lowerBound {
        runs[runs.count - 1].slots = last.slots.lowerBound..<slots.upperBound
      } else {
        runs.append(Run(firstRow: file.rows.lowerBound, slots: slots))
      }
    }
    return runs
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
}

/// A part as one generation has it: without the files that left since it was built.
struct LivePart: Sendable {
  let part: GenerationPart
  /// Of each file and of each slot: not there any more. Both empty when all are there.
  let goneFiles: [Bool]
  let goneSlots: [UInt8]
  let fileCount: Int
  let slotCount: Int
  /// Of all slots that are there; whole numbers, so that a sum is the same in any order.
  let wordSum: Double

  init(_ part: GenerationPart) {
    self.init(part, gone: [])
  }

  private init(_ part: GenerationPart, gone: [Bool]) {
    self.part = part
    goneFiles = gone
    guard !gone.isEmpty else {
      goneSlots = []
      (fileCount, slotCount) = (part.files.count, part.slotCount)
      wordSum = part.slotWords.reduce(0) { $0 + Double($1) }
      return
    }
    var slots = [UInt8](repeating: 0, count: part.slotCount)
    var (files, count, words) = (0, 0, 0.0)
    for (number, isGone) in gone.enumerated() {
      let range = part.firstSlots[number]..<part.firstSlots[number + 1]
      if isGone {
        for slot in range { slots[slot] = 1 }
      } else {
        files += 1
        count += range.count
        for slot in range { words += Double(part.slotWords[slot]) }
      }
    }
    (goneSlots, fileCount, slotCount, wordSum) = (slots, files, count, words)
  }

  func isGone(_ file: Int) -> Bool { !goneFiles.isEmpty && goneFiles[file] }

  var files: [IndexedFile] {
    goneFiles.isEmpty ? part.files : zip(part.files, goneFiles).filter { !$1 }.map(\.0)
  }

  /// Without the files of these paths; `hashes` are the paths'. Nil when nothing is left.
  func without(_ paths: Set<String>, hashes: Set<UInt64>) -> LivePart? {
    var gone = goneFiles
    for (number, hash) in part.pathHashes.enumerated() where hashes.contains(hash) {
      guard !isGone(number), paths.contains(part.files[number].entry.path) else { continue }
      if gone.isEmpty { gone = [Bool](repeating: false, count: part.files.count) }
      gone[number] = true
    }
    if gone == goneFiles { return self }
    let rest = LivePart(part, gone: gone)
    return rest.fileCount == 0 ? nil : rest
  }

  /// Less than half of it is in use: worth building anew.
  var isSparse: Bool { slotCount * 2 < part.slotCount }
}
