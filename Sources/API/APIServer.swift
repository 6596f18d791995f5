public import Access
public import Base
public import ControlPlane
internal import Glibc
internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore
public import ServiceLifecycle
internal import Synchronization

/// The HTTP API (CONTRACT, HTTP API) as a service. On a graceful stop it takes no new connections, lets requests
/// finish, ends event streams and idle connections, and cuts what is left at `APISettings.shutdownTimeout`.
public final class APIServer: Service {
  private let settings: APISettings
  private let authenticator: Authenticator
  private let doorkeeper: any Doorkeeper
  private let health: HealthRoutes
  private let node: NodeRoutes
  private let statistics: APIStatistics
  private let clock: any WallClock
  private let logger: Logger
  private let onListening: @Sendable (Int) -> Void
  private let bound = Mutex<Int?>(nil)

  /// `health`, `phase` and `metrics` are asked on each request and must not wait. `onListening` gets the bound port.
  public init(
    settings: APISettings, doorkeeper: any Doorkeeper, authenticator: Authenticator,
    health: @escaping @Sendable () -> Health, phase: @escaping @Sendable () -> Snapshot.Phase,
    metrics: @escaping @Sendable () -> String, statistics: APIStatistics = APIStatistics(),
    clock: any WallClock = SystemWallClock(), logger: Logger,
    onListening: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.settings = settings
    self.authenticator = authenticator
    self.doorkeeper = doorkeeper
    self.health = HealthRoutes(health: health, phase: phase)
    node = NodeRoutes(settings: settings, metrics: metrics)
    self.statistics = statistics
    self.clock = clock
    self.logger = logger
    self.onListening = onListening
  }

  /// The port that is bound; nil before and after.
  public var port: Int? { bound.withLock { $0 } }

  /// Serves until it is told to stop. Throws `Failure`: `unavailable` when the address cannot be bound.
  public func run() async throws {
    defer { bound.withLock { $0 = nil } }
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await self.application().run() }
        group.addTask { try await self.waitForShutdown() }
        defer { group.cancelAll() }
        try await group.next()
      }
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      throw startFailure(error)
    }
  }

  /// Returns when a graceful stop has taken too long; whoever is still connected is cut.
  private func waitForShutdown() async throws {
    try await gracefulShutdown()
    try await Task.sleep(for: settings.shutdownTimeout)
    logger.notice(
      "connections cut, because they outlived the stop", metadata: ["seconds": "\(settings.shutdownTimeout)"])
  }

  private func application() -> Application<RouterResponder<APIContext>> {
    let middleware = AccessMiddleware(
      settings: settings, authenticator: authenticator, doorkeeper: doorkeeper, statistics: statistics,
      logger: logger)
    let routes = APIRouter(middleware, timeout: settings.requestTimeout)
    health.add(to: routes)
    node.add(to: routes)
    CacheRoutes(settings: settings).add(to: routes)
    IndexRoutes(settings: settings).add(to: routes)
    SocketRoutes().add(to: routes)
    RunRoutes(settings: settings).add(to: routes)
    PublishRoutes(settings: settings).add(to: routes)
    EventStream(settings: settings, statistics: statistics, clock: clock).add(to: routes)
    var configuration = ApplicationConfiguration(address: .hostname(settings.host, port: settings.port))
    configuration.availableConnectionsDelegate = .maximum(settings.connectionsMax, logger: logger)
    return Application(
      router: routes.router, server: .http1(configuration: connection()), configuration: configuration,
      onServerRunning: { [self] in await listening($0) }, logger: quietLogger())
  }

  private func connection() -> HTTP1Channel.Configuration {
    HTTP1Channel.Configuration(
      additionalChannelHandlers: [ConnectionGuard(settings: self.settings, statistics: self.statistics)],
      idleTimeout: TimeAmount(settings.headTimeout),
      httpDecoderConfiguration: .init(
        maxHeaderFieldSize: settings.headMax, maxHeaderListSize: settings.headMax,
        maxHeaderFieldCount: settings.headFieldsMax))
  }

  private func listening(_ channel: any Channel) async {
    do {
      try await channel.eventLoop.submit { try channel.pipeline.syncOperations.setCloseOnExec() }.get()
    } catch {
      logger.warning("the HTTP API's socket stays open in programs that are started", metadata: ["error": "\(error)"])
    }
    guard let port = channel.localAddress?.port else { return }
    bound.withLock { $0 = port }
    logger.info("HTTP API is listening", metadata: ["host": "\(settings.host)", "port": "\(port)"])
    onListening(port)
  }

  /// For Hummingbird itself, which says at `info` and below what we say ourselves, and has its own opinion of errors.
  private func quietLogger() -> Logger {
    var quiet = logger
    quiet.logLevel = .notice
    return quiet
  }

  private func startFailure(_ error: any Error) -> Failure {
    if let failure = error as? Failure { return failure }
    let place = "port \(settings.port) of \(settings.host)"
    guard let code = (error as? IOError)?.errnoCode else {
      return Failure(.unavailable, "the HTTP API cannot listen on \(place)", hint: "check SIGNALBOX_HOST")
    }
    switch code {
    case EADDRINUSE:
      return Failure(
        .unavailable, "\(place) is in use by another process",
        hint: "set SIGNALBOX_API_PORT to a free port, or stop the other process", isRetriable: false)
    case EACCES:
      return Failure(.unavailable, "\(place) needs more rights", hint: "set SIGNALBOX_API_PORT to 1024 or above")
    default:
      return Failure(
        .unavailable, "the HTTP API cannot listen on \(place)",
        hint: "set SIGNALBOX_HOST to an address of this machine and SIGNALBOX_API_PORT to a free port")
    }
  }
}
