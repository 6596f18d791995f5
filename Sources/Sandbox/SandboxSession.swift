internal import Base
internal import ControlPlane
internal import Synchronization

/// One sandbox from its start to its end: what the launcher says, in the order in which it says it. All callbacks come
/// on the launcher's thread.
///
/// It has its work from the start, or it comes up without any, with an interpreter that waits for its program, and is
/// given work once (see `WarmPool`). Either way the kernel's word on every layer comes first.
final class SandboxSession: Sendable {
  /// How it ended, in the launcher's words.
  struct Ending: Sendable {
    var fields: [String: String] = [:]
    var failure: String?
    /// The same as an error with a way out, where there is one.
    var error: SandboxError?
    var checks: [String: RunResult.Check] = [:]
    var statistics: [String: String] = [:]
    var files: [RunResult.File] = []
    /// Of `files`, in their order; nil for one that was too large to be handed over.
    var contents: [[UInt8]?] = []
    var stdout: [UInt8] = []
    var stderr: [UInt8] = []
    var readyAfter: Duration = .zero
    /// Whether something of the user was started.
    var hasBegun = false
  }

  /// What a sandbox does, and what it is held to while it does.
  struct Work: Sendable {
    var plan: LaunchPlan
    /// For an interpreter that waits: the program, and the files that come with it.
    var files: [SandboxRequest.File] = []
    /// All of standard input; nil keeps it open for `write`.
    var input: [UInt8]?
    var onEvent: @Sendable (RunEvent) -> Void
  }

  private struct State {
    var launcher: LauncherProcess?
    var verifier = Verifier()
    var ending = Ending()
    var work: Work?
    var began = ContinuousClock.now
    var isReady = false
    var isHeld = false
    var isOver = false
    var isStopped = false
    var onBusy: (@Sendable () -> Void)?
    var waiters: [CheckedContinuation<Ending, Never>] = []
    var readyWaiters: [CheckedContinuation<Void, Never>] = []
  }

  private let plan: LaunchPlan
  private let onEnd: @Sendable (SandboxSession) -> Void
  private let state = Mutex(State())

  /// What a run may take beyond its own deadline before its launcher is killed.
  private static let grace = Duration.milliseconds(
    LaunchPlan.startMilliseconds + 2 * LaunchPlan.cleanupMilliseconds + 5_000)

  convenience init(
    _ plan: LaunchPlan, input: [UInt8]?, onEnd: @escaping @Sendable (SandboxSession) -> Void = { _ in },
    onEvent: @escaping @Sendable (RunEvent) -> Void
  ) {
    self.init(plan, onEnd: onEnd)
    state.withLock { $0.work = Work(plan: plan, input: input, onEvent: onEvent) }
  }

  /// Without work. `onEnd` is called when nothing of it is left and everyone who waited has been told.
  init(_ plan: LaunchPlan, onEnd: @escaping @Sendable (SandboxSession) -> Void) {
    self.plan = plan
    self.onEnd = onEnd
  }

  /// One that cannot be started, or was stopped before, has ended: nobody waits for it in vain.
  func start(launcher executable: String) throws(SandboxError) {
    guard !isStopped else { return finish() }
    let limit = plan.held == nil ? plan.runMilliseconds.map { .milliseconds($0) + Self.grace } : Self.grace
    let launcher: LauncherProcess
    do throws(SandboxError) {
      launcher = try LauncherProcess.start(executable, plan, deadline: limit) { [self] in receive($1, from: $0) }
    } catch {
      state.withLock { ($0.ending.failure, $0.ending.error) = (error.failure.message, error) }
      finish()
      throw error
    }
    let isStopped = state.withLock { state in
      if !state.isOver { state.launcher = launcher }
      return state.isStopped
    }
    if isStopped { stop() }
  }

  var isStopped: Bool { state.withLock { $0.isStopped } }

  /// Whether it can be given work now.
  var isWaiting: Bool { state.withLock { $0.isHeld && !$0.isOver && !$0.isStopped && $0.work == nil } }

  /// Whether it ever came so far.
  var hasWaited: Bool { state.withLock { $0.isHeld } }

  /// Work for an interpreter that waits; false when it does not. `onBusy` is called once, when the program has said its
  /// first word or has ended: the time to think of the next one.
  func give(_ work: Work, onBusy: @escaping @Sendable () -> Void) -> Bool {
    let launcher = state.withLock { state -> LauncherProcess? in
      guard state.isHeld, !state.isOver, !state.isStopped, state.work == nil else { return nil }
      state.work = work
      state.onBusy = onBusy
      state.began = .now
      // What was true a while ago is no proof.
      state.verifier = Verifier()
      state.ending.checks = [:]
      return state.launcher
    }
    guard let launcher else { return false }
    launcher.expectEnd(within: work.plan.runMilliseconds.map { .milliseconds($0) + Self.grace })
    let writes = work.plan.groups?.writes ?? []
    launcher.send(
      writes.map { ("Q", Array("\($0.path)\n\($0.value)".utf8)) }
        + work.plan.numbers.map { ("N", Array("\($0.0)=\($0.1)".utf8)) } + [("Y", [])])
    return true
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

  // MARK: What the launcher says

  private func receive(_ message: LauncherMessage?, from launcher: LauncherProcess) {
    switch message {
    case .limit(let path, let value): state.withLock { $0.verifier.values[path] = value }
    case .posture(let name, let text): state.withLock { $0.verifier.posture[name] = text }
    case .ready: ready(launcher)
    case .held: held(launcher)
    case .stdout(let bytes): output(.stdout(bytes), launcher)
    case .stderr(let bytes): output(.stderr(bytes), launcher)
    case .file(let path, let bytes, let content):
      state.withLock { state in
        state.ending.files.append(RunResult.File(path: path, bytes: bytes))
        state.ending.contents.append(content)
      }
    case .statistic(let path, let text): state.withLock { $0.ending.statistics[path] = text }
    case .end(let fields): state.withLock { $0.ending.fields = fields }
    case .failure(let text): state.withLock { $0.ending.failure = $0.ending.failure ?? text }
    case nil: finish()
    }
  }

  private func output(_ event: RunEvent, _ launcher: LauncherProcess) {
    let (work, onBusy) = state.withLock { state in
      switch event {
      case .stdout(let bytes) where state.work?.plan.outputBytes != nil: state.ending.stdout += bytes
      case .stderr(let bytes) where state.work?.plan.outputBytes != nil: state.ending.stderr += bytes
      default: break
      }
      defer { state.onBusy = nil }
      return (state.work, state.onBusy)
    }
    // An interpreter that speaks before it has a program would speak in its name.
    guard let work else { return launcher.send("X") }
    work.onEvent(event)
    onBusy?()
  }

  private func held(_ launcher: LauncherProcess) {
    launcher.expectEnd(within: nil)
    state.withLock { $0.isHeld = true }
  }

  /// Nothing of the user has run yet, and nothing will when a layer is not as asked for.
  private func ready(_ launcher: LauncherProcess) {
    let (isWrong, work) = state.withLock { state in
      state.ending.readyAfter = state.began.duration(to: .now)
      state.ending.checks = state.verifier.checks(state.work?.plan ?? plan)
      // It has no share of the processor before it has work.
      if state.work == nil { state.ending.checks["cpu"] = nil }
      let wrong = state.ending.checks.filter { !$0.value.ok }.sorted { $0.key < $1.key }
      if !wrong.isEmpty {
        let text = wrong.map { "\($0.key) is \($0.value.actual), not \($0.value.expected)" }.joined(separator: "; ")
        state.ending.failure = "the kernel does not enforce what was asked for: \(text)"
      }
      state.ending.hasBegun = wrong.isEmpty && state.work != nil
      return (!wrong.isEmpty, state.work)
    }
    guard !isWrong else { return launcher.send("X") }
    guard let work else { return launcher.send("V") }
    begin(work, launcher)
  }

  private func begin(_ work: Work, _ launcher: LauncherProcess) {
    work.onEvent(.started)
    var frames: [(tag: Character, payload: [UInt8])] = [("G", [])]
    if plan.held == nil {
      frames.append(("V", []))
    } else {
      frames += work.files.map { ("F", Array($0.path.utf8) + [0] + $0.content) } + [("C", [])]
    }
    if let input = work.input {
      if !input.isEmpty { frames.append(("I", input)) }
      frames.append(("E", []))
    }
    launcher.send(frames)
    let waiters = state.withLock { state in
      state.isReady = true
      defer { state.readyWaiters = [] }
      return state.readyWaiters
    }
    for waiter in waiters { waiter.resume() }
  }

  private func finish() {
    // A launcher that was killed has not cleaned up; one that reported its end, or a failure, has.
    if state.withLock({ $0.ending.fields.isEmpty }) { plan.groups?.remove() }
    let (waiters, readyWaiters, ending) = state.withLock { state in
      state.isOver = true
      state.launcher = nil
      if state.ending.fields.isEmpty, state.ending.failure == nil {
        state.ending.failure = "the launcher ended without a word"
      }
      defer {
        state.waiters = []
        state.readyWaiters = []
        state.work = nil
        state.onBusy = nil
      }
      return (state.waiters, state.readyWaiters, state.ending)
    }
    for waiter in readyWaiters { waiter.resume() }
    for waiter in waiters { waiter.resume(returning: ending) }
    onEnd(self)
  }
}
