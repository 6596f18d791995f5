public import Base
internal import Glibc

/// The folder in which a node keeps what must survive it, and the lock that says whose it is.
///
/// The lock is `flock(2)` on the file `lock`: the kernel drops it with the process, however that dies, so a lock is
/// never stale. The file's text only names the holder for people.
public struct StateFolder: ~Copyable, Sendable {
  public let path: String
  private let lockDescriptor: Int32

  /// Creates the folder (0700) if need be, checks that it is ours alone, and takes the lock.
  ///
  /// Throws `conflict` when another process holds it (named), `denied` when the folder belongs to another user, and
  /// `unavailable` when it cannot be created or written; nothing is left behind then.
  public init(path: String) throws(Failure) {
    try Self.prepare(path)
    for name in Self.folders { try Self.createFolder("\(path)/\(name)") }
    lockDescriptor = try Self.lock(path)
    self.path = path
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

  private static func lock(_ folder: String) throws(Failure) -> Int32 {
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
    let text = "\(getpid())\n"
    _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    return descriptor
  }

  private static func holderText(_ descriptor: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 32)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    let digits = buffer.prefix(max(0, count)).prefix { (48...57).contains($0) }
    return digits.isEmpty ? "another process" : "process \(String(decoding: digits, as: UTF8.self))"
  }

  private static func unusable(_ path: String, _ code: Int32) -> Failure {
    Failure(
      .unavailable, "state folder \(path): cannot be used: \(String(cString: strerror(code)))",
      hint: "set SIGNALBOX_STATE to a folder you can write to", isRetriable: false)
  }
}
