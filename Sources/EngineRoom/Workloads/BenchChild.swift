internal import Base
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A child process of a bench. Whoever starts it kills it or waits for its end; either way it is reaped.
final class BenchChild: Sendable {
  /// Everything but the program.
  struct Launch: Sendable {
    var arguments: [String]
    /// The whole environment: what production uses is not in it.
    var environment: [String: String]
    /// Where standard output and error go.
    var output = "/dev/null"
    /// A session of its own: Ctrl-C in the terminal does not reach it, and `kill` takes its descendants along.
    var hasOwnSession = false
  }

  /// POSIX_SPAWN_SETSID of <spawn.h>, which Swift does not import.
  private static let newSession: Int16 = 0x80

  let processID: pid_t
  private let hasOwnSession: Bool
  /// The wait status, once it is reaped.
  private let status = Mutex<Int32?>(nil)

  init(_ executable: String, _ launch: Launch) throws(Failure) {
    hasOwnSession = launch.hasOwnSession
    var child: pid_t = 0
    let code = Self.spawn(&child, executable, launch)
    guard code == 0 else {
      throw Failure(.unavailable, "cannot start \(executable): \(String(cString: strerror(code)))")
    }
    processID = child
  }

  /// Runs a program to its end and returns the time from before its start until its end is known. It is killed at the
  /// deadline and when the task is cancelled. Throws `internal` when it ends with anything but 0.
  static func run(_ executable: String, _ launch: Launch, deadline: Duration) async throws(Failure) -> Duration {
    let began = ContinuousClock.now
    let child = try BenchChild(executable, launch)
    let (status, ended) = await child.end(within: deadline)
    if Task.isCancelled { throw Failure(.unavailable, "the bench was cancelled") }
    guard status == 0 else {
      throw Failure(.internal, "'\(launch.arguments.joined(separator: " "))' ended with wait status \(status)")
    }
    return began.duration(to: ended)
  }

  var hasEnded: Bool {
    if status.withLock({ $0 != nil }) { return true }
    var facts = siginfo_t()
    return waitid(P_PID, id_t(processID), &facts, WEXITED | WNOHANG | WNOWAIT) == 0 && facts.si_signo != 0
  }

  func send(_ signal: Int32) {
    status.withLock { if $0 == nil { Glibc.kill(processID, signal) } }
  }

  /// Waits on a thread that is not the node's, at most until the deadline or the cancellation, when it is killed.
  /// Returns the wait status, and when the end was seen.
  func end(within deadline: Duration) async -> (status: Int32, at: ContinuousClock.Instant) {
    let limit = DispatchWorkItem { [self] in send(SIGKILL) }
    DispatchQueue.global().asyncAfter(
      deadline: .now() + .milliseconds(Int(deadline.milliseconds)), execute: limit)
    defer { limit.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async { [self] in
          waitForEnd()
          let now = ContinuousClock.now
          continuation.resume(returning: (kill(), now))
        }
      }
    } onCancel: {
      send(SIGKILL)
    }
  }

  /// Kills it, with its session when it leads one, and reaps it. Returns the wait status; harmless when it has ended.
  @discardableResult
  func kill() -> Int32 {
    status.withLock { status in
      if let status { return status }
      // Until it is reaped its number is nobody else's, and so is that of its group.
      Glibc.kill(hasOwnSession ? -processID : processID, SIGKILL)
      var raw: Int32 = 0
      while waitpid(processID, &raw, 0) == -1, errno == EINTR {}
      status = raw
      return raw
    }
  }

  /// Leaves it unreaped.
  private func waitForEnd() {
    var facts = siginfo_t()
    while waitid(P_PID, id_t(processID), &facts, WEXITED | WNOWAIT) == -1, errno == EINTR {}
  }

  private static func spawn(_ child: inout pid_t, _ executable: String, _ launch: Launch) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, launch.output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)
    posix_spawnattr_setflags(&attributes, launch.hasOwnSession ? flags | newSession : flags)
    let words = ([executable] + launch.arguments).map { strdup($0) } + [nil]
    let variables = launch.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in words + variables { free(pointer) } }
    return posix_spawn(&child, executable, &actions, &attributes, words, variables)
  }
}
