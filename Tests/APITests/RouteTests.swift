import Access
import Base
import ControlPlane
import Foundation
import NIOCore
import Synchronization
import Testing

@testable import API

struct RouteTests {
  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func healthNamesEveryComponent() async throws {
    let health = Health(components: [
      .init(name: "store", state: .degraded, reason: "slow", since: 7), .init(name: "api", state: .ok, since: 1),
    ])
    try await TestNode.run(health: health) { node async throws in
      let answer = try await node.ask("GET", "/health")
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == "application/json")
      #expect(answer.headers["x-content-type-options"] == "nosniff")
      let document = try json(answer.body)
      #expect(document["status"] as? String == "degraded")
      let components = try #require(document["components"] as? [[String: Any]])
      #expect(components.first?["name"] as? String == "store")
      #expect(components.first?["reason"] as? String == "slow")
      #expect(components.first?["since"] as? Int == 7)
    }
  }

  @Test func aNodeThatIsDownSays503() async throws {
    let health = Health(components: [.init(name: "store", state: .down, reason: "gone", since: 1)])
    try await TestNode.run(health: health) { node async throws in
      #expect(try await node.ask("GET", "/health").status == 503)
      #expect(try await node.ask("GET", "/health/live").status == 200)
    }
  }

  @Test(arguments: [(Snapshot.Phase.starting, 503), (.ready, 200), (.draining, 503), (.stopping, 503)])
  func onlyAReadyNodeIsReady(phase: Snapshot.Phase, status: Int) async throws {
    try await TestNode.run(phase: phase) { node async throws in
      let answer = try await node.ask("GET", "/health/ready")
      #expect(answer.status == status)
      #expect(try json(answer.body)["status"] as? String == phase.rawValue)
    }
  }

  @Test func metricsAreText() async throws {
    try await TestNode.run { node async throws in
      let answer = try await node.ask("GET", "/metrics")
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
      #expect(answer.body.hasSuffix("up 1\n"))
    }
  }

  @Test func statusIsTheSnapshot() async throws {
    try await TestNode.run { node async throws in
      let answer = try await node.ask("GET", "/v1/status")
      #expect(answer.status == 200)
      #expect(answer.headers["cache-control"] == "no-store")
      #expect(try json(answer.body)["node"] as? String == "cafe0001")
      #expect(node.statistics.requests == 1)
      #expect(node.statistics.refused == 0)
    }
  }

  @Test func headHasTheHeadersAndNoBody() async throws {
    try await TestNode.run { node async throws in
      let client = try RawClient(port: node.port)
      for path in ["/v1/status", "/nowhere", "/v1/events"] {
        await client.send("HEAD \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let answer = try await client.answer(isHead: true)
        #expect(answer.status == (path == "/nowhere" ? 404 : 200))
      }
      // A stray body would be read as the head of the next answer.
      await client.send("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
      #expect(try await client.answer().body == "{\"status\":\"live\"}")
    }
  }

  @Test func benchRunsAndRemembers() async throws {
    try await TestNode.run { node async throws in
      let run = try await node.ask(
        "POST", "/v1/bench", headers: ["Content-Type: application/json; charset=utf-8"],
        body: "{\"suites\":[\"control\"],\"live\":true}")
      #expect(run.status == 200)
      #expect(try json(run.body)["commit"] as? String == "abc")
      let wishes = node.plane.benchRuns.withLock { $0 }
      #expect(wishes == [BenchOptions(suites: ["control"], isLiveConfirmed: true)])
      let history = try await node.ask("GET", "/v1/bench?limit=2")
      let reports = try JSONDecoder().decode([BenchReport].self, from: Data(history.body.utf8))
      #expect(reports.count == 2)
      let cancelled = try await node.ask("DELETE", "/v1/bench")
      #expect(cancelled.status == 200 && cancelled.body == "{\"stopped\":false}", "\(cancelled.body)")
    }
  }

  @Test(arguments: ["0", "1001", "x", "", "-1", "1e3"])
  func aLimitOutOfRangeIsRefusedWithTheRange(limit: String) async throws {
    try await TestNode.run { node async throws in
      let answer = try await node.ask("GET", "/v1/bench?limit=\(limit)")
      #expect(answer.status == 400)
      #expect(answer.body.contains("1 to 1000"))
    }
  }

  @Test func everyFailureHasTheWordsOfItsStatusAsItsTitle() {
    for code in Failure.Code.allCases {
      let problem = ProblemDetails(Failure(code, "no"))
      let document = String(buffer: problem.body())
      #expect(!document.contains(#""title":"""#) && !document.contains(#""title":"Error""#), "\(document)")
    }
  }

  @Test func anUnknownRouteIsAProblem() async throws {
    try await TestNode.run { node async throws in
      for target in ["/", "/nowhere", "/v1", "/v1/status/x", "/health/../v1/status"] {
        let answer = try await node.ask("GET", target)
        #expect(answer.status == 404)
        #expect(answer.headers["content-type"] == "application/problem+json")
        let document = try json(answer.body)
        #expect(document["status"] as? Int == 404)
        #expect(document["title"] as? String == "Not Found")
        #expect(document["type"] as? String == "about:blank")
        #expect(document["detail"] != nil)
        #expect(document["hint"] != nil)
      }
    }
  }

  @Test(arguments: [
    ("POST", "/health", "GET, HEAD"), ("DELETE", "/v1/status", "GET, HEAD"),
    ("PUT", "/v1/bench", "GET, HEAD, POST, DELETE"),
    ("OPTIONS", "/v1/bench", "GET, HEAD, POST, DELETE"),
    ("PATCH", "/metrics", "GET, HEAD"), ("TRACE", "/metrics", "GET, HEAD"),
  ])
  func aWrongMethodIsToldTheRightOnes(method: String, target: String, allow: String) async throws {
    try await TestNode.run { node async throws in
      let answer = try await node.ask(method, target)
      #expect(answer.status == 405)
      #expect(answer.headers["allow"] == allow)
    }
  }

  @Test(arguments: ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"])
  func aBodyThatIsNotAnnouncedAsJSONIs415(media: String) async throws {
    try await TestNode.run { node async throws in
      let headers = media.isEmpty ? [] : ["Content-Type: \(media)"]
      #expect(try await node.ask("POST", "/v1/bench", headers: headers, body: "{}").status == 415)
      #expect(node.plane.benchRuns.withLock { $0.isEmpty })
    }
  }

  @Test(arguments: ["", "{", "[]", "null", "{\"suites\":1}", "{\"live\":\"yes\"}", "\u{0}"])
  func aBodyThatIsNotTheRightJSONIs400(body: String) async throws {
    try await TestNode.run { node async throws in
      let answer = try await node.ask(
        "POST", "/v1/bench", headers: ["Content-Type: application/json"] + (body.isEmpty ? ["Content-Length: 0"] : []),
        body: body)
      #expect(answer.status == 400)
      #expect(answer.body.contains("accepted"))
    }
  }

  @Test func anAnswerThatTakesTooLongIs504AndIsCancelled() async throws {
    var settings = APISettings(port: 0)
    settings.benchTimeout = .milliseconds(50)
    try await TestNode.run(settings) { node async throws in
      node.plane.benchTime.withLock { $0 = .seconds(600) }
      let answer = try await node.ask(
        "POST", "/v1/bench", headers: ["Content-Type: application/json"], body: "{}")
      #expect(answer.status == 504)
    }
  }

  @Test func requestsFollowEachOtherOnOneConnection() async throws {
    try await TestNode.run { node async throws in
      let client = try RawClient(port: node.port)
      let one = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
      await client.send(String(repeating: one, count: 5))
      for _ in 0..<5 { #expect(try await client.answer().status == 200) }
    }
  }
}
