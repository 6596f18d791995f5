internal import Base
internal import Synchronization

extension IndexEngine {
  /// Segments of one size before they become one: keeps the number a search walks through small (logarithmic, as in a
  /// log-structured merge tree), and what a merge costs in proportion to what came in since the last.
  private static let segmentsPerTier = 8
  private static let tierFactor = 8
  private static let unneededMilliseconds: Int64 = 7 * 24 * 3_600_000

  /// Merges what many small commits left behind, one caller at a time: who comes meanwhile leaves it to the next.
  /// Searches and runs go on. `isCancelled` is looked at between merges. Call it after a run, where it may take long.
  public func mergeSmallSegments(isCancelled: () -> Bool = { false }) throws(IndexError) {
    guard isMerging.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else { return }
    defer { isMerging.store(false, ordering: .releasing) }
    takeUpMoved()
    var tiers: [Int: [Segment]] = [:]
    for segment in store.segments where segment.counts.rows < SegmentFormat.rowsMax / 2 {
      var tier = 0
      var rows = max(1, segment.counts.rows)
      while rows >= Self.tierFactor {
        rows /= Self.tierFactor
        tier += 1
      }
      tiers[tier, default: []].append(segment)
    }
    for (_, segments) in tiers.sorted(by: { $0.key < $1.key }) where segments.count >= Self.segmentsPerTier {
      if isCancelled() { return }
      try rewrite(segments) { _ in true }
    }
  }

  /// A run that began before a merge and ended after it brought a generation of segments that are not there any more:
  /// it answers as well, and keeps their files from being let go.
  private func takeUpMoved() {
    let present = Set(store.segments.map { ObjectIdentifier($0) })
    let assembly = Assembly(store: store, old: nil)
    let current = projects.withLock { $0.compactMapValues(\.generation) }
    for (id, generation) in current {
      let gone = generation.segments.subtracting(present)
      guard !gone.isEmpty, let moved = generation.moving(gone, assembly.moved) else { continue }
      projects.withLock { projects in
        if projects[id]?.generation === generation { projects[id]?.generation = moved }
      }
    }
  }

  /// Replaces segments by one with the records that are kept. Searches under way keep the old ones mapped.
  private func rewrite(_ segments: [Segment], isKept: (RecordKey) -> Bool) throws(IndexError) {
    let merged = try store.add(IndexStore.merged(segments, isKept: isKept))
    let old = Set(segments.map { ObjectIdentifier($0) })
    let current = projects.withLock { $0.compactMapValues(\.generation) }
    let assembly = Assembly(store: store, old: nil)
    for (id, generation) in current where generation.uses(old) {
      guard let moved = generation.moving(old, assembly.moved) else { continue }
      projects.withLock { projects in
        // A run that finished meanwhile has put a newer one there, which may hold the old mapping: also right.
        if projects[id]?.generation === generation { projects[id]?.generation = moved }
      }
    }
    store.remove(Set(segments.map(\.name)).subtracting([merged.name]))
  }

  /// Removes records that no project has needed for seven days: the time of day is `now`, in milliseconds since 1970.
  /// Call it now and then, at most a few times an hour. Returns how many segments it removed or shrank.
  @discardableResult
  public func collect(nowMilliseconds now: Int64) throws(IndexError) -> Int {
    let needed = neededKeys()
    var unneeded = store.folder.readUnneeded()
    var remaining: [String: Int64] = [:]
    var changed = 0
    for segment in store.segments {
      var rows = 0
      for index in 0..<segment.counts.records {
        guard let record = segment.record(index), needed.contains(record.key) else { continue }
        rows += max(1, record.rows.count)
      }
      // As long as half of it is in use, a segment is left alone.
      guard rows * 2 < max(1, segment.counts.rows) else { continue }
      let since = unneeded.removeValue(forKey: segment.name) ?? now
      guard now - since >= Self.unneededMilliseconds else {
        remaining[segment.name] = since
        continue
      }
      if rows == 0 {
        store.remove([segment.name])
      } else {
        try rewrite([segment]) { needed.contains($0) }
      }
      changed += 1
    }
    try store.folder.writeUnneeded(remaining)
    // Vectors of a server live as long as the record they belong to.
    try remote?.collect()
    return changed
  }

  /// Of all generations, and of stored projects that this node has not been told of.
  private func neededKeys() -> Set<RecordKey> {
    let generations = projects.withLock { $0.compactMapValues(\.generation) }
    var keys: Set<RecordKey> = []
    for generation in generations.values {
      for file in generation.files { keys.insert(file.entry.recordKey) }
      for file in generation.others { keys.insert(file.entry.recordKey) }
    }
    for id in store.folder.manifestIDs() where generations[id] == nil {
      // A manifest that cannot be read needs nothing: it will be made anew.
      guard let stored = try? store.folder.readManifest(id) else { continue }
      for file in stored.manifest.files { keys.insert(file.entry.recordKey) }
    }
    return keys
  }
}
