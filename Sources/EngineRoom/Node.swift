internal import API
internal import Access
public import Base
internal import ControlPlane
internal import ControlSocket
internal import CoreMetrics
internal import Glibc
internal import Logging
internal import ServiceLifecycle
internal import Synchronization
internal import Telemetry

/// One running node: what it is made of, in which order that starts and stops.
///
/// Start: state folder and lock, log, crash report of the life before, audit, projects, then the API and the control
/// socket. Stop in reverse; each part has a deadline, and the whole has one that the kernel keeps.
public enum Node {
  /// Runs a node until it is told to stop, and returns when everything is given back. `ready` is called once, when
  /// both doors are open. Throws the one line that says why it could not start, with nothing left behind.
  public static func run(_ settings: NodeSettings, ready: @escaping @Sendable () -> Void = {}) async throws(Failure) {
    prepareProcess()
    let state = try StateFolder(path: settings.stateFolder)
    let bus = EventBus<Event>()
    let logging = try NodeLogging(settings, bus: bus)
    let core = try NodeCore(settings: settings, bus: bus, logging: logging, registry: bootstrapMetrics())
    try tellLastCrash(core)
    for path in settings.projectPaths { _ = try core.projects.add(path: path, id: nil) }
    do {
      try await serve(core, ready: ready)
      core.logger.notice("stopped")
      logging.flush()
    } catch {
      logging.flush()
      throw error as? Failure ?? Failure(.internal, "the node failed: \(error)")
    }
    _ = consume state
  }

  // MARK: Before anything runs

  private static func prepareProcess() {
    umask(0o077)
    // A closed pipe or socket is an error of the write that meets it, never the end of the node.
    signal(SIGPIPE, SIG_IGN)
    FileLimit.raise()
  }

  /// The process has one metrics system; a second node in it (tests) gets the same registry.
  private static let processRegistry = Mutex<PrometheusRegistry?>(nil)

  private static func bootstrapMetrics() -> PrometheusRegistry {
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
    if let report = try CrashReport.read(file: file), report.isNew {
      core.logger.critical(
        "the node crashed in its last life", metadata: ["report": "\(file)", "text": "\(report.text.prefix(2_000))"])
      try CrashReport.markSeen(file: file)
    }
    try CrashReport.install(file: file, version: core.settings.version)
  }

  // MARK: Services

  private static func serve(_ core: NodeCore, ready: @escaping @Sendable () -> Void) async throws {
    let settings = core.settings
    let doorkeeper = NodeDoorkeeper(core: core)
    let authenticator = try Authenticator(settings: settings.access, logger: core.logger)
    let gate = ReadyGate(expected: 2) {
      core.enter(.ready)
      core.logger.notice("ready", metadata: ["node": "\(core.node)", "version": "\(settings.version)"])
      ready()
    }
    let api = APIServer(
      settings: APISettings(host: settings.access.host, port: settings.apiPort), doorkeeper: doorkeeper,
      authenticator: authenticator, health: { core.health.health }, phase: { core.phase },
      metrics: { core.registry.render() }, logger: core.logger, bound: { _ in gate.arrive() })
    let control = ControlServer(
      settings: ControlServerSettings(path: settings.socketPath, group: settings.socketGroup), node: core.node.rawValue,
      version: settings.version, phase: { core.phase }, doorkeeper: doorkeeper, logger: core.logger,
      bound: { gate.arrive() })
    core.setControlFigures { figures(api.statistics, control.statistics) }
    core.registry.register { StatusMetrics.families(core.snapshot()) }

    let group = ServiceGroup(configuration: configuration([api, control], core.logger))
    try await withThrowingTaskGroup(of: Bool.self) { tasks in
      tasks.addTask {
        try await group.run()
        return true
      }
      tasks.addTask {
        await NodeSignals.watch(core) {
          core.audit.reopen()
          await authenticator.reload()
        }
        return false
      }
      tasks.addTask {
        await stopWhenAsked(core, group)
        return false
      }
      while let hasEnded = try await tasks.next(), !hasEnded {}
      tasks.cancelAll()
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
      NodeSignals.armDeadline()
      core.logger.notice("stopping", metadata: ["reason": "\(reason)"])
      core.enter(.stopping)
      core.bus.finish()
      await group.triggerGracefulShutdown()
      return
    }
  }

  private static func figures(_ api: APIStatistics, _ control: ControlStatistics) -> ControlSnapshot {
    ControlSnapshot(
      clients: control.clients, eventsDropped: control.eventsDropped, httpRequests: api.requests,
      httpRefused: api.refused, httpLatency: api.latency)
  }
}

/// Calls `open` once, when every part has arrived.
final class ReadyGate: Sendable {
  private let missing: Mutex<Int>
  private let open: @Sendable () -> Void

  init(expected: Int, open: @escaping @Sendable () -> Void) {
    missing = Mutex(expected)
    self.open = open
  }

  func arrive() {
    let isLast = missing.withLock { missing in
      missing -= 1
      return missing == 0
    }
    if isLast { open() }
  }
}
