internal import Glibc

/// Asks a program of this machine a question while the sandbox is being set up: an empty environment, no input, its
/// standard output up to a bound, and a deadline.
enum ToolRun {
  private static let bytesMax = 1 << 20
  private static let deadlineMilliseconds = 15_000

  /// Nil when it cannot be started, fails, or does not end in time.
  static func output(_ program: String, _ arguments: [String]) -> String? {
    var ends: [Int32] = [-1, -1]
    // A socket where a pipe would do: it can be closed on exec from the start.
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      return nil
    }
    defer { close(ends[0]) }
    guard let process = start(program, arguments, output: ends[1]) else {
      close(ends[1])
      return nil
    }
    close(ends[1])
    let bytes = collect(ends[0])
    if bytes == nil { kill(process, SIGKILL) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    guard let bytes, status == 0 else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func start(_ program: String, _ arguments: [String], output: Int32) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    let texts = ([program] + arguments).map { strdup($0) }
    defer { for text in texts { free(text) } }
    let path = strdup("PATH=/usr/bin:/bin")
    defer { free(path) }
    var process: pid_t = 0
    let status = posix_spawn(&process, program, &actions, nil, texts + [nil], [path, nil])
    return status == 0 ? process : nil
  }

  private static func collect(_ descriptor: Int32) -> [UInt8]? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    let deadline = ContinuousClock.now.advanced(by: .milliseconds(deadlineMilliseconds))
    while bytes.count < bytesMax {
      let left = Int32(clamping: ContinuousClock.now.duration(to: deadline).components.seconds * 1_000 + 1)
      var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard left > 0, poll(&ready, 1, left) > 0 else { return nil }
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: chunk.prefix(count))
    }
    return nil
  }
}
