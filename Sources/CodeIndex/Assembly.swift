/// Puts a generation together from listed files and stored records. What a previous generation had for the same path
/// and content is taken over as it is, so that a commit costs what changed.
struct Assembly {
  let store: IndexStore
  private let reusable: [String: IndexedFile]

  init(store: IndexStore, old: Generation?) {
    self.store = store
    var reusable: [String: IndexedFile] = [:]
    if let old {
      reusable.reserveCapacity(old.files.count)
      for file in old.files { reusable[file.entry.path] = file }
    }
    self.reusable = reusable
  }

  /// Nil when the record of some file is not there.
  func generation(of manifest: Manifest) throws(IndexError) -> Generation? {
    let wanted = manifest.files.filter { $0.entry.skip == nil }
    let places = store.places(wanted.map(\.entry.recordKey))
    guard !places.contains(where: { $0 == nil }) else { return nil }
    return try generation(manifest.fingerprint, manifest.files)
  }

  /// Files whose record is missing (they could not be read) are left out.
  func generation(_ fingerprint: Fingerprint, _ listed: [Manifest.File]) throws(IndexError) -> Generation {
    let table = try TermTable()
    let places = store.places(listed.map(\.entry.recordKey))
    var files: [IndexedFile] = []
    files.reserveCapacity(listed.count)
    var others: [Manifest.File] = []
    var isComplete = true
    for (file, place) in zip(listed, places) {
      guard file.entry.skip == nil, let place else {
        if file.entry.skip != nil { others.append(file) } else { isComplete = false }
        continue
      }
      guard place.skip == nil, !place.rows.isEmpty else {
        var other = file
        other.entry.skip = place.skip
        others.append(other)
        continue
      }
      files.append(try indexed(file, place, table))
    }
    return Generation(fingerprint: fingerprint, files: files, others: others, isComplete: isComplete)
  }

  /// The old generation with some paths taken out and some files put in.
  func generation(
    _ fingerprint: Fingerprint, from old: Generation, without gone: Set<String>, adding added: [Manifest.File]
  ) throws(IndexError) -> Generation {
    let new = try generation(fingerprint, added)
    let files = old.files.filter { !gone.contains($0.entry.path) }
    let others = old.others.filter { !gone.contains($0.entry.path) }
    return Generation(
      fingerprint: fingerprint, files: files + new.files, others: others + new.others,
      isComplete: old.isComplete && new.isComplete)
  }

  private func indexed(
    _ file: Manifest.File, _ place: IndexStore.Place, _ table: borrowing TermTable
  ) throws(IndexError) -> IndexedFile {
    let old = reusable[file.entry.path]
    if let old, old.entry == file.entry, old.segment === place.segment, old.rows == place.rows,
      old.stamp == file.stamp
    {
      return old
    }
    let facts: PathFacts
    if let old { facts = old.facts } else { facts = try PathFacts(path: file.entry.path, table) }
    return IndexedFile(
      entry: file.entry, stamp: file.stamp, facts: facts, segment: place.segment, rows: place.rows)
  }
}
