import API
import Access
import Base
import ControlPlane
import InMemoryLogging
import JWTKit
import Logging
import Synchronization
import Testing

struct DoorTests {
  private static let withToken = AccessSettings(token: Secret(TestNode.token))
  private static let secret = "0123456789abcdef0123456789abcdef"

  private struct Claims: JWTPayload {
    var exp: Double
    var role: String
    var projects: [String]?
    func verify(using algorithm: some JWTAlgorithm) async throws {}
  }

  private func token(_ role: String, projects: [String]? = nil, lasting seconds: Double = 600) async throws -> String {
    let keys = JWTKeyCollection()
    await keys.add(hmac: HMACKey(from: Self.secret), digestAlgorithm: .sha256)
    let now = Double(SystemWallClock().nowMilliseconds()) / 1_000
    return try await keys.sign(Claims(exp: now + seconds, role: role, projects: projects))
  }

  @Test(arguments: ["evil.example", "evil.example:8000", "localhost.evil.example", "10.0.0.1"])
  func aHostThatIsNoLoopbackNameIs421Everywhere(host: String) async throws {
    try await TestNode.run { node async throws in
      for target in ["/v1/status", "/health", "/metrics", "/nowhere"] {
        let answer = try await node.ask("GET", target, host: host)
        #expect(answer.status == 421)
        #expect(answer.headers["content-type"] == "application/problem+json")
      }
      #expect(node.statistics.refused == 4)
    }
  }

  @Test func withACredentialAnyHostIsServed() async throws {
    try await TestNode.run(access: Self.withToken) { node async throws in
      let answer = try await node.ask("GET", "/v1/status", host: "box.example", headers: [TestNode.bearer])
      #expect(answer.status == 200)
    }
  }

  @Test func noHostAndTwoHostsAreRefused() async throws {
    try await TestNode.run { node async throws in
      for head in ["GET /health HTTP/1.1\r\n", "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"] {
        let client = try RawClient(port: node.port)
        await client.send(head + "\r\n")
        #expect([400, 421].contains(try await client.answer().status))
      }
    }
  }

  @Test(arguments: ["http://evil.example", "null", "https://localhost", "http://localhost:1"])
  func aForeignOriginIs403Everywhere(origin: String) async throws {
    try await TestNode.run { node async throws in
      for target in ["/v1/status", "/health", "/metrics"] {
        let answer = try await node.ask("GET", target, headers: ["Origin: \(origin)"])
        #expect(answer.status == 403)
        #expect(answer.headers["access-control-allow-origin"] == nil)
      }
      let preflight = try await node.ask(
        "OPTIONS", "/v1/bench", headers: ["Origin: \(origin)", "Access-Control-Request-Method: POST"])
      #expect(preflight.status == 403)
    }
  }

  @Test func theSameOriginNeedsNoCORS() async throws {
    try await TestNode.run { node async throws in
      let origin = "Origin: http://localhost:\(node.port)"
      #expect(try await node.ask("GET", "/v1/status", headers: [origin]).status == 200)
      #expect(try await node.ask("GET", "/v1/status", headers: [origin, origin]).status == 403)
    }
  }

  @Test func aListedOriginGetsItsHeadersOnErrorsToo() async throws {
    let access = AccessSettings(
      token: Secret(TestNode.token), corsOrigins: try CORSOrigins("https://app.example.com"))
    try await TestNode.run(access: access) { node async throws in
      let origin = "Origin: https://app.example.com"
      let preflight = try await node.ask(
        "OPTIONS", "/v1/bench", headers: [origin, "Access-Control-Request-Method: POST"])
      #expect(preflight.status == 204)
      #expect(preflight.headers["access-control-allow-origin"] == "https://app.example.com")
      #expect(preflight.headers["access-control-allow-headers"]?.contains("Authorization") == true)
      #expect(preflight.headers["vary"] == "Origin")
      let refused = try await node.ask("GET", "/v1/status", headers: [origin])
      #expect(refused.status == 401)
      #expect(refused.headers["access-control-allow-origin"] == "https://app.example.com")
      let served = try await node.ask("GET", "/v1/status", headers: [origin, TestNode.bearer])
      #expect(served.status == 200)
    }
  }

  @Test(arguments: [
    [], ["Authorization: Bearer wrong"], ["Authorization: Basic dXNlcjpwYXNz"], ["Authorization: Bearer"],
    ["Authorization: Bearer \(TestNode.token)x"], [TestNode.bearer, TestNode.bearer],
  ])
  func aMissingOrWrongTokenIs401(headers: [String]) async throws {
    try await TestNode.run(access: Self.withToken) { node async throws in
      for target in ["/v1/status", "/v1/events", "/nowhere"] {
        let answer = try await node.ask("GET", target, headers: headers)
        #expect(answer.status == 401)
        #expect(answer.headers["www-authenticate"] == "Bearer")
        #expect(!answer.body.contains("staple"))
      }
      #expect(try await node.ask("GET", "/health", headers: headers).status == 200)
      #expect(try await node.ask("GET", "/metrics", headers: headers).status == 200)
    }
  }

  @Test func withACredentialMetricsAreOpenToThisMachineOnly() async throws {
    var access = Self.withToken
    access.trustedProxies = [try CIDR("127.0.0.1")]
    try await TestNode.run(access: access) { node async throws in
      let foreign = "X-Forwarded-For: 203.0.113.5"
      #expect(try await node.ask("GET", "/metrics", headers: [foreign]).status == 401)
      #expect(try await node.ask("GET", "/metrics", headers: [foreign, TestNode.bearer]).status == 200)
      #expect(try await node.ask("GET", "/health", headers: [foreign]).status == 200)
    }
  }

  @Test func anotherUserOfThisMachineSeesHealthAndMetricsOnly() async throws {
    try await TestNode.run(ownerOf: { _, _ in 4_294_000_000 }) { node async throws in
      let answer = try await node.ask("GET", "/v1/status")
      #expect(answer.status == 403)
      #expect(answer.body.contains("SIGNALBOX_TOKEN"))
      for target in ["/health", "/health/live", "/health/ready", "/metrics"] {
        #expect(try await node.ask("GET", target).status == 200)
      }
    }
  }

  @Test func grantsOfAJWTDecideWhatItSeesAndDoes() async throws {
    let access = AccessSettings(jwtSecret: Secret(Self.secret))
    let bearer = "Authorization: Bearer \(try await token("viewer", projects: ["a*"]))"
    try await TestNode.run(access: access) { node async throws in
      let status = try await node.ask("GET", "/v1/status", headers: [bearer])
      #expect(status.status == 200)
      #expect(status.body.contains("apple"))
      #expect(!status.body.contains("pear"))
      let bench = try await node.ask(
        "POST", "/v1/bench", headers: [bearer, "Content-Type: application/json"], body: "{}")
      #expect(bench.status == 403)
      #expect(node.plane.benchRuns.withLock { $0.isEmpty })
    }
  }

  @Test func anEventStreamEndsWhenItsTokenExpires() async throws {
    let access = AccessSettings(jwtSecret: Secret(Self.secret))
    try await TestNode.run(access: access) { node async throws in
      // On a loaded machine a short token may have expired before it arrives; then a longer one is tried.
      var answer = ""
      for seconds in [2.0, 6, 20] where !answer.contains("200 OK") {
        let bearer = "Authorization: Bearer \(try await token("viewer", lasting: seconds))"
        let client = try RawClient(port: node.port)
        await client.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\(bearer)\r\n\r\n")
        answer = try await client.readToEnd()
      }
      #expect(answer.contains("200 OK"))
      try await TestNode.until { node.statistics.eventStreams == 0 }
    }
  }

  @Test func noTokenReachesTheLog() async throws {
    let handler = InMemoryLogHandler()
    var logger = Logger(label: "test", factory: { _ in handler })
    logger.logLevel = .trace
    try await TestNode.run(access: Self.withToken, logger: logger) { node async throws in
      let header = ["Authorization: Bearer \(TestNode.token)"]
      for query in ["token=\(TestNode.token)", "a=1&TOKEN=\(TestNode.token)&b=2", "t%6Fken=\(TestNode.token)"] {
        _ = try await node.ask("GET", "/v1/status?\(query)", headers: header)
        _ = try await node.ask("GET", "/v1/status?\(query)")
      }
    }
    let lines = handler.entries.map { "\($0.message) \($0.metadata)" }
    #expect(lines.contains { $0.contains("/v1/status?token=redacted") })
    #expect(!lines.contains { $0.contains("staple") })
  }
}
