import Foundation
import TestKit
import Testing

/// A stock client, python-socketio from PyPI, against real nodes: what users of other languages see. The scenarios
/// themselves are in Scripts/scenarios.py.
@Suite(.enabled(if: PythonClient.isInstalled, "'.ci/python' installs the Python clients"), .timeLimit(.minutes(5)))
struct SocketIOClientTests {
  @Test(arguments: ["upgrade", "polling", "websocket", "refusals", "binary", "recovery", "storm"])
  func oneNode(scenario: String) async throws {
    let node = try await GatewayFixture.start()
    try await PythonClient.run(scenario, ["urls": [node.url], "processes": [Int(node.process.processID)]])
  }

  @Test(arguments: ["crossing", "moved", "killed", "emitter", "asked"])
  func twoNodes(scenario: String) async throws {
    let redis = try await RedisProcess()
    let nodes = [
      try await GatewayFixture.start(["REDIS_URL": redis.url]),
      try await GatewayFixture.start(["REDIS_URL": redis.url]),
    ]
    try await PythonClient.run(
      scenario,
      [
        "urls": nodes.map(\.url), "apis": nodes.map { Int($0.fixture.port) },
        "processes": nodes.map { Int($0.process.processID) }, "redis": Int(redis.port),
      ])
  }

  /// Default transports with the affinity of a cookie, WebSocket without any.
  @Test func behindABalancer() async throws {
    let redis = try await RedisProcess()
    let nodes = [
      try await GatewayFixture.start(["REDIS_URL": redis.url]),
      try await GatewayFixture.start(["REDIS_URL": redis.url]),
    ]
    let proxy = try RoundRobinProxy(to: nodes.map(\.gatewayPort))
    defer { proxy.close() }
    try await PythonClient.run("balanced", ["proxy": proxy.url])
    #expect(proxy.taken.allSatisfy { $0 > 1 }, "both nodes were used: \(proxy.taken)")
  }

  @Test func whoIsBehindATrustedProxyHasAnAddressOfItsOwn() async throws {
    let token = "a-token-of-this-test-and-of-no-other-one"
    let settings: [String: String?] = ["SIGNALBOX_TOKEN": token, "SIGNALBOX_TRUSTED_PROXIES": "127.0.0.0/8"]
    let nodes = [try await GatewayFixture.start(settings), try await GatewayFixture.start(settings)]
    let proxy = try RoundRobinProxy(to: nodes.map(\.gatewayPort), forwardedFor: "203.0.113.9")
    defer { proxy.close() }
    try await PythonClient.run(
      "addresses",
      ["proxy": proxy.url, "urls": nodes.map(\.url), "apis": nodes.map(\.fixture.port), "token": token])
  }
}

/// A node with its gateway on a port of its own.
final class GatewayFixture: Sendable {
  let fixture: NodeFixture
  let process: ProgramProcess
  let gatewayPort: UInt16

  var url: String { "http://127.0.0.1:\(gatewayPort)" }

  private init(_ fixture: NodeFixture, _ process: ProgramProcess, _ port: UInt16) {
    (self.fixture, self.process, gatewayPort) = (fixture, process, port)
  }

  static func start(_ changes: [String: String?] = [:]) async throws -> GatewayFixture {
    let port = try FreePort.next()
    // A scenario publishes as fast as it can.
    let settings: [String: String?] = [
      "WEBSOCKET_PORT": "\(port)", "SIGNALBOX_PUBLISH_RATE": "10000", "SIGNALBOX_PUBLISH_BURST": "10000",
    ]
    let fixture = try NodeFixture(settings.merging(changes) { _, change in change })
    return GatewayFixture(fixture, try await fixture.start(), port)
  }
}

enum PythonClient {
  /// The repository: three folders up.
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  private static let packages = "\(root)/.build/python"
  private static let script = "\(root)/Tests/IntegrationTests/Scripts/scenarios.py"

  static var isInstalled: Bool { FileManager.default.fileExists(atPath: "\(packages)/.installed") }

  static func run(_ scenario: String, _ facts: [String: Any]) async throws {
    let json = String(decoding: try JSONSerialization.data(withJSONObject: facts), as: UTF8.self)
    let environment = Environment.clean(["PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"])
    let outcome = try await ProgramProcess.run(
      "python3", [script, scenario, json], .init(environment: environment), within: .seconds(120))
    #expect(outcome.status == .exited(0) && outcome.standardOutput.hasSuffix("ok\n"), "\(outcome.standardError)")
  }
}
