internal import Base
internal import ControlPlane
internal import Synchronization
internal import Telemetry

/// The runs of this node's life: those that go on, and what is counted of those that ended. Read at every look, so it
/// waits for nobody.
final class RunBoard: Sendable {
  private struct Active {
    var summary: RunSummary
    var code: String
    var began: ContinuousClock.Instant?
    var isKilled = false
    var task: Task<Result<RunResult, Failure>, Never>?
  }

  private struct State {
    var active: [String: Active] = [:]
    var recent: [RunSummary] = []
    var outcomes: [RunOutcome: UInt64] = [:]
    var cached: UInt64 = 0
    var backend = "none"
    var languages: @Sendable () -> [SandboxSnapshot.Language] = { [] }
    var warm: @Sendable () -> Int = { 0 }
    var isClosed = false
  }

  private static let activeShownMax = 256

  static let taken = Failure(.conflict, "there is a run with this id already")

  private let concurrencyMax: Int
  private let limits: SandboxSnapshot.Limits
  private let state = Mutex(State())
  private let latency = LatencyRecorder()
  private let startLatency = LatencyRecorder()

  init(_ settings: RunSettings) {
    concurrencyMax = settings.concurrencyMax
    limits = SandboxSnapshot.Limits(
      timeoutMilliseconds: settings.timeoutMilliseconds, memoryBytes: settings.memoryBytes,
      memoryBytesMax: settings.memoryBytesMax)
  }

  // MARK: From the service

  /// What can be run may change while the node runs; both are asked at every look, and wait for nobody.
  func tell(
    backend: String, languages: @escaping @Sendable () -> [SandboxSnapshot.Language],
    warm: @escaping @Sendable () -> Int
  ) {
    state.withLock { state in
      state.backend = backend
      state.languages = languages
      state.warm = warm
    }
  }

  /// Of the lives before, newest first.
  func tell(recent: [RunSummary]) {
    state.withLock { $0.recent = Array(($0.recent + recent).prefix(SandboxSnapshot.recentMax)) }
  }

  var hasEngine: Bool { state.withLock { $0.backend != "none" } }

  func close() { state.withLock { $0.isClosed = true } }

  /// Throws `conflict` for a taken id, and `unavailable` when the node takes no more.
  func begin(_ summary: RunSummary, code: String) throws(Failure) {
    let failure: Failure? = state.withLock { state in
      guard !state.isClosed else { return Failure(.unavailable, "the node is stopping and takes no more runs") }
      guard state.active[summary.id] == nil else { return Self.taken }
      state.active[summary.id] = Active(summary: summary, code: code)
      return nil
    }
    if let failure { throw failure }
  }

  func set(_ task: Task<Result<RunResult, Failure>, Never>, for id: String) {
    let isKilled = state.withLock { state in
      state.active[id]?.task = task
      return state.active[id]?.isKilled ?? false
    }
    if isKilled { task.cancel() }
  }

  var tasks: [Task<Result<RunResult, Failure>, Never>] { state.withLock { $0.active.values.compactMap(\.task) } }

  var isIdle: Bool { state.withLock { $0.active.isEmpty } }

  /// Its program has begun; nil when it is gone already.
  func start(_ id: String) -> RunSummary? {
    state.withLock { state in
      state.active[id]?.began = .now
      state.active[id]?.summary.state = .running
      return state.active[id]?.summary
    }
  }

  /// False when there is none of that id.
  func kill(_ id: String) -> Bool {
    let (isThere, task) = state.withLock { state in
      state.active[id]?.isKilled = true
      return (state.active[id] != nil, state.active[id]?.task)
    }
    task?.cancel()
    return isThere
  }

  func end(_ summary: RunSummary) {
    state.withLock { state in
      state.active[summary.id] = nil
      state.recent.insert(summary, at: 0)
      if state.recent.count > SandboxSnapshot.recentMax { state.recent.removeLast() }
      if let outcome = summary.outcome { state.outcomes[outcome, default: 0] += 1 }
      if summary.isCached { state.cached += 1 }
    }
    guard !summary.isCached, summary.outcome != .blocked, summary.outcome != .error else { return }
    latency.record(.milliseconds(summary.durationMilliseconds))
    startLatency.record(.milliseconds(summary.startMilliseconds))
  }

  // MARK: Looks

  /// A run that has not ended.
  func active(_ id: String) -> RunSummary? { state.withLock { $0.active[id].map(Self.shown) } }

  /// The same with its program.
  func detail(_ id: String) -> RunDetail? {
    state.withLock { $0.active[id].map { RunDetail(summary: Self.shown($0), code: $0.code) } }
  }

  func snapshot() -> SandboxSnapshot {
    let (languages, warm) = state.withLock { ($0.languages, $0.warm) }
    var snapshot = state.withLock { state in
      var snapshot = SandboxSnapshot(backend: state.backend)
      let active = state.active.values.map(Self.shown)
      snapshot.running = active.count { $0.state == .running }
      snapshot.queued = active.count - snapshot.running
      snapshot.active = Array(active.sorted { $0.timeMilliseconds < $1.timeMilliseconds }.prefix(Self.activeShownMax))
      snapshot.recent = state.recent
      snapshot.cached = state.cached
      snapshot.succeeded = state.outcomes[.succeeded] ?? 0
      snapshot.failed = state.outcomes[.failed] ?? 0
      snapshot.timedOut = state.outcomes[.timedOut] ?? 0
      snapshot.outOfMemory = state.outcomes[.outOfMemory] ?? 0
      snapshot.blocked = state.outcomes[.blocked] ?? 0
      snapshot.killed = state.outcomes[.killed] ?? 0
      snapshot.errors = state.outcomes[.error] ?? 0
      snapshot.total = state.outcomes.values.reduce(0, +)
      return snapshot
    }
    if snapshot.total > 0 { snapshot.successRate = Double(snapshot.succeeded) / Double(snapshot.total) }
    snapshot.languages = languages()
    snapshot.warm = warm()
    snapshot.concurrencyMax = concurrencyMax
    snapshot.limits = limits
    snapshot.latency = latency.summary()
    snapshot.startLatency = startLatency.summary()
    return snapshot
  }

  private static func shown(_ active: Active) -> RunSummary {
    var summary = active.summary
    if let began = active.began { summary.durationMilliseconds = Int((ContinuousClock.now - began).milliseconds) }
    return summary
  }
}
