internal import API
internal import Access
public import Base
public import ControlPlane
internal import ControlSocket
internal import CoreMetrics
internal import Glibc
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import Telemetry
internal import UnixSignals

/// One running node: what it is made of, in which order that starts and stops.
///
/// Start: state folder and lock, log, crash report of the life before, audit, projects, then the engines, the API and
/// the control socket. Stop in reverse; each part has a deadline, and the whole has one that the kernel keeps.
public enum Node {
  /// An embedded console: gets the node's plane, and ends the node by returning. It takes the signals of the terminal.
  public typealias Face = @Sendable (any ControlPlane) async -> Void

  /// Runs a node until it is told to stop, and returns when everything is given back. `ready` is called once, when
  /// both doors are open. Throws the one line that says why it could not start, with nothing left behind.
  public static func run(
    _ settings: NodeSettings, face: Face? = nil, ready: @escaping @Sendable () -> Void = {}
  ) async throws(Failure) {
    let hook = FileChangeHook()
    try await run(settings, face: face, ready: ready, hook: hook) {
      (settings, node, authenticator, logger) throws(Failure) in
      try ServedGateway(
        settings.gateway, host: settings.access.host, node: node, authenticator: authenticator, logger: logger,
        beforeDelivery: hook)
    }
  }

  /// Makes the gateway of a node, which listens only when it is run.
  typealias GatewayMaker =
    @Sendable (NodeSettings, NodeID, Authenticator, Logger) throws(Failure) -> any GatewayDoor

  /// The same with the gateway that `gateway` makes; nil: without one, whatever the settings name.
  static func run(
    _ settings: NodeSettings, face: Face?, ready: @escaping @Sendable () -> Void, hook: FileChangeHook? = nil,
    gateway: GatewayMaker?
  ) async throws(Failure) {
    prepareProcess()
    let state = try StateFolder(path: settings.stateFolder)
    let bus = EventBus<Event>()
    let log = makeLog(settings, bus)
    // Whatever is queued reaches its output, also when the start fails.
    defer { log.close() }
    // One of it serves every door, the gateway's too.
    let authenticator = try await Authenticator(settings: settings.access)
    let node = NodeID.random()
    let door =
      settings.engines.contains(.gateway)
      ? try gateway?(settings, node, authenticator, log.logger("gateway")) : nil
    let core = try NodeCore(
      settings: settings, node: node, bus: bus, log: log, registry: bootstrapMetrics(), gateway: door)
    hook?.set { [weak core] in await core?.fileChanged($0, $1) }
    try tellLastCrash(core)
    for path in settings.projectPaths {
      let project = try core.projects.add(path: path, id: nil)
      try await core.projectIndex?.add(project)
      core.pipeline?.add(project)
    }
    do {
      try await serve(core, log, authenticator, face: face, ready: ready)
      core.logger.notice("stopped")
    } catch {
      throw error as? Failure ?? Failure(.internal, "the node failed: \(error)")
    }
    _ = consume state
  }

  /// The cache alone, without doors, for a command that finds no node: under the state folder's lock, audited and
  /// behind the policy as ever. Throws `conflict` when a node has the folder, and `unavailable` when REDIS_URL is set
  /// and Redis cannot be reached.
  public static func withCacheAlone<T: Sendable>(
    _ settings: NodeSettings, _ body: (any ControlPlane) async throws -> T
  ) async throws -> T {
    prepareProcess()
    let state = try await StateFolder.forCommand(path: settings.stateFolder)
    var settings = settings
    settings.engines = [.cache]
    let bus = EventBus<Event>()
    let log = makeLog(settings, bus)
    defer { log.close() }
    let core = try NodeCore(settings: settings, bus: bus, log: log, registry: bootstrapMetrics())
    let engine = try core.cache()
    let writer = AuditWriter(audit: core.audit, health: core.health)
    defer { writer.write() }
    let plane = NodeDoorkeeper(core: core).door(
      for: Caller(actor: settings.operatorLabel, origin: .commandLine, grants: .operator))
    let result: Result<T, any Error> = await withTaskGroup(of: Void.self) { group in
      group.addTask { await engine.run() }
      defer { group.cancelAll() }
      do {
        guard try await engine.isJoined(within: .seconds(2)) else {
          throw Failure(
            .unavailable, "Redis cannot be used: \(engine.linkReason ?? "it does not answer")",
            hint: "check REDIS_URL")
        }
        return .success(try await body(plane))
      } catch {
        return .failure(error)
      }
    }
    _ = consume state
    return try result.get()
  }

  /// The sandbox alone, without doors, for a command that finds no node: under the state folder's lock, audited and
  /// behind the policy as ever. Throws `conflict` when a node has the folder.
  public static func withSandboxAlone<T: Sendable>(
    _ settings: NodeSettings, _ body: (any ControlPlane) async throws -> T
  ) async throws -> T {
    prepareProcess()
    let state = try await StateFolder.forCommand(path: settings.stateFolder)
    var settings = settings
    settings.engines = [.sandbox]
    // One command would only pay for interpreters that nobody takes.
    (settings.runs.warmPython, settings.runs.warmNode) = (0, 0)
    let bus = EventBus<Event>()
    let log = makeLog(settings, bus)
    defer { log.close() }
    let core = try NodeCore(settings: settings, bus: bus, log: log, registry: bootstrapMetrics())
    let runs = try core.runs()
    let writer = AuditWriter(audit: core.audit, health: core.health)
    defer { writer.write() }
    let plane = NodeDoorkeeper(core: core).door(
      for: Caller(actor: settings.operatorLabel, origin: .commandLine, grants: .operator))
    let result: Result<T, any Error> = await withTaskGroup(of: Void.self) { group in
      group.addTask { await runs.run() }
      defer { group.cancelAll() }
      do { return .success(try await body(plane)) } catch { return .failure(error) }
    }
    _ = consume state
    return try result.get()
  }

  // MARK: Before anything runs

  static func prepareProcess() {
    umask(0o077)
    // A closed pipe or socket is an error of the write that meets it, never the end of the node.
    signal(SIGPIPE, SIG_IGN)
    FileLimit.raise()
  }

  /// The process has one metrics system; a second node in it (tests) gets the same registry.
  private static let processRegistry = Mutex<PrometheusRegistry?>(nil)

  static func bootstrapMetrics() -> PrometheusRegistry {
    processRegistry.withLock { registry in
      if let registry { return registry }
      let new = PrometheusRegistry()
      MetricsSystem.bootstrap(new)
      registry = new
      return new
    }
  }

  private static func tellLastCrash(_ core: NodeCore) throws(Failure) {
    let file = StateFolder.crashFile(in: core.settings.stateFolder)
    if let report = try CrashReport.takeNews(file: file) {
      core.logger.critical(
        "the node crashed in its last life", metadata: ["report": "\(file)", "text": "\(report.prefix(2_000))"])
    }
    try CrashReport.install(file: file, version: core.settings.version)
  }

  // MARK: Services

  private static func serve(
    _ core: NodeCore, _ log: LogSink, _ authenticator: Authenticator, face: Face?, ready: @escaping @Sendable () -> Void
  ) async throws {
    let settings = core.settings
    let doorkeeper = NodeDoorkeeper(core: core)
    for warning in settings.access.warnings { core.logger.warning("\(warning)") }
    let latency = LatencyRecorder()
    let statistics = APIStatistics(recordLatency: { latency.record($0) })
    let control = ControlServer(
      configuration: .init(path: settings.socketPath, group: settings.socketGroup), doorkeeper: doorkeeper,
      welcome: { ControlWelcome(node: core.node.rawValue, version: settings.version, phase: core.phase) },
      logger: log.logger("control"))
    try await control.listen()
    let (listening, isListening) = AsyncStream.makeStream(of: Int.self)
    let api = APIServer(
      settings: APISettings(host: settings.access.host, port: settings.apiPort), doorkeeper: doorkeeper,
      authenticator: authenticator, health: { core.health.health }, phase: { core.phase },
      metrics: { core.registry.render() }, statistics: statistics, logger: log.logger("api"),
      onListening: { isListening.yield($0) })
    core.setControlFigures { figures(statistics, latency, control.statistics) }
    core.registry.register { StatusMetrics.families(core.snapshot()) + log.metricFamilies() }

    let group = ServiceGroup(configuration: configuration(engines(core) + [api, control], core.logger))
    // Before anybody can see that the node is ready: who stops it then is to find it stopped gracefully.
    let signals = face == nil ? await NodeSignals.trap() : nil
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await watchOver(core, authenticator, face, listening, ready) }
      if let signals { tasks.addTask { await watch(signals, core, authenticator) } }
      tasks.addTask { await stopWhenAsked(core, group) }
      defer { tasks.cancelAll() }
      try await group.run()
    }
    NodeSignals.disarmDeadline()
  }

  /// They start before the doors and stop after them; the gateway last and first, since the others serve its clients.
  private static func engines(_ core: NodeCore) -> [any Service] {
    let audit = AuditWriter(audit: core.audit, health: core.health)
    let engines: [(any Service)?] = [
      audit, core.cacheEngine, core.projectIndex, core.pipeline, core.runService, core.cacheNews,
      core.gatewayEngine,
    ]
    return engines.compactMap(\.self)
  }

  /// From the open doors to the stop of an embedded console, if there is one; it has the signals until then.
  private static func watchOver(
    _ core: NodeCore, _ authenticator: Authenticator, _ face: Face?, _ listening: AsyncStream<Int>,
    _ ready: @Sendable () -> Void
  ) async throws {
    for await port in listening {
      await core.cacheEngine?.awaitFirstTry()
      if let gateway = core.gatewayEngine, await !isListening(gateway) { return }
      core.health.set("api", .ok)
      core.health.set("control", .ok)
      core.enter(.ready)
      core.logger.notice(
        "ready", metadata: ["node": "\(core.node)", "version": "\(core.settings.version)", "port": "\(port)"])
      ready()
      break
    }
    // The API failed: the node is going down again, and no console is to flash up before its message.
    guard !Task.isCancelled else { return }
    guard let face else { return }
    NodeSignals.outlive()
    await face(NodeDoorkeeper(core: core).door(for: core.settings.consoleCaller))
    core.requestStop(.console)
    await watch(await NodeSignals.trap(), core, authenticator)
  }

  private static func watch(_ signals: UnixSignalsSequence, _ core: NodeCore, _ authenticator: Authenticator) async {
    await NodeSignals.watch(signals, core) {
      core.audit.reopen()
      do throws(Failure) { try await authenticator.reload() } catch {
        core.logger.error("credentials were not read again, the old ones stay: \(error.message)")
      }
    }
  }

  /// False when it never will: the service has failed, and its failure is the node's.
  private static func isListening(_ gateway: GatewayEngine) async -> Bool {
    do {
      _ = try await gateway.listening()
      return true
    } catch {
      return false
    }
  }

  static func makeLog(_ settings: NodeSettings, _ bus: EventBus<Event>) -> LogSink {
    let output: LogOutput =
      switch settings.logDestination {
      case .standardError(let isJSON): .standardError(isJSON ? .json : .text)
      case .file: .file(RotatingFile(path: StateFolder.logFile(in: settings.stateFolder)), .json)
      }
    return LogSink(level: settings.logLevel, output: output) { record in
      bus.publish(Event(timeMilliseconds: record.timeMilliseconds, body: .log(record)))
    }
  }

  private static func configuration(_ services: [any Service], _ logger: Logger) -> ServiceGroupConfiguration {
    var configuration = ServiceGroupConfiguration(
      services: services.map {
        .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
      }, logger: quiet(logger))
    // A second less than the kernel's deadline, so that the ordinary way is the one that ends first.
    configuration.maximumGracefulShutdownDuration = .seconds(Int64(NodeSignals.stopDeadlineSeconds) - 1)
    return configuration
  }

  /// The service group tells each of its steps; an operator needs the ones that went wrong.
  private static func quiet(_ logger: Logger) -> Logger {
    var logger = logger
    logger.logLevel = .error
    return logger
  }

  private static func stopWhenAsked(_ core: NodeCore, _ group: ServiceGroup) async {
    for await reason in core.stops {
      if reason == .drained { await drain(core) }
      NodeSignals.armDeadline()
      core.logger.notice("stopping", metadata: ["reason": "\(reason)"])
      core.enter(.stopping)
      // Before the doors, which wait for those who wait for a run.
      await core.runService?.endAll()
      core.bus.finish()
      await group.triggerGracefulShutdown()
      return
    }
  }

  /// Until the sockets have moved; another wish to stop ends it at once.
  private static func drain(_ core: NodeCore) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        async let runs: Void? = core.runService?.awaitEnd(within: GatewayEngine.drainDuration)
        await core.gatewayEngine?.drain()
        await runs
      }
      group.addTask { for await reason in core.stops where reason != .drained { return } }
      await group.next()
      group.cancelAll()
    }
  }

  private static func figures(
    _ api: APIStatistics, _ latency: LatencyRecorder, _ control: ControlStatistics
  ) -> ControlSnapshot {
    ControlSnapshot(
      clients: control.clients, eventsDropped: control.eventsDropped, httpRequests: api.requests,
      httpRefused: api.refused, httpLatency: latency.summary())
  }
}
