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
public final class ProjectWatcher: Sendable {
  public struct Options: Sendable {
    /// How long it must be quiet before HEAD is read once more.
    public var quiet = Duration.milliseconds(25)
    /// How long a rebase under way is waited for.
    public var holdMax = Duration.seconds(1)
    /// How often HEAD is read without an event.
    public var poll = Duration.seconds(2)
    /// How often a folder without git is looked at; less often when that takes long.
    public var folderPoll = Duration.seconds(5)

    public init() {}
  }

  /// A project that is not where it was.
  public struct Sighting: Sendable, Equatable {
    public var project: ProjectID
    /// When the first sign of it came.
    public var since: ContinuousClock.Instant
  }

  /// Asked for from outside, done by the thread.
  enum Order: Sendable {
    case add(ProjectID, path: String, tellsBase: Bool)
    case remove(ProjectID)
    case stamped(ProjectID, UInt64?, took: Duration)
    case stop
  }

  private let options: Options
  private let changed: @Sendable (Sighting) -> Void
  private let orders = Mutex<[Order]>([])
  /// What wakes the thread: two ends of a pair of sockets.
  private let wake: (read: Int32, write: Int32)
  private let thread = DispatchQueue(label: "signalbox.watch")
  private let folders = DispatchQueue(label: "signalbox.watch.folders")

  /// `changed` is called on the watcher's thread and must not wait. Throws when no descriptor is left.
  public init(_ options: Options = Options(), changed: @escaping @Sendable (Sighting) -> Void) throws(IndexError) {
    self.options = options
    self.changed = changed
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
          var loop = WatchLoop(self.options, wake: self.wake.read, self.changed)
          loop.run(take: { self.take() }, stamp: { self.stamp($0, $1) })
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

  /// A look at all of a folder takes long: it has a thread of its own, one folder after the other.
  private func stamp(_ project: ProjectID, _ path: String) {
    folders.async {
      let began = ContinuousClock.now
      let stamp = FolderStamp.of(path)
      self.order(.stamped(project, stamp, took: ContinuousClock.now - began))
    }
  }
}
