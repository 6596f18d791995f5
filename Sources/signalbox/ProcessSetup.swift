internal import CSpawn
internal import Glibc

/// What every call of the program does before anything else.
enum ProcessSetup {
  static func prepare() {
    reserveStandardDescriptors()
    // A closed pipe is an error of the write that meets it, and not the end of a node.
    signal(SIGPIPE, SIG_IGN)
    setlocale(LC_CTYPE, "")
    bindArenas()
  }

  /// The allocator gives every thread an arena, up to eight a core, and what one thread has freed another does not
  /// reuse. What a node keeps for long, as the gateway's history, then lies in ever more of them as work moves between
  /// threads: under steady load over HTTP the resident memory grew by 20 MB with every quarter of a million requests,
  /// and nothing more was in use. With an arena a core it stayed where it was, at the same rate.
  private static func bindArenas() {
    let cores = max(4, min(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 64))
    // An allocator of another make has none; then there is nothing to bind.
    _ = sb_bind_arenas(Int32(cores))
  }

  /// A descriptor 0, 1 or 2 that the parent closed would be given to the first socket or file, and output would land in
  /// it. Such a place is taken by `/dev/null`, opened so that writing to "stdout" still fails.
  private static func reserveStandardDescriptors() {
    for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
      _ = open("/dev/null", descriptor == 2 ? O_WRONLY : O_RDONLY)
    }
  }
}
