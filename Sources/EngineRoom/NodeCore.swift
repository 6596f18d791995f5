internal import Base
internal import Bench
internal import ControlPlane
internal import Logging
internal import Synchronization
internal import Telemetry

/// What the parts of one node share. It owns no task: the services do.
final class NodeCore: Sendable {
  /// What a stop was asked for.
  enum StopReason: Sendable, Equatable {
    case command, drained, console, signal(Int32)
  }

  private struct State {
    var phase: Snapshot.Phase = .starting
    var commands: UInt64 = 0
    var commandsFailed: UInt64 = 0
    var control: @Sendable () -> ControlSnapshot = { ControlSnapshot() }
    var lastBench = BenchSnapshot()
    var isBenchRunning = false
    /// Of the bench under way.
    var cancelBench: (@Sendable () -> Void)?
  }

  let settings: NodeSettings
  let node: NodeID
  let bus: EventBus<Event>
  let logger: Logger
  /// What people and programs had done, each with who it was.
  let operatorLogger: Logger
  let log: LogSink
  let audit: AuditLog
  let projects: ProjectRegistry
  let health: HealthBoard
  let registry: PrometheusRegistry
  let clock: any WallClock
  /// Nil when this node does not run it.
  let cacheEngine: CacheEngine?
  /// Nil when this node does not run it.
  let gatewayEngine: GatewayEngine?
  /// Nil when this node does not run the gateway.
  let cacheNews: CacheNews?
  /// Nil when this node does not run it.
  let projectIndex: ProjectIndex?
  /// Nil when this node does not run the sandbox.
  let runService: RunService?
  /// Nil when this node does not run the index.
  let pipeline: Pipeline?
  let stops: AsyncStream<StopReason>
  private let stopRequests: AsyncStream<StopReason>.Continuation
  private let startedAt = ContinuousClock.now
  private let probe = ProcessProbe()
  private let state = Mutex(State())

  init(
    settings: NodeSettings, node: NodeID = .random(), bus: EventBus<Event>, log: LogSink,
    registry: PrometheusRegistry, clock: any WallClock = SystemWallClock(), gateway: (any GatewayDoor)? = nil
  ) throws(Failure) {
    self.settings = settings
    self.node = node
    self.clock = clock
    self.registry = registry
    self.log = log
    logger = log.logger("node")
    operatorLogger = log.logger("operator")
    audit = AuditLog(path: StateFolder.auditFile(in: settings.stateFolder), node: node)
    projects = try ProjectRegistry(stateFolder: settings.stateFolder)
    self.bus = bus
    health = HealthBoard(
      now: { clock.nowMilliseconds() },
      changed: { bus.publish(Event(timeMilliseconds: clock.nowMilliseconds(), body: .health($0))) })
    (stops, stopRequests) = AsyncStream.makeStream(of: StopReason.self, bufferingPolicy: .bufferingOldest(4))
    cacheEngine =
      settings.engines.contains(.cache)
      ? try CacheEngine(
        settings.cache, stateFolder: settings.stateFolder, node: node, health: health, clock: clock,
        logger: log.logger("cache")) : nil
    let health = health
    gatewayEngine = gateway.map {
      GatewayEngine($0, health: health, clock: clock) {
        bus.publish(Event(timeMilliseconds: clock.nowMilliseconds(), body: .socketsChanged))
      }
    }
    let (gatewayEngine, cacheEngine) = (gatewayEngine, cacheEngine)
    cacheNews = gatewayEngine.map { gateway in CacheNews { gateway.tell($0) } }
    let tell = Self.teller(gatewayEngine, cacheNews)
    let publish: @Sendable (Event.Body) -> Void = {
      bus.publish(Event(timeMilliseconds: clock.nowMilliseconds(), body: $0))
    }
    projectIndex =
      settings.engines.contains(.index)
      ? try ProjectIndex(
        settings.index, stateFolder: settings.stateFolder, projects: projects.all, health: health, clock: clock,
        logger: log.logger("index"), cache: cacheEngine,
        listeners: ProjectIndex.Listeners(publish: publish, broadcast: tell)) : nil
    pipeline = try projectIndex.map { index throws(Failure) in
      let deeds = Pipeline.IndexDeeds(index)
      return try Pipeline(
        .init(index: deeds, cache: cacheEngine, publish: publish, tell: tell), watches: settings.index.watches,
        workTree: settings.index.readsWorkTree, clock: clock,
        logger: log.logger("pipeline"))
    }
    for project in projects.all { pipeline?.add(project) }
    runService =
      settings.engines.contains(.sandbox)
      ? RunService(
        settings.runs, stateFolder: settings.stateFolder, health: health, clock: clock, logger: log.logger("sandbox"),
        links: RunService.Links(
          cache: cacheEngine,
          publish: publish,
          announce: tell)) : nil
    health.set("state", .ok)
    health.set("audit", .ok)
  }

  /// To a project's room, after what was written before.
  private static func teller(_ gateway: GatewayEngine?, _ news: CacheNews?) -> @Sendable (ProjectEvent) -> Void {
    { event in
      news?.flush(event.projectID)
      gateway?.tell(event)
    }
  }

  // MARK: Life

  var phase: Snapshot.Phase { state.withLock { $0.phase } }

  private static let phases: [Snapshot.Phase] = [.starting, .ready, .draining, .stopping]

  /// Phases only go forward: a node that is stopped while it starts is not ready afterwards.
  func enter(_ phase: Snapshot.Phase) {
    let isForward = state.withLock { state in
      let places = [state.phase, phase].map { Self.phases.firstIndex(of: $0) ?? 0 }
      guard places[0] < places[1] else { return false }
      state.phase = phase
      return true
    }
    guard isForward else { return }
    switch phase {
    case .draining:
      runService?.close()
      publish(.draining)
    case .stopping:
      runService?.close()
      publish(.stopping)
    case .starting, .ready: break
    }
  }

  func requestStop(_ reason: StopReason) { stopRequests.yield(reason) }

  func publish(_ body: Event.Body) {
    bus.publish(Event(timeMilliseconds: clock.nowMilliseconds(), body: body))
  }

  // MARK: Figures

  /// Joins the faces' own counters, which exist only after the core.
  func setControlFigures(_ read: @escaping @Sendable () -> ControlSnapshot) {
    state.withLock { $0.control = read }
  }

  func countCommand(failed: Bool) {
    state.withLock { state in
      state.commands += 1
      if failed { state.commandsFailed += 1 }
    }
  }

  func snapshot() -> Snapshot {
    checkDisk()
    let (phase, read, commands, failed, bench) = state.withLock {
      ($0.phase, $0.control, $0.commands, $0.commandsFailed, $0.lastBench)
    }
    var control = read()
    control.commands = commands
    control.commandsFailed = failed
    control.eventsDropped += bus.dropped
    var index = projectIndex?.snapshot()
    index?.journeys = pipeline?.journeys ?? []
    return Snapshot(
      node: node.rawValue, version: settings.version,
      uptimeSeconds: (ContinuousClock.now - startedAt).milliseconds / 1_000, health: health.health, phase: phase,
      peers: gatewayEngine?.peers() ?? [], projects: projects.all, process: probe.read(), control: control,
      gateway: gatewayEngine?.snapshot(), index: index, sandbox: runService?.board.snapshot(),
      cache: cacheEngine?.snapshot(),
      bench: bench)
  }

  /// Below this the state folder is said to be nearly full.
  private static let lowDiskBytes: Int64 = 256 << 20

  /// One statvfs, about a microsecond, at every look.
  private func checkDisk() {
    guard let free = StateFolder.freeBytes(at: settings.stateFolder) else {
      return health.set("state", .degraded, reason: "the state folder cannot be reached")
    }
    let isLow = free < Self.lowDiskBytes
    health.set("state", isLow ? .degraded : .ok, reason: isLow ? "less than 256 MiB of disk left" : nil)
  }

  // MARK: Engines

  func cache() throws(Failure) -> CacheEngine {
    guard let cacheEngine else { throw lacks(.cache) }
    return cacheEngine
  }

  func gateway() throws(Failure) -> GatewayEngine {
    guard let gatewayEngine else { throw lacks(.gateway) }
    return gatewayEngine
  }

  func index() throws(Failure) -> ProjectIndex {
    guard let projectIndex else { throw lacks(.index) }
    return projectIndex
  }

  func runs() throws(Failure) -> RunService {
    guard let runService else { throw lacks(.sandbox) }
    return runService
  }

  func lacks(_ engine: Engine) -> Failure {
    Failure(
      .unavailable, "this node does not run the \(engine.rawValue)", hint: "name it in SIGNALBOX_ENGINES",
      isRetriable: false)
  }

  // MARK: Bench

  /// One bench at a time: two would measure each other.
  func beginBench() -> Bool {
    state.withLock { state in
      defer { state.isBenchRunning = true }
      return !state.isBenchRunning
    }
  }

  /// How the bench that has begun is stopped.
  func benchStops(by cancel: @escaping @Sendable () -> Void) { state.withLock { $0.cancelBench = cancel } }

  /// Whether there was one to stop.
  func cancelBench() -> Bool {
    let cancel = state.withLock { $0.cancelBench }
    cancel?()
    return cancel != nil
  }

  func endBench(_ summary: BenchSnapshot?) {
    state.withLock { state in
      state.isBenchRunning = false
      state.cancelBench = nil
      if let summary { state.lastBench = summary }
    }
  }
}
