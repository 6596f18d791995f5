internal import Base
internal import Glibc

/// The watcher's thread: one wait for the kernel's news, for orders, and for the next moment at which something is due.
struct WatchLoop: ~Copyable {
  struct Project {
    let path: String
    var folder: ProjectFolder?
    /// Where it was when it was last told of; nil until it could be read.
    var fingerprint: Fingerprint?
    var stamp: UInt64?
    /// When the first sign came of what is not told of yet.
    var since: ContinuousClock.Instant?
    /// When it is looked at next.
    var dueAt: ContinuousClock.Instant
    var isBeingStamped = false
    /// Whether the base is told, once it is known.
    let tellsBase: Bool
    /// Of a repository whose uncommitted edits count.
    var work = WorkTree()
  }

  struct Watch {
    enum Kind {
      /// A repository's own folder: HEAD and packed-refs.
      case flat
      /// Below `refs/heads`: folders that appear there are watched too.
      case deep
      case workTree
    }

    let folder: String
    var projects: Set<ProjectID>
    let kind: Kind
  }

  let options: ProjectWatcher.Options
  private let wake: Int32
  let changed: @Sendable (ProjectWatcher.Sighting) -> Void
  let polls: @Sendable (ProjectID, String) -> Void
  var projects: [ProjectID: Project] = [:]
  var watches: [Int32: Watch] = [:]

  init(
    _ options: ProjectWatcher.Options, wake: Int32, _ changed: @escaping @Sendable (ProjectWatcher.Sighting) -> Void,
    _ polls: @escaping @Sendable (ProjectID, String) -> Void
  ) {
    self.options = options
    self.wake = wake
    self.changed = changed
    self.polls = polls
  }

  mutating func run(take: () -> [ProjectWatcher.Order], look: (ProjectWatcher.Look) -> Void) {
    let inotify = Inotify()
    while true {
      for order in take() {
        switch order {
        case .stop: return
        case .add(let id, let path, let tellsBase):
          let since = ContinuousClock.now
          add(id, path, tellsBase, inotify)
          if tellsBase { changed(ProjectWatcher.Sighting(project: id, since: since)) }
        case .remove(let id): remove(id, inotify)
        case .stamped(let id, let value, let took): stamped(id, value, took, inotify)
        }
      }
      let now = ContinuousClock.now
      for id in projects.filter({ $0.value.dueAt <= now }).keys { self.look(at: id, now, inotify, look) }
      if options.workTree { lookAtWorkTrees(now, look) }
      wait(inotify)
    }
  }

  private mutating func wait(_ inotify: borrowing Inotify?) {
    let now = ContinuousClock.now
    let next = projects.values.map { $0.wakes(options) }.min().map { max(.zero, $0 - now) } ?? .seconds(60)
    let milliseconds = min(60_000, Int32(next.milliseconds.rounded(.up)))
    var descriptors = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
    switch inotify {
    case .some(let inotify): descriptors.append(pollfd(fd: inotify.descriptor, events: Int16(POLLIN), revents: 0))
    case .none: break
    }
    _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    guard descriptors.count == 2, descriptors[1].revents != 0 else { return }
    switch inotify {
    case .some(let inotify): hear(inotify.read(), inotify)
    case .none: break
    }
  }

  // MARK: Signs

  private mutating func hear(_ events: [Inotify.Event], _ inotify: borrowing Inotify) {
    let now = ContinuousClock.now
    for event in events {
      if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
        // What was lost may concern anybody.
        for id in projects.keys where projects[id]?.folder?.usesGit ?? true {
          sign(id, now)
          signWork(id, now, isOfFolders: true)
        }
        continue
      }
      guard let watch = watches[event.watch] else { continue }
      if event.mask & UInt32(IN_IGNORED) != 0 {
        watches[event.watch] = nil
      }
      if watch.kind == .workTree {
        hear(event, now, watch)
        continue
      }
      if event.mask & UInt32(IN_IGNORED) != 0 {
        for id in watch.projects { sign(id, now) }
        continue
      }
      if event.mask & UInt32(IN_ISDIR) != 0 {
        guard watch.kind == .deep, event.mask & UInt32(IN_CREATE | IN_MOVED_TO) != 0 else { continue }
        // A branch may have been written into it before the watch was there.
        for id in watch.projects { watchDeep("\(watch.folder)/\(event.name)", for: id, inotify) }
      } else if event.name.hasSuffix(".lock") || (watch.kind == .flat && !["HEAD", "packed-refs"].contains(event.name))
      {
        continue
      }
      for id in watch.projects { sign(id, now) }
    }
  }

  private mutating func sign(_ id: ProjectID, _ now: ContinuousClock.Instant) {
    guard var project = projects[id] else { return }
    if project.since == nil { project.since = now }
    project.dueAt = now
    projects[id] = project
  }

  // MARK: Looking

  private mutating func look(
    at id: ProjectID, _ now: ContinuousClock.Instant, _ inotify: borrowing Inotify?,
    _ looks: (ProjectWatcher.Look) -> Void
  ) {
    guard var project = projects[id] else { return }
    project.dueAt = now + options.poll
    defer { projects[id] = project }
    guard let folder = project.folder, folder.usesGit else {
      if !project.isBeingStamped {
        project.isBeingStamped = true
        looks(ProjectWatcher.Look(project: id, path: project.path))
      }
      return
    }
    guard let (fingerprint, isBusy) = folder.glance() else {
      // The repository is gone, or another one: what it is now is found out anew.
      project.folder = try? ProjectFolder.find(project.path)
      if let found = project.folder, found != folder { watch(found, for: id, inotify) }
      return
    }
    guard fingerprint != project.fingerprint else {
      // Whatever the sign was, HEAD did not move, or not yet: once more when it is quiet.
      if project.since != nil, (project.since ?? now) + options.quiet > now { project.dueAt = now + options.quiet }
      if project.dueAt > now + options.quiet { project.since = nil }
      return
    }
    let since = project.since ?? now
    if isBusy, now - since < options.holdMax {
      project.since = since
      project.dueAt = now + options.quiet
      return
    }
    project.fingerprint = fingerprint
    project.since = nil
    project.dueAt = now + options.quiet
    changed(ProjectWatcher.Sighting(project: id, since: since))
  }

  private mutating func stamped(
    _ id: ProjectID, _ look: ProjectWatcher.FolderLook, _ took: Duration, _ inotify: borrowing Inotify?
  ) {
    guard var project = projects[id] else { return }
    if project.folder?.usesGit ?? false { return workTreeStamped(id, look, took, inotify) }
    let now = ContinuousClock.now
    project.isBeingStamped = false
    project.dueAt = now + max(options.folderPoll, took * options.restFactor)
    let old = project.stamp
    project.stamp = look.stamp
    let found = try? ProjectFolder.find(project.path)
    let isRepositoryNow = found?.usesGit ?? false
    if isRepositoryNow {
      project.folder = found
      project.dueAt = now
    }
    projects[id] = project
    if isRepositoryNow, let found { watch(found, for: id, inotify) }
    if let old, let stamp = look.stamp, old != stamp {
      changed(ProjectWatcher.Sighting(project: id, since: now - took, isOfFiles: true))
    }
  }

  // MARK: Watches

  private mutating func add(
    _ id: ProjectID, _ path: String, _ tellsBase: Bool, _ inotify: borrowing Inotify?
  ) {
    if projects[id] != nil { remove(id, inotify) }
    var project = Project(path: path, dueAt: .now + options.poll, tellsBase: tellsBase)
    project.folder = try? ProjectFolder.find(path)
    projects[id] = project
    if let folder = project.folder, folder.usesGit {
      // Watched first, so that nothing between the two is missed.
      watch(folder, for: id, inotify)
      projects[id]?.fingerprint = folder.glance()?.fingerprint
    } else {
      projects[id]?.dueAt = .now
    }
  }

  private mutating func watch(_ folder: ProjectFolder, for id: ProjectID, _ inotify: borrowing Inotify?) {
    guard let places = folder.watchedFolders else { return }
    switch inotify {
    case .some(let inotify):
      for flat in places.flat { watch(flat, .flat, for: id, inotify) }
      watchDeep(places.deep, for: id, inotify)
    case .none: break
    }
  }

  /// False when there is no such folder, or no watch is left: what is not watched is polled.
  @discardableResult
  mutating func watch(
    _ folder: String, _ kind: Watch.Kind, for id: ProjectID, _ inotify: borrowing Inotify
  ) -> Bool {
    guard watches.count < options.watchesMax, let number = inotify.watch(folder) else { return false }
    watches[number, default: Watch(folder: folder, projects: [], kind: kind)].projects.insert(id)
    return true
  }

  private mutating func watchDeep(_ folder: String, for id: ProjectID, _ inotify: borrowing Inotify) {
    guard watch(folder, .deep, for: id, inotify), let directory = opendir(folder) else { return }
    var names: [String] = []
    while let entry = readdir(directory) {
      guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    closedir(directory)
    for name in names { watchDeep("\(folder)/\(name)", for: id, inotify) }
  }

  private mutating func remove(_ id: ProjectID, _ inotify: borrowing Inotify?) {
    projects[id] = nil
    unwatch(id, inotify) { _ in true }
  }

  mutating func unwatch(_ id: ProjectID, _ inotify: borrowing Inotify?, where isMeant: (Watch) -> Bool) {
    for (number, watch) in watches where watch.projects.contains(id) && isMeant(watch) {
      watches[number]?.projects.remove(id)
      guard watches[number]?.projects.isEmpty ?? false else { continue }
      watches[number] = nil
      switch inotify {
      case .some(let inotify): inotify.forget(number)
      case .none: break
      }
    }
  }
}

extension ProjectFolder {
  /// Where HEAD is, and whether git is in the middle of something that moves it again; nil when it cannot be read.
  fileprivate func glance() -> (fingerprint: Fingerprint, isBusy: Bool)? {
    guard case .repository(let gitFolder, let prefix) = self else {
      return (try? fingerprint()).map { ($0, false) }
    }
    do {
      let repository = try GitRepository(gitFolder: gitFolder)
      return (try repository.head(prefix: prefix), repository.isBusy)
    } catch {
      return nil
    }
  }

  /// The folders whose entries tell that HEAD moves; nil for what only polling finds out.
  fileprivate var watchedFolders: (flat: Set<String>, deep: String)? {
    guard case .repository(let gitFolder, _) = self, let repository = try? GitRepository(gitFolder: gitFolder) else {
      return nil
    }
    let common = repository.commonFolder
    return ([repository.gitFolder, common], common + "refs/heads")
  }
}
