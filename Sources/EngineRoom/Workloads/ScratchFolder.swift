public import Base
internal import FoundationEssentials
internal import Glibc

/// A temporary folder of a bench or a demo, with a path short enough for a control socket in it. Whoever makes it
/// removes it.
///
/// Whoever is killed can remove nothing, so the next one does. The file `lock` tells which folders are left over:
/// its `flock(2)` goes with the process that made the folder, however that dies.
public struct ScratchFolder: Sendable {
  public let path: String
  /// Open, and locked, for as long as this process lives or until `remove`.
  private let lock: Int32

  /// A Unix socket's path has 107 bytes, of which those below this folder need some.
  private static let baseBytesMax = 50
  private static let prefixes = ["signalbox-bench-", "signalbox-demo-"]
  /// A folder without a lock is young: its maker is about to lock it. An older one has lost its maker before that.
  private static let unlockedSeconds = 60
  private static let namesMax = 10_000
  /// Another bench may take a folder for left over between its making and its locking.
  private static let attemptsMax = 3
  /// A process that was killed a moment ago may still put a file into a folder that is being emptied.
  private static let (removalsMax, removalPause) = (250, Duration.milliseconds(20))

  /// In the temporary folder of the process, or in `/tmp` when that has too long a name. Mode 0700. Folders there that
  /// dead ones left are removed first. `use`: `bench` or `demo`.
  public init(for use: String = "bench") throws(Failure) {
    var base = FileManager.default.temporaryDirectory.path
    while base.count > 1, base.hasSuffix("/") { base.removeLast() }
    if base.utf8.count > Self.baseBytesMax { base = "/tmp" }
    try self.init(in: base, for: use)
  }

  init(in base: String, for use: String = "bench") throws(Failure) {
    Self.removeLeftOver(in: base)
    for _ in 0..<Self.attemptsMax {
      let path = try Self.make(in: base, for: use)
      if let lock = Self.locked(path, creating: true) {
        (self.path, self.lock) = (path, lock)
        return
      }
    }
    throw Failure(.unavailable, "cannot lock a temporary folder in \(base)")
  }

  /// Removes the folder with everything in it, also in a task that is cancelled.
  public func remove() async {
    await Task { [path] in
      for attempt in 0..<Self.removalsMax where access(path, F_OK) == 0 {
        // Nobody cancels this task.
        if attempt > 0 { try? await Task.sleep(for: Self.removalPause) }
        Self.remove(path)
      }
    }.value
    close(lock)
  }

  private static func make(in base: String, for use: String) throws(Failure) -> String {
    var template = Array("\(base)/signalbox-\(use)-XXXXXX".utf8CString)
    guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } }) != nil else {
      throw Failure(.unavailable, "cannot make a temporary folder in \(base): \(String(cString: strerror(errno)))")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The descriptor that holds the folder's lock; nil when another process holds it, or has removed it meanwhile.
  private static func locked(_ folder: String, creating: Bool) -> Int32? {
    let descriptor = open("\(folder)/lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW | (creating ? O_CREAT : 0), 0o600)
    guard descriptor >= 0 else { return nil }
    var facts = stat()
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &facts) == 0, facts.st_nlink > 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  // MARK: What dead benches left

  private static func removeLeftOver(in base: String) {
    // A folder that cannot be listed shows no left-over ones; making ours there says what is wrong with it.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []
    for name in names.prefix(namesMax) where prefixes.contains(where: name.hasPrefix) {
      let path = "\(base)/\(name)"
      guard isOurs(path) else { continue }
      if let lock = locked(path, creating: false) {
        remove(path)
        close(lock)
      } else if isAbandonedUnlocked(path) {
        remove(path)
      }
    }
  }

  /// A folder, and no link to one, of this user.
  private static func isOurs(_ path: String) -> Bool {
    var facts = stat()
    return lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR && facts.st_uid == geteuid()
  }

  private static func isAbandonedUnlocked(_ path: String) -> Bool {
    var facts = stat()
    guard access("\(path)/lock", F_OK) != 0, errno == ENOENT, lstat(path, &facts) == 0 else { return false }
    return time(nil) - facts.st_mtim.tv_sec > unlockedSeconds
  }

  private static func remove(_ path: String) {
    // What cannot be removed is left in the temporary folder, where the next one or the system removes it; the figures
    // stand.
    try? FileManager.default.removeItem(atPath: path)
  }
}
