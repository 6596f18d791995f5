internal import Base
internal import CSpawn
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Runs a foreign program for a look at its version. Whatever it does, it is over by the deadline, and what it prints
/// beyond the first bytes is read and thrown away.
///
/// The program leads a process group of its own. When it has ended, but before it is reaped, the whole group is killed:
/// until then its number cannot belong to anybody else, and so no descendant is left behind and no stranger is hit.
struct ProbeCommand: Sendable {
  enum Outcome: Sendable, Equatable {
    /// Exit status (128 + n for signal n) and the first bytes of output.
    case ended(status: Int32, output: String)
    case timedOut
    case couldNotStart(String)
  }

  /// Bytes of output that are kept.
  static let outputMax = 4_096
  /// How often a cancellation is looked for.
  private static let stepMilliseconds: Int32 = 20

  var executable: String
  var arguments: [String]
  var environment: [String: String]
  var deadline: Duration

  /// Waits on a thread of its own, so that twenty probes do not stand in the way of the node's tasks. Cancelling the
  /// task kills the program.
  func run() async -> Outcome {
    let isCancelled = CancelFlag()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(returning: runBlocking(isCancelled)) }
      }
    } onCancel: {
      isCancelled.set()
    }
  }

  private final class CancelFlag: Sendable {
    private let flag = Atomic(false)
    func set() { flag.store(true, ordering: .relaxed) }
    var isSet: Bool { flag.load(ordering: .relaxed) }
  }

  private func runBlocking(_ cancel: CancelFlag) -> Outcome {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return .couldNotStart(String(cString: strerror(errno))) }
    for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    defer { close(ends[0]) }
    var child: pid_t = 0
    let code = spawn(&child, output: ends[1])
    close(ends[1])
    guard code == 0 else { return .couldNotStart(String(cString: strerror(code))) }
    let end = ContinuousClock.now + deadline
    // Without one (the table of descriptors is full) each step is waited for whole.
    let process = sb_pidfd(child)
    defer { if process >= 0 { close(process) } }
    var output: [UInt8] = []
    var isOpen = true
    var hasEnded = false
    while !hasEnded, ContinuousClock.now < end, !cancel.isSet {
      Self.wait(isOpen ? ends[0] : -1, process)
      isOpen = isOpen && collect(ends[0], into: &output)
      hasEnded = Self.hasEnded(child)
    }
    if isOpen { _ = collect(ends[0], into: &output) }
    kill(-child, SIGKILL)
    let status = Self.reap(child)
    return hasEnded ? .ended(status: status, output: String(decoding: output, as: UTF8.self)) : .timedOut
  }

  private func spawn(_ child: inout pid_t, output: Int32) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    sb_close_from(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGPIPE)
    sigaddset(&signals, SIGINT)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let words = ([executable] + arguments).map { strdup($0) } + [nil]
    let variables = foreignEnvironment.map { strdup($0) } + [nil]
    defer { for pointer in words + variables { free(pointer) } }
    return posix_spawn(&child, executable, &actions, &attributes, words, variables)
  }

  /// Foreign programs are told nothing of ours: no setting, and so no secret.
  private var foreignEnvironment: [String] {
    let ours = ["SIGNALBOX_", "REDIS_", "OPENAI_", "PINECONE_"]
    return environment.filter { name, _ in !ours.contains { name.hasPrefix($0) } }.map { "\($0.key)=\($0.value)" }
  }

  /// Until there is something to read or the program has ended, at most for a step: cancelling is looked for after it.
  private static func wait(_ output: Int32, _ process: Int32) {
    var entries = [
      pollfd(fd: output, events: Int16(POLLIN), revents: 0), pollfd(fd: process, events: Int16(POLLIN), revents: 0),
    ]
    _ = poll(&entries, 2, stepMilliseconds)
  }

  /// Reads what is there; false once nobody can write any more.
  private func collect(_ descriptor: Int32, into output: inout [UInt8]) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 16_384)
    let count = read(descriptor, &chunk, chunk.count)
    guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
    output += chunk.prefix(min(count, Self.outputMax - output.count))
    return true
  }

  /// Looks without reaping.
  private static func hasEnded(_ child: pid_t) -> Bool {
    var facts = siginfo_t()
    return waitid(P_PID, id_t(child), &facts, WEXITED | WNOHANG | WNOWAIT) == 0 && facts.si_signo != 0
  }

  private static func reap(_ child: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) == -1, errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
