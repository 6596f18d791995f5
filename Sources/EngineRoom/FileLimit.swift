internal import Glibc

/// The number of files a process may hold open. A gateway needs one for each client; the soft limit of most shells,
/// 1,024, is a left-over from `select(2)`, which nothing here uses.
enum FileLimit {
  /// Raises the soft limit to the hard one, which needs no privilege. A refusal leaves the limit as it was: `doctor`
  /// shows what it is.
  static func raise() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else {
      return
    }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// The soft limit in force; `Int.max` when there is none.
  static var current: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
    return Int(clamping: limit.rlim_cur)
  }

  /// To which the soft limit can be raised; `Int.max` when there is none.
  static var hard: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
    return Int(clamping: limit.rlim_max)
  }

  /// What the node itself holds open besides sockets, at most: HTTP (1,024 connections), consoles, files, pipes.
  static let ownFilesMax = 1_536

  /// Sockets that fit into a limit of open files. Under a small limit the node keeps a quarter.
  static func sockets(of limit: Int) -> Int { limit - min(ownFilesMax, limit / 4) }
}
