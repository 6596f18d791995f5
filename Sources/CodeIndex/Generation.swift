/// Everything one project answers from, at one moment: immutable, swapped as a whole, so that a search sees the state
/// before an update or the one after it, and never half of it.
final class Generation: Sendable {
  let fingerprint: Fingerprint
  /// One for each segment, the largest first.
  let parts: [LivePart]
  /// Files without a chunk, and skipped ones.
  let others: [Manifest.File]
  /// Every listed file is in it; else some could not be read, and the next run looks at all of them again.
  let isComplete: Bool
  let slotCount: Int
  let averageWords: Float
  /// Files that are in the index, also those too short for a chunk.
  let indexedCount: Int

  init(fingerprint: Fingerprint, parts: [LivePart], others: [Manifest.File], isComplete: Bool) {
    self.fingerprint = fingerprint
    self.parts = parts.sorted { $0.part.slotCount > $1.part.slotCount }
    self.others = others
    self.isComplete = isComplete
    slotCount = parts.reduce(0) { $0 + $1.slotCount }
    averageWords = slotCount == 0 ? 1 : Float(parts.reduce(0) { $0 + $1.wordSum } / Double(slotCount))
    indexedCount = parts.reduce(0) { $0 + $1.fileCount } + others.count { $0.entry.skip == nil }
  }

  convenience init(fingerprint: Fingerprint, files: [IndexedFile], others: [Manifest.File], isComplete: Bool) {
    self.init(fingerprint: fingerprint, parts: Self.parts(of: files), others: others, isComplete: isComplete)
  }

  /// Without some paths and with some files. Parts that lose files stay as they are, with a mark; a part is built anew
  /// only when it gets files, or has lost most.
  func replacing(
    _ gone: Set<String>, with added: [IndexedFile], _ addedOthers: [Manifest.File], _ fingerprint: Fingerprint,
    isComplete: Bool
  ) -> Generation {
    let hashes = Set(gone.map { GenerationPart.hash($0) })
    let left = gone.isEmpty ? parts : parts.compactMap { $0.without(gone, hashes: hashes) }
    let touched = Set(added.map { ObjectIdentifier($0.segment) })
    var kept: [LivePart] = []
    var files = added
    for live in left {
      if live.isSparse || touched.contains(ObjectIdentifier(live.part.segment)) {
        files += live.files
      } else {
        kept.append(live)
      }
    }
    let others = gone.isEmpty ? others : others.filter { !gone.contains($0.entry.path) }
    return Generation(
      fingerprint: fingerprint, parts: kept + Self.parts(of: files), others: others + addedOthers,
      isComplete: isComplete)
  }

  /// With the records of some segments at another place.
  func moving(_ old: Set<ObjectIdentifier>, _ move: ([IndexedFile]) -> [IndexedFile]?) -> Generation? {
    let moved = parts.filter { old.contains(ObjectIdentifier($0.part.segment)) }
    let kept = parts.filter { !old.contains(ObjectIdentifier($0.part.segment)) }
    guard let files = move(moved.flatMap(\.files)) else { return nil }
    let touched = Set(files.map { ObjectIdentifier($0.segment) })
    let rebuilt = kept.filter { touched.contains(ObjectIdentifier($0.part.segment)) }.flatMap(\.files)
    let others = kept.filter { !touched.contains(ObjectIdentifier($0.part.segment)) }
    return Generation(
      fingerprint: fingerprint, parts: others + Self.parts(of: files + rebuilt), others: self.others,
      isComplete: isComplete)
  }

  private static func parts(of files: [IndexedFile]) -> [LivePart] {
    let groups = Dictionary(grouping: files) { ObjectIdentifier($0.segment) }
    return groups.values.compactMap { files in
      files.first.map { LivePart(GenerationPart(segment: $0.segment, files: files)) }
    }
  }

  /// Files with chunks.
  var files: [IndexedFile] { parts.flatMap(\.files) }

  func uses(_ segments: Set<ObjectIdentifier>) -> Bool {
    parts.contains { segments.contains(ObjectIdentifier($0.part.segment)) }
  }

  var manifest: Manifest {
    let own = files.map { Manifest.File(entry: $0.entry, stamp: $0.stamp) }
    return Manifest(fingerprint: fingerprint, files: own + others)
  }
}
