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
  /// What was compared: the place looked at, and what answered then.
  var fingerprint: Fingerprint?
  var overlay = WorkTreeOverlay.none
  var base: Generation?
  /// The state of the generation that answered then; see `IndexEngine.mark`.
  public var baseMark: String? { base?.mark }

  public init(commit: String? = nil, paths: [String] = [], isEverything: Bool = false, isNothing: Bool = false) {
    self.commit = commit
    self.paths = paths
    self.isEverything = isEverything
    self.isNothing = isNothing
  }

  public static func == (left: PendingChanges, right: PendingChanges) -> Bool {
    (left.commit, left.paths, left.isEverything, left.isNothing, left.fingerprint)
      == (right.commit, right.paths, right.isEverything, right.isNothing, right.fingerprint)
  }
}

extension IndexEngine {
  /// Compares a project with what answers for it. It reads no contents but those of a folder without git whose size
  /// or times changed; a thread of one's own is the place for it.
  ///
  /// A project that cannot be looked at has failed, as after a run that did.
  public func pendingChanges(_ id: ProjectID) throws(IndexError) -> PendingChanges {
    guard let slot = projects.withLock({ $0[id] }) else { throw .unknownProject(id.rawValue) }
    do throws(IndexError) {
      let sight = try slot.look(store.handles, readsWorkTree: options.readsWorkTree)
      var changes = try compare(slot, sight)
      changes.fingerprint = sight.fingerprint
      changes.overlay = sight.overlay
      changes.base = slot.generation
      return changes
    } catch {
      projects.withLock { projects in
        projects[id]?.hasFailed = true
        projects[id]?.problem = error.failure.message
      }
      throw error
    }
  }

  /// The state that answers, the same on every node that has the same files: nil when none does.
  public func mark(_ id: ProjectID) -> String? { projects.withLock { $0[id]?.generation }?.mark }

  /// The files that a run took up beyond what `seen` had named, since the project moved on between the two. Of one that
  /// did not move: none, for the price of a comparison.
  public func pathsTakenUp(since seen: PendingChanges, _ id: ProjectID) throws(IndexError) -> [String] {
    guard let slot = projects.withLock({ $0[id] }) else { throw .unknownProject(id.rawValue) }
    guard let new = slot.generation, let before = seen.fingerprint else { return [] }
    let folder = try ProjectFolder.find(slot.path)
    guard folder.usesGit else {
      guard let base = seen.base else { return [] }
      let known = Set(seen.paths)
      return Self.paths(base.manifest, new.manifest).filter { !known.contains($0) }
    }
    let edits = new.overlay.difference(from: seen.overlay)
    guard before.tree != new.fingerprint.tree else { return edits }
    let set = try folder.changes(from: before.tree, to: new.fingerprint.tree)
    guard !set.isEverything else { return new.manifest.files.map(\.entry.path) }
    return Self.joined(Self.paths(set), edits)
  }

  /// Whose contents differ, or that only one of the two has.
  private static func paths(_ old: Manifest, _ new: Manifest) -> [String] {
    var contents: [String: ObjectID] = [:]
    for file in old.files { contents[file.entry.path] = file.entry.id }
    var paths: [String] = []
    for file in new.files where contents.removeValue(forKey: file.entry.path) != file.entry.id {
      paths.append(file.entry.path)
    }
    return paths + contents.keys.sorted()
  }

  private static func paths(_ set: ChangeSet) -> [String] {
    set.changes.flatMap { change -> [String] in
      if case .renamed(let from) = change.kind { return [change.path, from] }
      return [change.path]
    }
  }

  private static func joined(_ paths: [String], _ edits: [String]) -> [String] {
    guard !edits.isEmpty else { return paths }
    let known = Set(paths)
    return paths + edits.filter { !known.contains($0) }
  }

  private func compare(_ slot: ProjectSlot, _ sight: Sight) throws(IndexError) -> PendingChanges {
    let (folder, now) = (sight.folder, sight.fingerprint)
    guard let old = slot.generation else {
      let files = folder.usesGit ? try folder.listing(now, store.handles).files : []
      let paths = Self.joined(files.map(\.entry.path), sight.overlay.difference(from: .none))
      return PendingChanges(commit: now.commit, paths: paths, isEverything: true, isNothing: false)
    }
    guard folder.usesGit else { return try pendingFiles(slot.path, old) }
    var changes = PendingChanges(commit: now.commit, paths: [], isEverything: false, isNothing: false)
    let edits = sight.overlay.difference(from: old.overlay)
    changes.paths = edits
    if old.fingerprint == now, edits.isEmpty {
      changes.isNothing = slot.problem == nil
      return changes
    }
    guard old.fingerprint.tree != now.tree else { return changes }
    let set = try folder.changes(from: old.fingerprint.tree, to: now.tree, store.handles)
    guard !set.isEverything else {
      // The old commit is gone: whatever was there or is there now may differ.
      changes.isEverything = true
      let files = try folder.listing(now, store.handles).files + old.manifest.files
      changes.paths = Set(files.map(\.entry.path) + edits).sorted()
      return changes
    }
    changes.paths = Self.joined(Self.paths(set), edits)
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
