import Access
import Base
import RedisLink
import TestKit
import Testing

@testable import Gateway

/// Two gateways that share a Redis, each with real clients.
@Suite(.serialized)
struct GatewayTwoNodeTests {
  private func server(_ url: RedisURL) async throws -> GatewayServer {
    var options = GatewayOptions()
    options.port = 0
    options.loops = 2
    options.drainDuration = .zero
    return try GatewayServer(
      options: options, node: GatewayNode(id: .random(), version: "test", redis: url),
      authenticator: try await Authenticator(settings: AccessSettings()), logger: TestGateway.quiet)
  }

  private func withNodes(_ body: @Sendable @escaping (GatewayServer, Int, GatewayServer, Int) async throws -> Void)
    async throws
  {
    let redis = try await RedisProcess()
    let url = try RedisURL(redis.url)
    let (one, two) = (try await server(url), try await server(url))
    try await TestGateway.serve(one) { one, onePort in
      try await TestGateway.serve(two) { two, twoPort in
        #expect(await eventually { one.peers().count == 1 && two.peers().count == 1 })
        try await body(one, onePort, two, twoPort)
        _ = redis
      }
    }
  }

  @Test func eventsCrossInTheirOrder() async throws {
    try await withNodes { one, onePort, two, twoPort in
      let (client, _) = try #require(SocketClient.socket(port: twoPort))
      client.send("421[\"subscribe-task\",\"t\"]")
      #expect(client.text() == "431[{\"ok\":true}]")
      // The other node's subscription reaches Redis a moment later.
      #expect(
        await eventually {
          one.publish(room: "task:t", event: "probe", json: nil)
          return two.seats.contains { $0.current.eventsOut > 0 }
        })
      for number in 0..<200 { one.publish(room: "task:t", event: "n", json: "\(number)") }
      var numbers: [Int] = []
      while numbers.count < 200, let text = client.text() {
        guard text.hasPrefix("42[\"n\",") else { continue }
        numbers.append(Int(text.dropFirst(7).prefix { $0 != "," }) ?? -1)
      }
      #expect(numbers == Array(0..<200))
    }
  }

  @Test func aClientComesBackToTheOtherNode() async throws {
    try await withNodes { one, onePort, two, twoPort in
      let (client, greeting) = try #require(SocketClient.socket(port: onePort))
      let parts = greeting.split(separator: "\"").map(String.init)
      let pid = parts[7]
      client.send("421[\"subscribe-task\",\"t\"]")
      _ = client.text()
      one.publish(room: "task:t", event: "n", json: "0")
      let first = try #require(client.text())
      let offset = String(try #require(first.dropLast(2).split(separator: "\"").last))
      client.send(frame: 8, [0x03, 0xE9])
      #expect(await eventually { one.audience("task:t") == 0 })
      for number in 1...3 { one.publish(room: "task:t", event: "n", json: "\(number)") }
      // The session's record reaches Redis a moment later; until then the client would begin anew.
      let auth = "{\"pid\":\"\(pid)\",\"offset\":\"\(offset)\"}"
      var found: SocketClient?
      #expect(
        await eventually {
          let answered = SocketClient.socket(port: twoPort, auth: auth)
          if answered?.greeting.contains("\"pid\":\"\(pid)\"") == true { found = answered?.client }
          return found != nil
        })
      let again = try #require(found)
      for number in 1...3 { #expect(again.text()?.hasPrefix("42[\"n\",\(number)") == true) }
      #expect(two.audience("task:t") == 1)
    }
  }
}
