internal import Access
internal import Base
public import Logging

/// `signalbox conformance`: the product's gateway with the settings and handlers that the public suites expect.
public enum Conformance {
  /// Serves on loopback until its task is cancelled. `ready` is called with the port.
  public static func run(port: Int, logger: Logger, ready: @Sendable (Int) -> Void) async throws {
    let server = try await server(port: port, logger: logger)
    try server.listen()
    ready(try await server.listeningPort())
    try await server.run()
  }

  static func server(port: Int, logger: Logger, change: (inout GatewayOptions) -> Void = { _ in }) async throws
    -> GatewayServer
  {
    var options = GatewayOptions()
    options.port = port
    options.loops = 2
    options.isOpenToAll = true
    options.enginePath = "/engine.io/"
    options.echoPath = "/raw"
    options.rawPath = nil
    options.pingInterval = .milliseconds(300)
    options.pingTimeout = .milliseconds(200)
    options.connectTimeout = .seconds(1)
    options.payloadBytesMax = 1_000_000
    options.queueBytesMax = 64 << 20
    options.publishRate = 0
    options.isRecovering = false
    options.drainDuration = .zero
    change(&options)
    let authenticator = try await Authenticator(settings: AccessSettings())
    let parts = try GatewayParts(
      loops: options.loops, node: NodeID.random().rawValue, history: NoHistory(),
      policy: ThrottlePolicy(deliveriesPerSecond: nil), recovering: nil)
    return try GatewayServer(
      options: options, authenticator: authenticator, application: ConformanceApplication(), parts: parts,
      logger: logger)
  }
}
