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
  /// The first slot of every file, and the end.
  let firstSlots: [Int]
  let fileOfSlot: [UInt32]
  /// Words of a slot, with those of its path.
  let slotWords: [Float]
  let averageWords: Float
  /// For each segment: a row's first slot, or -1.
  private let slotOfRow: [ObjectIdentifier: [Int32]]
  /// The next slot of the same row, or -1.
  private let nextSlot: [Int32]

  var slotCount: Int { fileOfSlot.count }
  /// Files that are in the index, also those too short for a chunk.
  var indexedCount: Int { files.count + others.count { $0.entry.skip == nil } }

  init(fingerprint: Fingerprint, files unsorted: [IndexedFile], others: [Manifest.File]) {
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
    var fileOfSlot = [UInt32](repeating: 0, count: slots)
    var slotWords = [Float](repeating: 0, count: slots)
    var nextSlot = [Int32](repeating: -1, count: slots)
    var table: [Int32] = []
    var tables: [ObjectIdentifier: [Int32]] = [:]
    var slot = 0
    for (number, file) in files.enumerated() {
      if number == 0 || files[number - 1].segment !== file.segment {
        if number > 0 { tables[ObjectIdentifier(files[number - 1].segment)] = table }
        table = [Int32](repeating: -1, count: file.segment.counts.rows)
      }
      firstSlots.append(slot)
      for row in file.rows {
        fileOfSlot[slot] = UInt32(number)
        slotWords[slot] = Float(file.segment.words(row) + file.facts.wordCount)
        nextSlot[slot] = table[row]
        table[row] = Int32(slot)
        slot += 1
      }
    }
    if let last = files.last { tables[ObjectIdentifier(last.segment)] = table }
    firstSlots.append(slot)
    (self.firstSlots, self.fileOfSlot, self.slotWords) = (firstSlots, fileOfSlot, slotWords)
    (self.nextSlot, slotOfRow) = (nextSlot, tables)
    averageWords = slots == 0 ? 1 : slotWords.reduce(0, +) / Float(slots)
  }

  private static func ordered(_ files: [IndexedFile]) -> [IndexedFile] {
    files.sorted { left, right in
      if left.segment !== right.segment { return left.segment.name < right.segment.name }
      if left.rows.lowerBound != right.rows.lowerBound { return left.rows.lowerBound < right.rows.lowerBound }
      return left.entry.path < right.entry.path
    }
  }

  /// Calls `body` with slot and frequency for every chunk whose content has the term.
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
