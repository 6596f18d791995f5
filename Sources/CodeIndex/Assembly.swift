/// Puts a generation together from listed files and stored records. What a previous generation had for the same path
/// and content is taken over as it is, so that a commit costs what changed.
struct Assembly {
  let store: IndexStore
  private let reusable: [String: IndexedFile]

  init(store: IndexStore, old: Generation?) {
    self.store = store
    var reusable: [String: IndexedFile] = [:]
    if let old {
      let files = old.files
      reusable.reserveCapacity(files.count)
      for file in files { reusable[file.entry.path] = file }
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
    let found = try content(of: listed)
    return Generation(
      fingerprint: fingerprint, files: found.files, others: found.others, isComplete: found.isComplete)
  }

  /// The old generation with some paths taken out and some files put in, and what that means for its manifest.
  func generation(
    _ fingerprint: Fingerprint, from old: Generation, without gone: Set<String>, adding added: [Manifest.File]
  ) throws(IndexError) -> (generation: Generation, change: ManifestChange) {
    let new = try content(of: added)
    let generation = old.replacing(
      gone, with: new.files, new.others, fingerprint, isComplete: old.isComplete && new.isComplete)
    let files = new.files.map { Manifest.File(entry: $0.entry, stamp: $0.stamp) } + new.others
    return (generation, ManifestChange(fingerprint: fingerprint, gone: gone, files: files))
  }

  /// These files where their records are now; nil when one is not there.
  func moved(_ files: [IndexedFile]) -> [IndexedFile]? {
    let places = store.places(files.map(\.entry.recordKey))
    var moved: [IndexedFile] = []
    moved.reserveCapacity(files.count)
    for (file, place) in zip(files, places) {
      guard let place else { return nil }
      moved.append(
        IndexedFile(
          entry: file.entry, stamp: file.stamp, facts: file.facts, segment: place.segment, rows: place.rows))
    }
    return moved
  }

  private struct Content {
    var files: [IndexedFile] = []
    var others: [Manifest.File] = []
    var isComplete = true
  }

  private func content(of listed: [Manifest.File]) throws(IndexError) -> Content {
    var content = Content()
    guard !listed.isEmpty else { return content }
    let table = try TermTable()
    let places = store.places(listed.map(\.entry.recordKey))
    content.files.reserveCapacity(listed.count)
    for (file, place) in zip(listed, places) {
      guard file.entry.skip == nil, let place else {
        if file.entry.skip != nil { content.others.append(file) } else { content.isComplete = false }
        continue
      }
      guard place.skip == nil, !place.rows.isEmpty else {
        var other = file
        other.entry.skip = place.skip
        content.others.append(other)
        continue
      }
      content.files.append(try indexed(file, place, table))
    }
    return content
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
