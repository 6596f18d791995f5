public import Base
internal import Synchronization

/// What a run of a project would take up.
public struct PendingChanges: Sendable, Equatable {
  /// Where HEAD is; nil without git or before the first commit.
  public var commit: String?
  /// Files that were added, changed, renamed (both names) or deleted since the generation that answers.
  public var paths: [String]
  /// What changed cannot be told, as there is no generation yet or its commit is gone: `paths` is all there is.
  public var isEverything: Bool
  /// Nothing has moved: neither files nor commit nor branch.
  public var isNothing: Bool

  public init(commit: String?, paths: [String], isEverything: Bool, isNothing: Bool) {
    self.commit = commit
    self.paths = paths
    self.isEverything = isEverything
    self.isNothing = isNothing
  }
}

extension IndexEngine {
  /// Compares a project with what answers for it. It reads no contents but those of a folder without git whose size
  /// or times changed; a thread of one's own is the place for it.
  public func pendingChanges(_ id: ProjectID) throws(IndexError) -> PendingChanges {
    guard let slot = projects.withLock({ $0[id] }) else { throw .unknownProject(id.rawValue) }
    let folder = try ProjectFolder.find(slot.path)
    let now = try folder.fingerprint()
    guard let old = slot.generation else {
      let paths = folder.usesGit ? try folder.listing(now).files.map(\.entry.path) : []
      return PendingChanges(commit: now.commit, paths: paths, isEverything: true, isNothing: false)
    }
    guard folder.usesGit else { return try pendingFiles(slot.path, old) }
    var changes = PendingChanges(commit: now.commit, paths: [], isEverything: false, isNothing: false)
    if old.fingerprint == now {
      changes.isNothing = slot.problem == nil
      return changes
    }
    guard old.fingerprint.tree != now.tree else { return changes }
    let set = try folder.changes(from: old.fingerprint.tree, to: now.tree)
    guard !set.isEverything else {
      // The old commit is gone: whatever was there or is there now may differ.
      changes.isEverything = true
      let paths = Set(try folder.listing(now).files.map(\.entry.path) + old.manifest.files.map(\.entry.path))
      changes.paths = paths.sorted()
      return changes
    }
    changes.paths = set.changes.flatMap { change -> [String] in
      if case .renamed(let from) = change.kind { return [change.path, from] }
      return [change.path]
    }
    return changes
  }

  private func pendingFiles(_ path: String, _ old: Generation) throws(IndexError) -> PendingChanges {
    var known: [String: Manifest.File] = [:]
    for file in old.manifest.files { known[file.entry.path] = file }
    var tree = FolderTree(root: path, known: known.filter { $0.value.stamp != nil })
    try tree.walk { false }
    var paths: [String] = []
    for file in tree.files {
      let before = known.removeValue(forKey: file.entry.path)
      if before?.entry.id != file.entry.id { paths.append(file.entry.path) }
    }
    paths += known.keys.sorted()
    return PendingChanges(commit: nil, paths: paths, isEverything: false, isNothing: paths.isEmpty)
  }
}
