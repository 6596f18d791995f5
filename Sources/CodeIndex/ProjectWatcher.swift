public import Base
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Tells when a project has moved: a commit, an amend, a rebase, a checkout, a push into a bare repository; and for a
/// folder without git, a file. It says only that, and when it was seen; what changed is the index's to find out.
///
/// Folders are watched and not files, since git renames a new file over the old one: the repository's own folder and
/// the one it shares with its worktrees (HEAD, packed-refs), and `refs/heads` with everything below. Any event there
/// has HEAD read again, at once and once more when it has been quiet; it is read every few seconds anyway, for file
/// systems that tell nothing. Reflogs are never looked at: a bare repository has none. While git is in the middle of
/// a rebase or a merge, HEAD is waited for to come to rest.
///
/// With `workTree` the edits that nobody has committed are told of as well (`WatchLoop+WorkTree`).
public final class ProjectWatcher: Sendable {
  public struct Options: Sendable {
    /// How long it must be quiet before HEAD is read once more.
    public var quiet = Duration.milliseconds(25)
    /// How long a rebase under way is waited for.
    public var holdMax = Duration.seconds(1)
    /// How often HEAD is read without an event.
    public var poll = Duration.seconds(2)
    /// How often a folder without git is looked at.
    public var folderPoll = Duration.seconds(5)
    /// After a look that took long, nobody looks for so many times as long: a fiftieth of a core for it at most.
    public var restFactor = 50
    /// Whether edits that nobody has committed are told of.
    public var workTree = false
    /// How long the work tree must be quiet before it is looked at, and for how long that may put it off.
    public var workTreeQuiet = Duration.milliseconds(50)
    public var workTreeHoldMax = Duration.seconds(1)
    /// How often a watched work tree is looked at without an event; one that is not watched, as often as a folder
    /// without git.
    public var workTreePoll = Duration.seconds(60)
    /// Folders of all projects that are watched at most.
    public var watchesMax = 50_000

    public init() {}
  }

  /// A project that is not where it was.
  public struct Sighting: Sendable, Equatable {
    public var project: ProjectID
    /// When the first sign of it came.
    public var since: ContinuousClock.Instant
    /// A file changed, and no commit told of it.
    public var isOfFiles = false
  }

  /// Asked for from outside, done by the thread.
  enum Order: Sendable {
    case add(ProjectID, path: String, tellsBase: Bool)
    case remove(ProjectID)
    case stamped(ProjectID, FolderLook, took: Duration)
    case stop
  }

  /// What a look at all files of a project came to.
  struct FolderLook: Sendable {
    /// Nil when there is nothing to look at.
    var stamp: UInt64?
    /// The folders of a work tree that are to be watched; nil when nobody asked.
    var folders: Set<String>?
    /// Why they cannot be watched.
    var unwatchable: String?
  }

  private let options: Options
  private let changed: @Sendable (Sighting) -> Void
  private let polls: @Sendable (ProjectID, String) -> Void
  private let orders = Mutex<[Order]>([])
  /// What wakes the thread: two ends of a pair of sockets.
  private let wake: (read: Int32, write: Int32)
  private let thread = DispatchQueue(label: "signalbox.watch")
  private let folders = DispatchQueue(label: "signalbox.watch.folders")

  /// `changed` is called on the watcher's thread and must not wait; so is `polls`, once a project, with the reason why
  /// its work tree is not watched but looked at now and then. Throws when no descriptor is left.
  public init(
    _ options: Options = Options(), changed: @escaping @Sendable (Sighting) -> Void,
    polls: @escaping @Sendable (ProjectID, String) -> Void = { _, _ in }
  ) throws(IndexError) {
    self.options = options
    self.changed = changed
    self.polls = polls
    var ends: [Int32] = [-1, -1]
    let kind = Int32(bitPattern: SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw .outOfDescriptors }
    wake = (ends[0], ends[1])
  }

  deinit {
    close(wake.read)
    close(wake.write)
  }

  /// From now on changes of this project are told. What it is now is the base: nothing is told of it, unless
  /// `tellsBase`: then it is told once when the base is known, so that whoever looks then misses nothing between the
  /// two.
  public func add(_ project: ProjectID, path: String, tellsBase: Bool = false) {
    order(.add(project, path: path, tellsBase: tellsBase))
  }

  public func remove(_ project: ProjectID) { order(.remove(project)) }

  /// Watches until the task is cancelled.
  public func run() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        thread.async {
          var loop = WatchLoop(self.options, wake: self.wake.read, self.changed, self.polls)
          loop.run(take: { self.take() }, look: { self.look($0) })
          continuation.resume()
        }
      }
    } onCancel: {
      order(.stop)
    }
  }

  private func order(_ order: Order) {
    orders.withLock { $0.append(order) }
    // A full pipe wakes it as well.
    var one: UInt8 = 1
    _ = write(wake.write, &one, 1)
  }

  private func take() -> [Order] {
    var bytes = [UInt8](repeating: 0, count: 64)
    while read(wake.read, &bytes, bytes.count) == bytes.count {}
    return orders.withLock { orders in
      defer { orders.removeAll(keepingCapacity: true) }
      return orders
    }
  }

  /// What is to be looked at.
  struct Look: Sendable {
    var project: ProjectID
    var path: String
    /// Nil for a folder without git.
    var workTree: ProjectFolder?
    /// Whether the folders of the work tree are wanted, too.
    var wantsFolders = false
    var foldersMax = 0
  }

  /// A look at all of a folder takes long: it has a thread of its own, one folder after the other.
  private func look(_ look: Look) {
    folders.async {
      let began = ContinuousClock.now
      var found = FolderLook()
      if let workTree = look.workTree {
        if look.wantsFolders {
          found.folders = workTree.workTreeFolders(max: look.foldersMax)
          if found.folders == nil { found.unwatchable = "it has too many folders, or libgit2 does not read it" }
        }
        found.stamp = FolderStamp.of(workTree, look.path)
      } else {
        found.stamp = FolderStamp.of(look.path)
      }
      self.order(.stamped(look.project, found, took: ContinuousClock.now - began))
    }
  }
}
