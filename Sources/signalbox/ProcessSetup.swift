internal import Glibc

/// What every call of the program does before anything else.
enum ProcessSetup {
  static func prepare() {
    reserveStandardDescriptors()
    // A closed pipe is an error of the write that meets it, and not the end of a node.
    signal(SIGPIPE, SIG_IGN)
    setlocale(LC_CTYPE, "")
  }

  /// A descriptor 0, 1 or 2 that the parent closed would be given to the first socket or file, and output would land in
  /// it. Such a place is taken by `/dev/null`, opened so that writing to "stdout" still fails.
  private static func reserveStandardDescriptors() {
    for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
      _ = open("/dev/null", descriptor == 2 ? O_WRONLY : O_RDONLY)
    }
  }
}
