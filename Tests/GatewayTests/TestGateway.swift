import Access
import Base
import Logging
import TestKit

@testable import Gateway

/// A gateway on a free port for the time of a test.
enum TestGateway {
  static func withServer(
    access: AccessSettings = AccessSettings(), throttleRate: Int = 10,
    beforeDelivery: (@Sendable (String, String, String) async -> Void)? = nil,
    change: (inout GatewayOptions) -> Void = { _ in },
    _ body: @Sendable @escaping (GatewayServer, Int) async throws -> Void
  ) async throws {
    var options = GatewayOptions()
    options.port = 0
    options.loops = 2
    options.drainDuration = .zero
    change(&options)
    var node = GatewayNode(id: .random(), version: "test")
    node.throttleRate = throttleRate
    let server = try GatewayServer(
      options: options, node: node, authenticator: try await Authenticator(settings: access), logger: quiet,
      beforeDelivery: beforeDelivery)
    try await serve(server, body)
  }

  static func withConformance(_ body: @Sendable @escaping (GatewayServer, Int) async throws -> Void) async throws {
    try await serve(
      try await Conformance.server(port: 0, logger: quiet) {
        // Busy machines are late: heartbeats are not what these tests are about.
        $0.pingInterval = .seconds(20)
        $0.pingTimeout = .seconds(20)
      }, body)
  }

  static func serve(
    _ server: GatewayServer, _ body: @Sendable @escaping (GatewayServer, Int) async throws -> Void
  ) async throws {
    try server.listen()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.run() }
      let port = try await server.listeningPort()
      let result: Result<Void, any Error>
      do {
        try await Task(executorPreference: OwnThreads()) { try await body(server, port) }.value
        result = .success(())
      } catch {
        result = .failure(error)
      }
      group.cancelAll()
      try await group.waitForAll()
      try result.get()
    }
  }

  /// Runs a test's blocking clients on threads of their own: on the shared ones they would hold up the server's tasks.
  final class OwnThreads: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
      let job = UnownedJob(job)
      let executor = asUnownedTaskExecutor()
      do throws(GatewayError) {
        try LoopThread.start(name: "test-client") { job.runSynchronously(on: executor) }
      } catch {
        preconditionFailure("no thread for a test")
      }
    }
  }

  static var quiet: Logger {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
  }
}
