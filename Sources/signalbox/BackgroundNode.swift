internal import Base
internal import CSpawn
internal import Glibc

/// `signalbox start`: a node in its own session, without a terminal.
///
/// The child's standard error is a pipe to us until both its doors are open; then it writes one NUL and closes it. So
/// the end of the pipe is the news, without polling: with the NUL it is ready, without it it has died and what it
/// wrote says why.
enum BackgroundNode {
  /// What a child may say before it is ready.
  private static let maxMessageBytes = 64 << 10

  /// POSIX_SPAWN_SETSID of <spawn.h>, which Swift does not import.
  private static let newSession: Int16 = 0x80

  struct Start {
    let processID: pid_t
    /// What the child said on the way, such as warnings.
    let messages: String
  }

  /// Starts `executable` with `arguments`, and returns when the node is ready. Throws what the child said when it
  /// could not start, and `timeout` after `seconds`; the child is ended then.
  static func start(executable: String, arguments: [String], seconds: Int) throws(Failure) -> Start {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw failure("make a pipe", errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    let child: pid_t
    do { child = try spawn(executable, arguments, standardError: ends[1]) } catch {
      close(ends[1])
      throw error
    }
    close(ends[1])
    guard let said = readToEnd(ends[0], milliseconds: Int32(seconds) * 1_000) else {
      _ = end(child)
      throw Failure(.timeout, "the node was not ready within \(seconds) s and was ended")
    }
    let messages = String(decoding: said.prefix { $0 != readyMark }, as: UTF8.self)
    guard said.last == readyMark else { throw died(end(child), messages) }
    return Start(processID: child, messages: messages)
  }

  /// What a child writes when it is ready; no message holds it.
  private static let readyMark: UInt8 = 0

  /// Called in the child once it is ready: from here on nobody reads its standard error.
  static func detach() {
    var mark = readyMark
    // The parent may have gone, by Ctrl-C; the node it wanted lives on.
    _ = write(STDERR_FILENO, &mark, 1)
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    guard null >= 0 else { return }
    dup2(null, STDERR_FILENO)
    close(null)
  }

  private static func spawn(
    _ executable: String, _ arguments: [String], standardError: Int32
  ) throws(Failure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, standardError, STDERR_FILENO)
    sb_close_from(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, newSession)

    var pointers: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, executable, &actions, &attributes, pointers, environ)
    guard code == 0 else { throw failure("start \(executable)", code) }
    return child
  }

  /// Everything up to the end of the pipe; nil when that does not come in time.
  private static func readToEnd(_ descriptor: Int32, milliseconds: Int32) -> [UInt8]? {
    let deadline = ContinuousClock.now + .milliseconds(Int64(milliseconds))
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while true {
      let left = (deadline - ContinuousClock.now).milliseconds
      guard left > 0 else { return nil }
      var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&entry, 1, Int32(left.rounded(.up)))
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { return nil }
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: chunk.prefix(min(count, maxMessageBytes - bytes.count)))
    }
  }

  /// Makes sure that the child has ended, and returns its wait status. A child that is on its way out keeps its own
  /// status: it has half a second, which is what a loaded machine may need.
  private static func end(_ child: pid_t) -> Int32 {
    var status: Int32 = 0
    let process = sb_pidfd(child)
    defer { if process >= 0 { close(process) } }
    var entry = pollfd(fd: process, events: Int16(POLLIN), revents: 0)
    _ = poll(&entry, 1, 500)
    if waitpid(child, &status, WNOHANG) == child { return status }
    kill(child, SIGKILL)
    waitpid(child, &status, 0)
    return status
  }

  private static func died(_ status: Int32, _ messages: String) -> Failure {
    let line = messages.split(separator: "\n").last.map(String.init) ?? "the node ended without a word"
    let text = line.hasPrefix("signalbox: ") ? String(line.dropFirst("signalbox: ".count)) : line
    let code: Failure.Code =
      switch (status >> 8) & 0xff {
      case 64: .invalid
      case 69: .unavailable
      default: .conflict
      }
    return Failure(code, text)
  }

  private static func failure(_ what: String, _ code: Int32) -> Failure {
    Failure(.internal, "cannot \(what): \(String(cString: strerror(code)))")
  }
}
