internal import Base
internal import CSpawn
internal import Dispatch
internal import Glibc
internal import Synchronization

/// A child process of a bench. Whoever starts it kills it or waits for its end; either way it is reaped. If this
/// process is killed first, the kernel kills the child: nothing of a bench may go on beside production.
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
    let words = ([executable] + launch.arguments).map { strdup($0) } + [nil]
    let variables = launch.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for pointer in words + variables { free(pointer) } }
    return executable.withCString { program in
      launch.output.withCString { output in
        words.withUnsafeBufferPointer { words in
          variables.withUnsafeBufferPointer { variables in
            var bound = sb_launch(
              program: program, arguments: words.baseAddress, environment: variables.baseAddress, output: output,
              new_session: launch.hasOwnSession ? 1 : 0)
            return sb_spawn_bound(&bound, &child)
          }
        }
      }
    }
  }
}

extension BenchChild {
  /// Runs a program to its end and returns the time from before its start until its first byte. Throws like `run`, and
  /// `internal` when it ends without a byte.
  static func firstOutput(
    _ executable: String, _ environment: [String: String], _ arguments: [String], deadline: Duration
  ) async throws(Failure) -> Duration {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw Failure(.internal, "no pipe for a program of the bench: \(String(cString: strerror(errno)))")
    }
    let (readEnd, writeEnd) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(readEnd) }
    // Opened by its name in the child, which has no other way to a descriptor of ours.
    let launch = Launch(
      arguments: arguments, environment: environment, output: "/proc/\(getpid())/fd/\(writeEnd)")
    let began = ContinuousClock.now
    let child: BenchChild
    do throws(Failure) { child = try BenchChild(executable, launch) } catch {
      close(writeEnd)
      throw error
    }
    // Started means that it has opened its own; with ours closed, its end is seen as well.
    close(writeEnd)
    async let first = firstByte(readEnd, within: deadline)
    let (status, _) = await child.end(within: deadline)
    let at = await first
    if Task.isCancelled { throw Failure(.unavailable, "the bench was cancelled") }
    guard status == 0, let at else {
      throw Failure(.internal, "'\(arguments.joined(separator: " "))' ended with wait status \(status)")
    }
    return began.duration(to: at)
  }

  /// When the first byte was there; nil when none came. What a program of the bench writes fits into the pipe.
  private static func firstByte(_ descriptor: Int32, within deadline: Duration) async -> ContinuousClock.Instant? {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let isThere = poll(&ready, 1, Int32(deadline.milliseconds)) > 0 && Int32(ready.revents) & POLLIN != 0
        continuation.resume(returning: isThere ? .now : nil)
      }
    }
  }
}
