import Access
import Base
import ControlPlane
import JWTKit
import Synchronization
import TestKit
import Testing

@testable import Gateway

/// Rooms, grants, publications and doors of the product, on real sockets.
@Suite struct GatewayProductTests {
  static let secret = "an example secret of well over 32 bytes"

  private struct Claims: JWTPayload {
    var sub: String
    var exp: Double
    var role = "agent"
    var rooms: [String]?
    var publish: [String]?
    func verify(using algorithm: some JWTAlgorithm) async throws {}
  }

  func token(
    rooms: [String]? = nil, publish: [String]? = nil, role: String = "agent", seconds: Double = 3_600
  ) async throws -> String {
    let keys = JWTKeyCollection()
    await keys.add(hmac: HMACKey(from: Self.secret), digestAlgorithm: .sha256)
    let now = Double(SystemWallClock().nowMilliseconds()) / 1_000
    return try await keys.sign(Claims(sub: "ada", exp: now + seconds, role: role, rooms: rooms, publish: publish))
  }

  private var closed: AccessSettings { AccessSettings(jwtSecret: Secret(Self.secret)) }

  private func wait(_ client: SocketClient) -> String? { client.text() }

  @Test func eventsReachTheMembersOfTheirRoomAlone() async throws {
    try await TestGateway.withServer { _, port in
      let (member, greeting) = try #require(SocketClient.socket(port: port))
      #expect(greeting.contains("\"pid\":"))
      let (other, _) = try #require(SocketClient.socket(port: port))
      member.send("421[\"subscribe-task\",\"t1\"]")
      #expect(member.text() == "431[{\"ok\":true}]")
      other.send("427[\"publish\",{\"room\":\"task:t1\",\"event\":\"note\",\"data\":{\"n\":1}}]")
      #expect(other.text() == "437[{\"ok\":true}]")
      #expect(member.text()?.hasPrefix("42[\"note\",{\"n\":1},\"") == true)
      member.send("422[\"unsubscribe-task\",\"t1\"]")
      #expect(member.text() == "432[{\"ok\":true}]")
      other.send("428[\"publish\",{\"room\":\"task:t1\",\"event\":\"note\",\"data\":2}]")
      #expect(other.text() == "438[{\"ok\":true}]")
      member.send("423[\"echo\",5]")
      #expect(member.text() == "433[5]")
    }
  }

  @Test func rawSocketsHearAndSayTheSameEvents() async throws {
    try await TestGateway.withServer { _, port in
      let raw = try #require(SocketClient(port: port))
      #expect(raw.upgrade("/ws")?.status == 101)
      raw.send("{\"event\":\"subscribe-agent\",\"data\":\"a1\",\"id\":7}")
      #expect(raw.text() == "{\"event\":\"subscribe-agent\",\"data\":{\"ok\":true},\"id\":7}")
      let (socket, _) = try #require(SocketClient.socket(port: port))
      socket.send("421[\"agent-thought\",{\"agentId\":\"a1\",\"thought\":\"hm\",\"timestamp\":5}]")
      #expect(socket.text() == "431[{\"ok\":true}]")
      #expect(
        raw.text() == "{\"event\":\"agent-thought\",\"data\":{\"agentId\":\"a1\",\"thought\":\"hm\",\"timestamp\":5}}")
      raw.send("nonsense")
      #expect(raw.closeCode() == 1002)
    }
  }

  @Test(arguments: [
    "[\"publish\",{\"room\":\"task:t\"}]", "[\"publish\",7]", "[\"publish\"]", "[\"subscribe-task\",{}]",
    "[\"subscribe-other\",\"x\"]", "[\"agent-thought\",{\"agentId\":\"\",\"thought\":\"x\"}]",
    "[\"task-update\",{\"taskId\":\"t\",\"status\":\"done\"}]", "[\"unknown\",1]",
  ])
  func whatIsWrongIsRefusedInItsAcknowledgement(_ event: String) async throws {
    try await TestGateway.withServer { _, port in
      let (client, _) = try #require(SocketClient.socket(port: port))
      client.send("429\(event)")
      #expect(client.text()?.hasPrefix("439[{\"ok\":false,\"error\":\"") == true)
    }
  }

  @Test func grantsDecideEveryJoinAndPublication() async throws {
    let narrow = try await token(rooms: ["task:a*"], publish: ["task:ab"])
    let viewer = try await token(role: "viewer")
    try await TestGateway.withServer(access: closed) { _, port in
      let (client, _) = try #require(SocketClient.socket(port: port, auth: "{\"token\":\"\(narrow)\"}"))
      /// Row: event, and whether it is allowed.
      let rows = [
        ("[\"subscribe-task\",\"abc\"]", true), ("[\"subscribe-task\",\"b\"]", false),
        ("[\"publish\",{\"room\":\"task:ab\",\"event\":\"e\"}]", true),
        ("[\"publish\",{\"room\":\"task:abc\",\"event\":\"e\"}]", false),
      ]
      for (event, isAllowed) in rows {
        client.send("421\(event)")
        #expect(client.text()?.hasPrefix("431[{\"ok\":\(isAllowed)") == true, "\(event)")
      }
      let (reader, _) = try #require(SocketClient.socket(port: port, auth: "{\"token\":\"\(viewer)\"}"))
      reader.send("421[\"subscribe-task\",\"b\"]")
      #expect(reader.text() == "431[{\"ok\":true}]")
      reader.send("421[\"publish\",{\"room\":\"task:ab\",\"event\":\"e\"}]")
      #expect(reader.text()?.hasPrefix("431[{\"ok\":false") == true)
    }
  }

  @Test(arguments: ["", "{}", "{\"token\":\"wrong\"}", "{\"token\":\"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.\"}"])
  func withoutAValidTokenNobodyConnects(_ auth: String) async throws {
    try await TestGateway.withServer(access: closed) { _, port in
      let (_, greeting) = try #require(SocketClient.socket(port: port, auth: auth))
      #expect(greeting.hasPrefix("44{\"message\":"))
      let raw = try #require(SocketClient(port: port))
      #expect(raw.upgrade("/ws")?.status == 401)
      let other = try #require(SocketClient(port: port))
      #expect(other.upgrade("/ws?token=wrong")?.status == 401)
    }
  }

  @Test func aTokenMayComeInTheHeaderOrTheQuery() async throws {
    let good = try await token()
    try await TestGateway.withServer(access: closed) { _, port in
      let header = ["Authorization: Bearer \(good)"]
      #expect(SocketClient.socket(port: port, headers: header)?.greeting.hasPrefix("40{\"sid\"") == true)
      let raw = try #require(SocketClient(port: port))
      #expect(raw.upgrade("/ws?token=\(good)")?.status == 101)
    }
  }

  @Test func aSocketEndsWithItsToken() async throws {
    let good = try await token(seconds: 3_600)
    try await TestGateway.withServer(access: closed) { server, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port, auth: "{\"token\":\"\(good)\"}"))
      let sid = String(greeting.split(separator: "\"")[3])
      let ends = try #require(await server.socket(sid)?.expiresAt)
      let left = ends - SystemWallClock().nowMilliseconds()
      #expect((3_000_000...3_600_000).contains(left), "\(left)")
      // The hour passes.
      _ = await server.ask { loop in
        if let slot = loop.find(sid) { loop.expire(slot, atMilliseconds: SystemWallClock().nowMilliseconds()) }
      }
      #expect(client.text() == "41")
      #expect(client.closeCode() == 1008)
    }
  }

  @Test func foreignPagesAndForeignNamesAreRefusedOnBothTransports() async throws {
    try await TestGateway.withServer { _, port in
      for origin in ["http://evil.example", "null"] {
        let polling = try #require(SocketClient(port: port))
        #expect(
          polling.request("GET", "/socket.io/?EIO=4&transport=polling", headers: ["Origin: \(origin)"])?.status == 403)
        let socket = try #require(SocketClient(port: port))
        #expect(socket.upgrade("/socket.io/?EIO=4&transport=websocket", headers: ["Origin: \(origin)"])?.status == 403)
        let raw = try #require(SocketClient(port: port))
        #expect(raw.upgrade("/ws", headers: ["Origin: \(origin)"])?.status == 403)
      }
      let named = try #require(SocketClient(port: port))
      #expect(named.request("GET", "/socket.io/?EIO=4&transport=polling", host: "evil.example")?.status == 421)
    }
  }

  @Test func oneSendersEventsToOneRoomKeepTheirOrder() async throws {
    try await TestGateway.withServer(change: { $0.publishRate = 0 }) { _, port in
      var members: [SocketClient] = []
      for _ in 0..<4 {
        let (member, _) = try #require(SocketClient.socket(port: port))
        for room in ["r", "s"] {
          member.send("421[\"subscribe-task\",\"\(room)\"]")
          #expect(member.text() == "431[{\"ok\":true}]")
        }
        members.append(member)
      }
      let (sender, _) = try #require(SocketClient.socket(port: port))
      for number in 0..<400 {
        let room = number.isMultiple(of: 3) ? "s" : "r"
        sender.send("42[\"publish\",{\"room\":\"task:\(room)\",\"event\":\"n\",\"data\":\(number)}]")
      }
      for member in members {
        for number in 0..<400 {
          let text = try #require(member.text())
          #expect(text.hasPrefix("42[\"n\",\(number),\""), "\(text)")
        }
      }
    }
  }

  @Test func aPublisherBeyondItsRateIsTold() async throws {
    try await TestGateway.withServer(change: {
      $0.publishRate = 1
      $0.publishBurst = 3
    }) { _, port in
      let (client, _) = try #require(SocketClient.socket(port: port))
      var answers: [Bool] = []
      for _ in 0..<5 {
        client.send("421[\"publish\",{\"room\":\"task:x\",\"event\":\"e\",\"data\":1}]")
        answers.append(try #require(client.text()).contains("\"ok\":true"))
      }
      #expect(answers.prefix(3) == [true, true, true])
      #expect(answers.contains(false))
    }
  }

  @Test func theHookEndsBeforeTheEventIsDelivered() async throws {
    let order = Mutex<[String]>([])
    let hook: @Sendable (String, String, String) async -> Void = { room, event, json in
      await Task.yield()
      order.withLock { $0.append("\(room) \(event) \(json)") }
    }
    try await TestGateway.withServer(beforeDelivery: hook) { _, port in
      let (client, _) = try #require(SocketClient.socket(port: port))
      client.send("421[\"subscribe-project\",\"p\"]")
      _ = client.text()
      client.send("42[\"publish\",{\"room\":\"project:p\",\"event\":\"file-changed\",\"data\":{\"paths\":[]}}]")
      client.send("42[\"publish\",{\"room\":\"project:p\",\"event\":\"after\",\"data\":1}]")
      #expect(client.text()?.hasPrefix("42[\"file-changed\",") == true)
      #expect(order.withLock { $0 } == ["project:p file-changed {\"paths\":[]}"])
      #expect(client.text()?.hasPrefix("42[\"after\",") == true)
    }
  }

  @Test func excessThoughtsOfAnAgentBecomeOneEvent() async throws {
    try await TestGateway.withServer(throttleRate: 2) { server, port in
      let (client, _) = try #require(SocketClient.socket(port: port))
      client.send("421[\"subscribe-agent\",\"a\"]")
      _ = client.text()
      for number in 0..<5 {
        server.publish(
          room: "agent:a", event: "agent-thought", json: "{\"agentId\":\"a\",\"thought\":\"\(number)\"}")
      }
      #expect(client.text()?.hasPrefix("42[\"agent-thought\",{\"agentId\":\"a\",\"thought\":\"0\"}") == true)
      let merged = try #require(client.text())
      #expect(merged.hasPrefix("42[\"agent-thought\",[{\"agentId\":\"a\",\"thought\":\"1\"},"), "\(merged)")
      #expect(merged.contains("\"thought\":\"4\"}]"))
      #expect(server.snapshot().throttled >= 4)
    }
  }

  @Test func aReceiverOfManyRoomsGetsTheirExcessMerged() async throws {
    try await TestGateway.withServer(throttleRate: 4) { server, port in
      let (client, _) = try #require(SocketClient.socket(port: port))
      for task in 0..<12 {
        client.send("421[\"subscribe-task\",\"\(task)\"]")
        #expect(client.text() == "431[{\"ok\":true}]")
      }
      // Each room is within its own rate: two updates of a task are one delivery and one that waits.
      for status in ["pending", "completed"] {
        for task in 0..<12 {
          server.publish(
            room: "task:\(task)", event: "task-update", json: "{\"taskId\":\"\(task)\",\"status\":\"\(status)\"}")
        }
      }
      var seen: [String] = []
      while Set(seen.filter { $0.contains("completed") }).count < 12, let text = client.text() {
        seen.append(String(text.prefix { $0 != "}" }))
      }
      // The newest of every task arrives, and some of the older ones never do: they were replaced while they waited.
      #expect(seen.count >= 12 && seen.count < 24, "\(seen.count)")
    }
  }

  /// `/health` of this port answers for the node: 200 while it is ok or degraded, 503 when it is down.
  @Test func healthOfThisPortIsThatOfTheNode() async throws {
    try await TestGateway.withServer { server, port in
      let client = try #require(SocketClient(port: port))
      #expect(client.request("GET", "/health")?.body == "{\"status\":\"ok\",\"components\":[]}")
      for (state, status) in [(Health.State.ok, 200), (.degraded, 200), (.down, 503)] {
        server.answerHealth {
          Health(components: [.init(name: "redis", state: state, reason: "away: \"x\"", since: 7)])
        }
        let answer = client.request("GET", "/health")
        #expect(answer?.status == status)
        #expect(
          answer?.body == "{\"status\":\"\(state.rawValue)\",\"components\":[{\"name\":\"redis\","
            + "\"state\":\"\(state.rawValue)\",\"reason\":\"away: \\\"x\\\"\",\"since\":7}]}")
      }
    }
  }

  @Test func everybodyHearsWhatGoesToAll() async throws {
    try await TestGateway.withServer { server, port in
      let clients = try (0..<4).map { _ in try #require(SocketClient.socket(port: port)).client }
      #expect(await server.audience(ofCluster: ["*"]) == Audience(room: "*", sockets: 4))
      server.publish(room: "*", event: "notice", json: "1")
      for client in clients { #expect(client.text()?.hasPrefix("42[\"notice\",1,") == true) }
      // A client that publishes to a room of that name reaches nobody.
      clients[0].send("421[\"publish\",{\"room\":\"*\",\"event\":\"e\",\"data\":1}]")
      #expect(clients[0].text()?.hasPrefix("431[{\"ok\":") == true)
      server.publish(room: "*", event: "last", json: "2")
      for client in clients { #expect(client.text()?.hasPrefix("42[\"last\",2,") == true) }
    }
  }

  /// Two connections of one user in the same room are told the same; the user's rate counts it once.
  @Test func everyConnectionOfAUserIsTold() async throws {
    try await TestGateway.withServer(throttleRate: 100) { server, port in
      let clients = try (0..<3).map { _ in
        try #require(SocketClient.socket(port: port, auth: "{\"agent\":\"ada\"}")).client
      }
      for client in clients {
        client.send("421[\"subscribe-task\",\"t\"]")
        #expect(client.text() == "431[{\"ok\":true}]")
      }
      for number in 0..<20 {
        server.publish(
          room: "task:t", event: "task-update",
          json: "{\"taskId\":\"t\",\"status\":\"pending\",\"progress\":\(number)}")
        // The room's own stage holds what comes faster than its rate: each is told before the next is sent.
        for client in clients { #expect(client.text()?.contains("\"progress\":\(number)}") == true) }
      }
      #expect(server.snapshot().users == 1)
    }
  }

  @Test func aClientComesBackToWhatItMissed() async throws {
    try await TestGateway.withServer { server, port in
      var (client, greeting) = try #require(SocketClient.socket(port: port))
      let parts = greeting.split(separator: "\"").map(String.init)
      let (sid, pid) = (parts[3], parts[7])
      client.send("421[\"subscribe-task\",\"t\"]")
      _ = client.text()
      server.publish(room: "task:t", event: "e", json: "1")
      let first = try #require(client.text())
      let offset = String(try #require(first.dropLast(2).split(separator: "\"").last))
      client.write([])
      shutdownAndDrop(&client, port)
      #expect(await eventually { server.audience("task:t") == 0 })
      for number in 2...4 { server.publish(room: "task:t", event: "e", json: "\(number)") }
      let auth = "{\"pid\":\"\(pid)\",\"offset\":\"\(offset)\"}"
      let (again, answer) = try #require(SocketClient.socket(port: port, auth: auth))
      #expect(answer == "40{\"sid\":\"\(sid)\",\"pid\":\"\(pid)\"}")
      for number in 2...4 { #expect(again.text()?.hasPrefix("42[\"e\",\(number),\"") == true) }
      server.publish(room: "task:t", event: "e", json: "5")
      #expect(again.text()?.hasPrefix("42[\"e\",5,\"") == true)
      #expect(await server.kick(sid, reason: "test"))
      #expect(again.text() == "41")
      let (_, fresh) = try #require(SocketClient.socket(port: port, auth: auth))
      #expect(!fresh.contains(pid))
    }
  }

  /// Replaces the client, which closes its socket.
  private func shutdownAndDrop(_ client: inout SocketClient, _ port: Int) {
    if let other = SocketClient(port: port) { client = other }
  }
}
