internal import Base
internal import Glibc

/// Edits that nobody has committed. The folders that may hold sources are watched; what happens in one of them, once it
/// is quiet, has git asked what differs from the commit, by times alone, and that is told when it is not what it was.
/// So a file that git ignores tells nobody anything.
///
/// Which folders there are is found out on another thread, and may be old when the watches are set: after new watches
/// it is found out once more, until none is new. Where no watch can be had, the question is put now and then.
extension WatchLoop {
  /// A project's, as far as its edits go.
  struct WorkTree {
    var stamp: UInt64?
    var isBeingStamped = false
    /// When the first sign came of what has not been looked at.
    var since: ContinuousClock.Instant?
    /// The sign of the look under way.
    var lookedSince: ContinuousClock.Instant?
    var dueAt = ContinuousClock.now
    /// Not before this moment: a look costs a fraction of a core at most, however much happens.
    var notBefore = ContinuousClock.now
    var wantsFolders = true
    /// It cannot be watched.
    var isPolled = false
  }

  /// A fifth of a core for looks while somebody writes without a pause.
  private static let share = 4

  mutating func lookAtWorkTrees(_ now: ContinuousClock.Instant, _ looks: (ProjectWatcher.Look) -> Void) {
    for (id, project) in projects where project.wakesForWork(options) <= now {
      guard let folder = project.folder else { continue }
      looks(
        ProjectWatcher.Look(
          project: id, path: project.path, workTree: folder, wantsFolders: project.work.wantsFolders,
          foldersMax: options.watchesMax))
      projects[id]?.work.isBeingStamped = true
      projects[id]?.work.wantsFolders = false
      projects[id]?.work.lookedSince = project.work.since
      projects[id]?.work.since = nil
    }
  }

  /// Something happened in a folder of a work tree.
  mutating func hear(_ event: Inotify.Event, _ now: ContinuousClock.Instant, _ watch: Watch) {
    let isOfFolders =
      event.mask & UInt32(IN_ISDIR | IN_IGNORED | IN_DELETE_SELF) != 0 || event.name == ".gitignore"
    guard isOfFolders || FileRules.skip(path: event.name) == nil else { return }
    for id in watch.projects { signWork(id, now, isOfFolders: isOfFolders) }
  }

  mutating func signWork(_ id: ProjectID, _ now: ContinuousClock.Instant, isOfFolders: Bool) {
    guard options.workTree, var work = projects[id]?.work else { return }
    let since = work.since ?? now
    work.since = since
    work.dueAt = min(since + options.workTreeHoldMax, now + options.workTreeQuiet)
    work.wantsFolders = work.wantsFolders || (isOfFolders && !work.isPolled)
    projects[id]?.work = work
  }

  mutating func workTreeStamped(
    _ id: ProjectID, _ look: ProjectWatcher.FolderLook, _ took: Duration, _ inotify: borrowing Inotify?
  ) {
    guard var work = projects[id]?.work, work.isBeingStamped else { return }
    let now = ContinuousClock.now
    let old = work.stamp
    work.isBeingStamped = false
    work.stamp = look.stamp ?? old
    work.notBefore = now + took * Self.share
    if work.since == nil {
      work.dueAt = now + max(work.isPolled ? options.folderPoll : options.workTreePoll, took * options.restFactor)
    }
    projects[id]?.work = work
    if let reason = look.unwatchable { pollWorkTree(id, reason, now, inotify) }
    if let folders = look.folders { watchWorkTree(folders, for: id, now, inotify) }
    guard let stamp = look.stamp, let project = projects[id] else { return }
    // The first one is told as well: who looked before may have missed an edit.
    guard old == nil ? project.tellsBase : old != stamp else { return }
    changed(ProjectWatcher.Sighting(project: id, since: work.lookedSince ?? now - took, isOfFiles: true))
  }

  private mutating func watchWorkTree(
    _ folders: Set<String>, for id: ProjectID, _ now: ContinuousClock.Instant, _ inotify: borrowing Inotify?
  ) {
    guard let path = projects[id]?.path else { return }
    let wanted = Set(folders.map { $0.isEmpty ? path : "\(path)/\($0.dropLast())" })
    let watched = Set(watches.values.filter { $0.kind == .workTree && $0.projects.contains(id) }.map(\.folder))
    unwatch(id, inotify) { $0.kind == .workTree && !wanted.contains($0.folder) }
    let new = wanted.subtracting(watched)
    var isWhole = true
    switch inotify {
    case .some(let inotify):
      for folder in new where isWhole {
        // One that has gone meanwhile is told of by the folder it was in.
        isWhole = watch(folder, .workTree, for: id, inotify) || access(folder, F_OK) != 0
      }
    case .none: isWhole = false
    }
    guard isWhole else {
      return pollWorkTree(id, "no watch is left for its folders (fs.inotify.max_user_watches)", now, inotify)
    }
    if !new.isEmpty { signWork(id, now, isOfFolders: true) }
  }

  /// What is watched in part is not watched.
  private mutating func pollWorkTree(
    _ id: ProjectID, _ reason: String, _ now: ContinuousClock.Instant, _ inotify: borrowing Inotify?
  ) {
    unwatch(id, inotify) { $0.kind == .workTree }
    projects[id]?.work.isPolled = true
    projects[id]?.work.dueAt = now + options.folderPoll
    polls(id, reason)
  }
}

extension WatchLoop.Project {
  /// When the thread has something to do for it.
  func wakes(_ options: ProjectWatcher.Options) -> ContinuousClock.Instant { min(dueAt, wakesForWork(options)) }

  func wakesForWork(_ options: ProjectWatcher.Options) -> ContinuousClock.Instant {
    guard options.workTree, let folder, folder.usesGit, !work.isBeingStamped else { return .now + .seconds(60) }
    return max(work.dueAt, work.notBefore)
  }
}
