internal import Synchronization

/// One sandbox from its start to its end: what the launcher says, in the order in which it says it. All callbacks come
/// on the launcher's thread.
final class SandboxSession: Sendable {
  /// How it ended, in the launcher's words.
  struct Ending: Sendable {
    var fields: [String: String] = [:]
    var failure: String?
    /// The same as an error with a way out, where there is one.
    var error: SandboxError?
    var checks: [String: SandboxResult.Check] = [:]
    var statistics: [String: String] = [:]
    var files: [SandboxResult.File] = []
    var artefacts: [String: [UInt8]] = [:]
    var stdout: [UInt8] = []
    var stderr: [UInt8] = []
    var readyAfter: Duration = .zero
  }

  private struct State {
    var launcher: LauncherProcess?
    var verifier = Verifier()
    var ending = Ending()
    var isReady = false
    var isOver = false
    var isStopped = false
    var waiters: [CheckedContinuation<Ending, Never>] = []
    var readyWaiters: [CheckedContinuation<Void, Never>] = []
  }

  private let plan: LaunchPlan
  private let input: [UInt8]?
  private let began = ContinuousClock.now
  private let onEvent: @Sendable (RunEvent) -> Void
  private let state = Mutex(State())

  /// What a run may take beyond its own deadline before its launcher is killed.
  private static let grace = Duration.milliseconds(
    LaunchPlan.startMilliseconds + 2 * LaunchPlan.cleanupMilliseconds + 5_000)

  /// `input`: all of standard input; nil keeps it open for `write`.
  init(_ plan: LaunchPlan, input: [UInt8]?, onEvent: @escaping @Sendable (RunEvent) -> Void) {
    self.plan = plan
    self.input = input
    self.onEvent = onEvent
  }

  func start(launcher executable: String) throws(SandboxError) {
    let limit = plan.runMilliseconds.map { .milliseconds($0) + Self.grace }
    let launcher = try LauncherProcess.start(executable, plan, deadline: limit) { [self] in receive($1, from: $0) }
    let isStopped = state.withLock { state in
      if !state.isOver { state.launcher = launcher }
      return state.isStopped
    }
    if isStopped { stop() }
  }

  /// Waits for the end.
  func ending() async -> Ending {
    await withCheckedContinuation { continuation in
      let ending = state.withLock { state -> Ending? in
        if state.isOver { return state.ending }
        state.waiters.append(continuation)
        return nil
      }
      if let ending { continuation.resume(returning: ending) }
    }
  }

  /// Waits until the program has been started, or will never be.
  func ready() async {
    await withCheckedContinuation { continuation in
      let isNow = state.withLock { state in
        let isNow = state.isReady || state.isOver
        if !isNow { state.readyWaiters.append(continuation) }
        return isNow
      }
      if isNow { continuation.resume() }
    }
  }

  func write(_ bytes: [UInt8]) { state.withLock { $0.launcher }?.send("I", bytes) }

  /// Kills the sandbox. Harmless when it has ended.
  func stop() {
    let launcher = state.withLock { state in
      state.isStopped = true
      return state.launcher
    }
    launcher?.send("X")
    launcher?.expectEnd(within: Self.grace)
  }

  private func receive(_ message: LauncherMessage?, from launcher: LauncherProcess) {
    switch message {
    case .limit(let path, let value): state.withLock { $0.verifier.values[path] = value }
    case .posture(let name, let text): state.withLock { $0.verifier.posture[name] = text }
    case .ready: ready(launcher)
    case .stdout(let bytes):
      if plan.outputBytes != nil { state.withLock { $0.ending.stdout += bytes } }
      onEvent(.stdout(bytes))
    case .stderr(let bytes):
      if plan.outputBytes != nil { state.withLock { $0.ending.stderr += bytes } }
      onEvent(.stderr(bytes))
    case .file(let path, let bytes, let content):
      state.withLock { state in
        state.ending.files.append(SandboxResult.File(path: path, bytes: bytes))
        state.ending.artefacts[path] = content
      }
    case .statistic(let path, let text): state.withLock { $0.ending.statistics[path] = text }
    case .end(let fields): state.withLock { $0.ending.fields = fields }
    case .failure(let text): state.withLock { $0.ending.failure = $0.ending.failure ?? text }
    case nil: finish()
    }
  }

  /// Nothing of the user has run yet, and nothing will when a layer is not as asked for.
  private func ready(_ launcher: LauncherProcess) {
    let isWrong = state.withLock { state in
      state.ending.readyAfter = began.duration(to: .now)
      state.ending.checks = state.verifier.checks(plan)
      let wrong = state.ending.checks.filter { !$0.value.ok }.sorted { $0.key < $1.key }
      if !wrong.isEmpty {
        let text = wrong.map { "\($0.key) is \($0.value.actual), not \($0.value.expected)" }.joined(separator: "; ")
        state.ending.failure = "the kernel does not enforce what was asked for: \(text)"
      }
      return !wrong.isEmpty
    }
    guard !isWrong else {
      launcher.send("X")
      return
    }
    onEvent(.started)
    launcher.send("G")
    launcher.send("V")
    let waiters = state.withLock { state in
      state.isReady = true
      defer { state.readyWaiters = [] }
      return state.readyWaiters
    }
    for waiter in waiters { waiter.resume() }
    guard let input else { return }
    if !input.isEmpty { launcher.send("I", input) }
    launcher.send("E")
  }

  private func finish() {
    let (waiters, readyWaiters, ending) = state.withLock { state in
      state.isOver = true
      state.launcher = nil
      if state.ending.fields.isEmpty, state.ending.failure == nil {
        state.ending.failure = "the launcher ended without a word"
      }
      defer {
        state.waiters = []
        state.readyWaiters = []
      }
      return (state.waiters, state.readyWaiters, state.ending)
    }
    for waiter in readyWaiters { waiter.resume() }
    for waiter in waiters { waiter.resume(returning: ending) }
  }
}
