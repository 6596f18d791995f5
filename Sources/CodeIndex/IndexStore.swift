internal import Base
internal import Synchronization

/// All segments of a node, and which record is where. Shared by its projects: content that one of them has indexed is
/// found by all.
final class IndexStore: Sendable {
  struct Place: Sendable {
    var segment: Segment
    var rows: Range<Int>
    var skip: SkipReason?
  }

  private struct State {
    var segments: [String: Segment] = [:]
    var places: [RecordKey: Place] = [:]
  }

  let folder: IndexFolder
  /// Repositories that were open before.
  let handles = GitHandles()
  /// Segments that could not be used, with the reason; their files are gone and their records will be made again.
  let damaged: [String]
  private let state: Mutex<State>

  init(path: String) throws(IndexError) {
    folder = try IndexFolder(path: path)
    var state = State()
    var damaged: [String] = []
    for name in folder.segmentNames() {
      do {
        Self.insert(try folder.openSegment(name), &state)
      } catch {
        damaged.append(error.failure.message)
        folder.removeSegment(name)
      }
    }
    self.damaged = damaged
    self.state = Mutex(state)
  }

  private static func insert(_ segment: Segment, _ state: inout State) {
    state.segments[segment.name] = segment
    for index in 0..<segment.counts.records {
      guard let record = segment.record(index) else { continue }
      state.places[record.key] = Place(segment: segment, rows: record.rows, skip: record.skip)
    }
  }

  /// Writes a segment and makes its records known; they replace older ones of the same content.
  func add(_ bytes: [UInt8]) throws(IndexError) -> Segment {
    let segment = try folder.storeSegment(bytes)
    state.withLock { Self.insert(segment, &$0) }
    return segment
  }

  func places(_ keys: [RecordKey]) -> [Place?] { state.withLock { state in keys.map { state.places[$0] } } }

  var segments: [Segment] {
    state.withLock { $0.segments.values.sorted { $0.name < $1.name } }
  }

  /// Forgets segments and removes their files. Whoever still reads one keeps its mapping.
  func remove(_ names: Set<String>) {
    state.withLock { state in
      for name in names {
        guard let segment = state.segments.removeValue(forKey: name) else { continue }
        for index in 0..<segment.counts.records {
          guard let key = segment.record(index)?.key, state.places[key]?.segment === segment else { continue }
          state.places[key] = nil
        }
      }
    }
    for name in names { folder.removeSegment(name) }
  }

  /// The records of some segments as one, those of `isKept` only.
  static func merged(_ segments: [Segment], isKept: (RecordKey) -> Bool) -> [UInt8] {
    var draft = SegmentDraft()
    var terms: [UInt64: UInt32] = [:]
    var hashes: [UInt64] = []
    for segment in segments {
      var postings: [[(UInt32, UInt32)]] = Array(repeating: [], count: segment.counts.rows)
      for index in 0..<segment.counts.terms {
        let hash = segment.term(index)
        let term = terms[hash] ?? UInt32(hashes.count)
        if terms.updateValue(term, forKey: hash) == nil { hashes.append(hash) }
        segment.forEachPosting(at: index) { row, frequency in postings[row].append((term, frequency)) }
      }
      for index in 0..<segment.counts.records {
        guard let record = segment.record(index), isKept(record.key) else { continue }
        draft.beginRecord(record.key, skip: record.skip, bytes: record.bytes)
        for row in record.rows {
          draft.add(segment.draftRow(row), segment.vector(row))
          for (term, frequency) in postings[row] { draft.addPosting(term: term, frequency: frequency) }
        }
      }
    }
    return hashes.withUnsafeBufferPointer { draft.encoded(hashes: $0) }
  }
}

extension Segment {
  func draftRow(_ row: Int) -> SegmentDraft.Row {
    SegmentDraft.Row(
      scale: scale(row), squared: squaredLength(row), lines: lines(row), words: words(row), symbol: symbol(row))
  }

  func vector(_ row: Int) -> UnsafeBufferPointer<Int8> {
    UnsafeBufferPointer(start: vectors(from: row), count: QuantisedVector.dimensions)
  }
}
