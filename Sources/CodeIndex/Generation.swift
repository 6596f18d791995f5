internal import Base

/// Everything one project answers from, at one moment: immutable, swapped as a whole, so that a search sees the state
/// before an update or the one after it, and never half of it.
final class Generation: Sendable {
  let fingerprint: Fingerprint
  /// One for each segment, the largest first.
  let parts: [LivePart]
  /// Files without a chunk, and skipped ones.
  let others: [Manifest.File]
  /// What of it lies over the commit.
  let overlay: WorkTreeOverlay
  /// Every listed file is in it; else some could not be read, and the next run looks at all of them again.
  let isComplete: Bool
  let slotCount: Int
  let averageWords: Float
  /// Files that are in the index, also those too short for a chunk.
  let indexedCount: Int

  init(
    fingerprint: Fingerprint, parts: [LivePart], others: [Manifest.File], overlay: WorkTreeOverlay, isComplete: Bool
  ) {
    self.overlay = overlay
    self.fingerprint = fingerprint
    self.parts = parts.sorted { $0.part.slotCount > $1.part.slotCount }
    self.others = others
    self.isComplete = isComplete
    slotCount = parts.reduce(0) { $0 + $1.slotCount }
    averageWords = slotCount == 0 ? 1 : Float(parts.reduce(0) { $0 + $1.wordSum } / Double(slotCount))
    indexedCount = parts.reduce(0) { $0 + $1.fileCount } + others.count { $0.entry.skip == nil }
  }

  convenience init(fingerprint: Fingerprint, files: [IndexedFile], others: [Manifest.File], isComplete: Bool) {
    self.init(
      fingerprint: fingerprint, parts: Self.parts(of: files), others: others,
      overlay: WorkTreeOverlay(fingerprint, files, others), isComplete: isComplete)
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
    let overlay = overlay.replacing(gone, with: WorkTreeOverlay(fingerprint, added, addedOthers))
    return Generation(
      fingerprint: fingerprint, parts: kept + Self.parts(of: files), others: others + addedOthers, overlay: overlay,
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
      overlay: overlay, isComplete: isComplete)
  }

  private static func parts(of files: [IndexedFile]) -> [LivePart] {
    let groups = Dictionary(grouping: files) { ObjectIdentifier($0.segment) }
    return groups.values.compactMap { files in
      files.first.map { LivePart(GenerationPart(segment: $0.segment, files: files)) }
    }
  }

  /// Files with chunks.
  var files: [IndexedFile] { parts.flatMap(\.files) }

  /// How many of these paths have chunks here.
  func count(of paths: Set<String>) -> Int {
    guard !paths.isEmpty else { return 0 }
    let hashes = Set(paths.map { GenerationPart.hash($0) })
    return parts.reduce(0) { sum, live in
      sum
        + live.part.pathHashes.enumerated().count { number, hash in
          hashes.contains(hash) && !live.isGone(number) && paths.contains(live.part.files[number].entry.path)
        }
    }
  }

  var segments: Set<ObjectIdentifier> { Set(parts.map { ObjectIdentifier($0.part.segment) }) }

  func uses(_ segments: Set<ObjectIdentifier>) -> Bool {
    parts.contains { segments.contains(ObjectIdentifier($0.part.segment)) }
  }

  /// What distinguishes it from other states of the same project, wherever it was indexed: branch and commit, and the
  /// files that are in no commit.
  var mark: String {
    let loose = fingerprint.commit == nil ? manifest.files : Array(overlay.files.values)
    let head = "\(fingerprint.ref ?? "")@\(fingerprint.commit ?? "")"
    guard !loose.isEmpty else { return head }
    let lines = loose.map { "\($0.entry.id) \($0.entry.skip == .deleted) \($0.entry.path)" }.sorted()
    return "\(head)+\(String(Checksum64.hash(lines.joined(separator: "\n")), radix: 16))"
  }

  var manifest: Manifest {
    let own = files.map { Manifest.File(entry: $0.entry, stamp: $0.stamp) }
    return Manifest(fingerprint: fingerprint, files: own + others)
  }
}
