internal import Base
internal import ControlPlane
internal import Synchronization

/// One container from its creation to its removal. Its task ends by itself: every call has a deadline, and so has the
/// stream.
final class DockerSession: SandboxHandle {
  /// What is waited for on the way.
  private enum Step { case report, begin, close }

  private struct State {
    var stream: DockerStream?
    var verifier = Verifier()
    var ending = SandboxSession.Ending()
    var isStopped = false
    var isReported = false
    var isBegun = false
    var isClosed = false
    var isOver = false
    var stepWaiters: [Step: [CheckedContinuation<Void, Never>]] = [:]
    var waiters: [CheckedContinuation<SandboxSession.Ending, Never>] = []
  }

  private let client: DockerClient
  private let plan: DockerPlan
  /// All of standard input; nil keeps it open for `write`.
  private let input: [UInt8]?
  private let began = ContinuousClock.now
  private let onEvent: @Sendable (RunEvent) -> Void
  private let state = Mutex(State())

  /// What the launcher inside may take to end a run by itself before the Engine kills the container. The launcher
  /// shares the program's processor time, so the deadline is the engine's as well.
  private static let grace = Duration.seconds(2)

  init(
    _ client: DockerClient, _ plan: DockerPlan, input: [UInt8]?, onEvent: @escaping @Sendable (RunEvent) -> Void
  ) {
    self.client = client
    self.plan = plan
    self.input = input
    self.onEvent = onEvent
  }

  /// Begins; `prepare` is what has to be there before the container can be created. The session lives until its end,
  /// whether or not anyone waits for it.
  func start(prepare: @escaping @Sendable () async throws(SandboxError) -> Void) {
    Task {
      do throws(SandboxError) {
        try await prepare()
        try await live()
      } catch {
        fail(error)
      }
      finish()
    }
  }

  func ready() async { await wait(.begin) { $0.isBegun || $0.isOver } }

  func write(_ bytes: [UInt8]) { state.withLock { $0.stream }?.send("I", bytes) }

  func stop() {
    let stream = state.withLock { state in
      state.isStopped = true
      return state.stream
    }
    stream?.send("X")
    stream?.expectEnd(within: Self.grace)
  }

  func ending() async -> SandboxSession.Ending {
    await withCheckedContinuation { continuation in
      let ending = state.withLock { state -> SandboxSession.Ending? in
        if state.isOver { return state.ending }
        state.waiters.append(continuation)
        return nil
      }
      if let ending { continuation.resume(returning: ending) }
    }
  }

  // MARK: The container

  private func live() async throws(SandboxError) {
    guard !isStopped else { return stopped() }
    let id = try await client.create(plan.container)
    var trouble: SandboxError?
    do throws(SandboxError) { try await attend(id) } catch { trouble = error }
    let clock = ContinuousClock.now
    let isGone = await client.remove(id)
    state.withLock { state in
      // The Engine's word is the last: no container, no process of it.
      if !state.ending.fields.isEmpty {
        state.ending.fields["clean"] = isGone ? "1" : "0"
        let inside = state.ending.fields["cleanupMilliseconds"].flatMap(Int.init) ?? 0
        state.ending.fields["cleanupMilliseconds"] = String(inside + clock.duration(to: .now).milliseconds)
      }
    }
    if let trouble { throw trouble }
  }

  private func attend(_ id: String) async throws(SandboxError) {
    let path = "/v\(client.api)/containers/\(id)/attach?stream=1&stdin=1&stdout=1&stderr=1"
    let stream = try await DockerStream.open(
      client.address, path: path, deadline: .milliseconds(3 * LaunchPlan.startMilliseconds)
    ) { [self] in receive($0) }
    defer { stream.close() }
    stream.send(plan.frames)
    try await client.start(id)
    await wait(.report) { $0.isReported || $0.isClosed }
    let inspection = try await client.inspect(id)
    guard state.withLock({ $0.isReported }) else {
      throw state.withLock { .broken($0.ending.failure ?? "the launcher in the container ended without a word") }
    }
    if begin(stream, inspection) {
      await wait(.close) { $0.isClosed }
      try await judge(stream, id)
    }
  }

  /// Nothing of the user has run yet, and nothing will when a layer is not as asked for.
  private func begin(_ stream: DockerStream, _ inspection: DockerAnswer.Inspection) -> Bool {
    let (isFine, isStopped) = state.withLock { state in
      state.ending.readyAfter = began.duration(to: .now)
      let verifier = DockerVerifier(
        verifier: state.verifier, asked: plan.container, limits: plan.limits, inspection: inspection)
      state.ending.checks = verifier.checks()
      let wrong = state.ending.checks.filter { !$0.value.ok }.sorted { $0.key < $1.key }
      if !wrong.isEmpty {
        let text = wrong.map { "\($0.key) is \($0.value.actual), not \($0.value.expected)" }.joined(separator: "; ")
        state.ending.failure = "the container is not what was asked for: \(text)"
      }
      state.stream = stream
      return (wrong.isEmpty, state.isStopped)
    }
    guard isFine else { return false }
    guard !isStopped else {
      stopped()
      return false
    }
    onEvent(.started)
    stream.expectEnd(within: plan.runMilliseconds.map { .milliseconds($0) + Self.grace })
    var frames: [(tag: Character, payload: [UInt8])] = [("V", [])]
    if let input { frames += [("I", input), ("E", [])] }
    stream.send(frames)
    wake(.begin) { $0.isBegun = true }
    // Between the look above and now it may have been stopped, with no stream to say it to.
    if self.isStopped { stop() }
    return true
  }

  /// The stream has ended; when the launcher did not say why, the Engine knows, or its time was up.
  private func judge(_ stream: DockerStream, _ id: String) async throws(SandboxError) {
    guard state.withLock({ $0.ending.fields.isEmpty && $0.ending.failure == nil }) else { return }
    if stream.isPastDeadline || isStopped {
      let reason = isStopped ? "killed" : "timeout"
      let spent = began.duration(to: .now).milliseconds
      return state.withLock { $0.ending.fields = ["reason": reason, "runMilliseconds": String(spent)] }
    }
    let end = try await client.inspect(id).state
    guard end.oOMKilled else {
      throw .broken("the launcher in the container ended without a word (code \(end.exitCode))")
    }
    state.withLock { state in
      state.ending.fields = ["reason": "lost"]
      state.ending.statistics["/memory.events"] = "oom_kill 1"
    }
  }

  private var isStopped: Bool { state.withLock { $0.isStopped } }

  private func stopped() {
    state.withLock { $0.ending.fields = ["reason": "killed", "clean": "1"] }
  }

  private func fail(_ error: SandboxError) {
    state.withLock { state in
      guard state.ending.failure == nil else { return }
      state.ending.failure = error.failure.message
      state.ending.error = error
    }
  }

  // MARK: What the launcher says

  private func receive(_ message: LauncherMessage?) {
    switch message {
    case .limit(let path, let value): state.withLock { $0.verifier.values[path] = value }
    case .posture(let name, let text): state.withLock { $0.verifier.posture[name] = text }
    // No interpreter waits in a container.
    case .held: break
    case .ready: wake(.report) { $0.isReported = true }
    case .stdout(let bytes):
      if plan.runMilliseconds != nil { state.withLock { $0.ending.stdout += bytes } }
      onEvent(.stdout(bytes))
    case .stderr(let bytes):
      if plan.runMilliseconds != nil { state.withLock { $0.ending.stderr += bytes } }
      onEvent(.stderr(bytes))
    case .file(let path, let bytes, let content):
      state.withLock { state in
        state.ending.files.append(RunResult.File(path: path, bytes: bytes))
        state.ending.contents.append(content)
      }
    case .statistic(let path, let text): state.withLock { $0.ending.statistics[path] = text }
    case .end(let fields): state.withLock { $0.ending.fields = fields }
    case .failure(let text): state.withLock { $0.ending.failure = $0.ending.failure ?? text }
    case nil:
      wake(.report) { $0.isClosed = true }
      wake(.close) { _ in }
    }
  }

  // MARK: Waiting

  private func wait(_ step: Step, until isTrue: (State) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isNow = state.withLock { state in
        let isNow = isTrue(state)
        if !isNow { state.stepWaiters[step, default: []].append(continuation) }
        return isNow
      }
      if isNow { continuation.resume() }
    }
  }

  private func wake(_ step: Step, _ change: (inout State) -> Void) {
    let woken = state.withLock { state in
      change(&state)
      return state.stepWaiters.removeValue(forKey: step) ?? []
    }
    for waiter in woken { waiter.resume() }
  }

  private func finish() {
    let (waiters, ending) = state.withLock { state in
      state.isOver = true
      state.stream = nil
      if state.ending.fields.isEmpty, state.ending.failure == nil {
        state.ending.failure = "the container ended without a word"
      }
      defer { state.waiters = [] }
      return (state.waiters, state.ending)
    }
    wake(.begin) { _ in }
    for waiter in waiters { waiter.resume(returning: ending) }
  }
}
