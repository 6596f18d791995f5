public import Base
internal import Glibc

/// The folder in which a node keeps what must survive it, and the lock that says whose it is.
///
/// The lock is `flock(2)` on the file `lock`: the kernel drops it with the process, however that dies, so a lock is
/// never stale. The file's text only names the holder for people.
public struct StateFolder: ~Copyable, Sendable {
  public let path: String
  private let lockDescriptor: Int32

  /// Who holds a lock: for its whole life, or for the time that one command takes.
  public enum Holder: String, Sendable { case node, command }

  /// How long a command waits for another one.
  static let patience = Duration.seconds(30)

  /// Creates the folder (0700) if need be, checks that it is ours alone, and takes the lock.
  ///
  /// Throws `conflict` when another process holds it (named), `denied` when the folder belongs to another user, and
  /// `unavailable` when it cannot be created or written; nothing is left behind then.
  public init(path: String, for holder: Holder = .node) throws(Failure) {
    try Self.prepare(path)
    for name in Self.folders { try Self.createFolder("\(path)/\(name)") }
    lockDescriptor = try Self.lock(path, holder)
    self.path = path
  }

  /// The folder for one command: where another command has it, this one waits for its turn, `patience` at most. A node
  /// keeps it for good, so that is said at once. Throws like `init`, and `unavailable` when the task is cancelled.
  public static func forCommand(path: String) async throws(Failure) -> StateFolder {
    try await forCommand(path: path, within: patience)
  }

  static func forCommand(path: String, within limit: Duration) async throws(Failure) -> StateFolder {
    let end = ContinuousClock.now + limit
    while true {
      do throws(Failure) { return try StateFolder(path: path, for: .command) } catch {
        guard error.code == .conflict, isHeldByCommand(path) else { throw error }
        guard ContinuousClock.now < end else {
          let seconds = limit.components.seconds
          throw Failure(.conflict, "\(error.message); it had not ended after \(seconds) s", hint: error.hint)
        }
      }
      // The kernel tells nobody that a lock has become free but who blocks a thread for it.
      do { try await Task.sleep(for: .milliseconds(25)) } catch {
        throw Failure(.unavailable, "cancelled while waiting for the state folder \(path)")
      }
    }
  }

  /// Also when the holder has not written its name yet, or is gone by now: the next try tells.
  private static func isHeldByCommand(_ folder: String) -> Bool {
    let descriptor = open("\(folder)/lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let text = lockText(descriptor)
    return text.isEmpty || text.contains(Holder.command.rawValue)
  }

  deinit {
    // Emptied and not removed: removing a lock file lets two holders lock two different files of one name.
    ftruncate(lockDescriptor, 0)
    close(lockDescriptor)
  }

  /// Sub-folders that always exist.
  private static let folders = ["audit", "log", "crash", "bench", "cache", "runs"]

  public static func auditFile(in path: String) -> String { "\(path)/audit/audit.log" }
  public static func logFile(in path: String) -> String { "\(path)/log/node.log" }
  public static func crashFile(in path: String) -> String { "\(path)/crash/last.txt" }
  public static func projectsFile(in path: String) -> String { "\(path)/projects.json" }
  public static func cacheFolder(in path: String) -> String { "\(path)/cache" }
  public static func indexFolder(in path: String) -> String { "\(path)/index" }
  public static func runsFolder(in path: String) -> String { "\(path)/runs" }
  public static func benchFolder(in path: String) -> String { "\(path)/bench" }

  /// Deletes what says which files the project's index has; the same id may be another folder's next. What it shares
  /// with other projects goes later.
  public static func removeIndex(of id: ProjectID, in path: String) {
    unlink("\(indexFolder(in: path))/projects/\(id).manifest")
  }

  /// Bytes that an ordinary user may still write there; nil when the file system cannot be asked.
  public static func freeBytes(at path: String) -> Int64? {
    var facts = statvfs()
    guard statvfs(path, &facts) == 0 else { return nil }
    return Int64(facts.f_bavail) * Int64(facts.f_frsize)
  }

  private static func prepare(_ path: String) throws(Failure) {
    guard path.hasPrefix("/") else {
      throw Failure(.invalid, "state folder \(path): must be an absolute path", hint: "set SIGNALBOX_STATE")
    }
    try createParents(of: path)
    try createFolder(path)
    var facts = stat()
    guard stat(path, &facts) == 0 else { throw unusable(path, errno) }
    guard facts.st_uid == geteuid() else {
      throw Failure(
        .denied, "state folder \(path): belongs to user \(facts.st_uid), and this process runs as \(geteuid())",
        hint: "set SIGNALBOX_STATE to a folder of your own")
    }
    if facts.st_mode & 0o077 != 0, chmod(path, 0o700) != 0 { throw unusable(path, errno) }
    guard access(path, W_OK | X_OK) == 0 else { throw unusable(path, errno) }
  }

  private static func createParents(of path: String) throws(Failure) {
    var partial = ""
    for component in path.split(separator: "/").dropLast() {
      partial += "/\(component)"
      if mkdir(partial, 0o700) != 0, errno != EEXIST, errno != EISDIR { throw unusable(path, errno) }
    }
  }

  private static func createFolder(_ path: String) throws(Failure) {
    if mkdir(path, 0o700) == 0 { return }
    let code = errno
    var facts = stat()
    guard code == EEXIST, stat(path, &facts) == 0 else { throw unusable(path, code) }
    guard facts.st_mode & S_IFMT == S_IFDIR else {
      throw Failure(.invalid, "state folder \(path): is not a folder", hint: "set SIGNALBOX_STATE")
    }
  }

  private static func lock(_ folder: String, _ holder: Holder) throws(Failure) -> Int32 {
    let path = "\(folder)/lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw unusable(folder, errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let holder = holderText(descriptor)
      close(descriptor)
      throw Failure(
        .conflict, "state folder \(folder): in use by \(holder)",
        hint: "stop it with `signalbox stop`, or set SIGNALBOX_STATE and the ports of a second node")
    }
    ftruncate(descriptor, 0)
    let text = "\(getpid()) \(holder.rawValue)\n"
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    return descriptor
  }

  private static func holderText(_ descriptor: Int32) -> String {
    let digits = lockText(descriptor).prefix { $0.isASCII && $0.isNumber }
    return digits.isEmpty ? "another process" : "process \(digits)"
  }

  private static func lockText(_ descriptor: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 32)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }

  private static func unusable(_ path: String, _ code: Int32) -> Failure {
    Failure(
      .unavailable, "state folder \(path): cannot be used: \(String(cString: strerror(code)))",
      hint: "set SIGNALBOX_STATE to a folder you can write to", isRetriable: false)
  }
}
