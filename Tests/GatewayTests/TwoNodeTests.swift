import Access
import Base
import ControlPlane
import RedisLink
import SocketProtocol
import TestKit
import Testing

@testable import Gateway

/// Two gateways that share a Redis, each with real clients.
@Suite(.serialized)
struct GatewayTwoNodeTests {
  private func server(_ url: RedisURL, throttleRate: Int = 10) async throws -> GatewayServer {
    var options = GatewayOptions()
    options.port = 0
    options.loops = 2
    options.drainDuration = .zero
    var node = GatewayNode(id: .random(), version: "test", redis: url)
    node.throttleRate = throttleRate
    return try GatewayServer(
      options: options, node: node,
      authenticator: try await Authenticator(settings: AccessSettings()), logger: TestGateway.quiet)
  }

  private func withNodes(
    throttleRate: Int = 10, _ body: @Sendable @escaping (GatewayServer, Int, GatewayServer, Int) async throws -> Void
  ) async throws {
    let redis = try await RedisProcess()
    let url = try RedisURL(redis.url)
    let (one, two) = (
      try await server(url, throttleRate: throttleRate), try await server(url, throttleRate: throttleRate)
    )
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

  /// What the second stage of the throttle held when its client dropped comes with what was missed, once each, on
  /// whatever node.
  @Test(arguments: [false, true]) func whatWasHeldIsNotLost(movesAway: Bool) async throws {
    try await withNodes(throttleRate: 1) { one, onePort, two, twoPort in
      let (client, greeting) = try #require(SocketClient.socket(port: onePort))
      let pid = greeting.split(separator: "\"").map(String.init)[7]
      for task in 0..<12 {
        client.send("421[\"subscribe-task\",\"\(task)\"]")
        #expect(client.text() == "431[{\"ok\":true}]")
      }
      let update = { (task: Int) in "{\"taskId\":\"\(task)\",\"status\":\"pending\"}" }
      for task in 0..<12 { one.publish(room: "task:\(task)", event: "task-update", json: update(task)) }
      one.publish(room: "task:0", event: "seen", json: nil)
      var heard: [String] = []
      while heard.last?.hasPrefix("42[\"seen\"") != true, let text = client.text() { heard.append(text) }
      let offset = String(try #require(heard.last?.dropLast(2).split(separator: "\"").last))
      #expect(heard.count < 13, "some were held")
      client.send(frame: 8, [0x03, 0xE9])
      #expect(await eventually { one.audience("task:1") == 0 })
      one.publish(room: "task:3", event: "missed", json: nil)
      let auth = "{\"pid\":\"\(pid)\",\"offset\":\"\(offset)\"}"
      var found: SocketClient?
      #expect(
        await eventually {
          let answered = SocketClient.socket(port: movesAway ? twoPort : onePort, auth: auth)
          if answered?.greeting.contains("\"pid\":\"\(pid)\"") == true { found = answered?.client }
          return found != nil
        })
      let again = try #require(found)
      while heard.last?.hasPrefix("42[\"missed\"") != true, let text = again.text() { heard.append(text) }
      let tasks = heard.filter { $0.contains("task-update") }.compactMap {
        $0.split(separator: "\"").dropFirst(5).first
      }
      #expect(tasks.sorted() == (0..<12).map { Substring("\($0)") }.sorted(), "each once: \(heard)")
    }
  }

  /// A question goes to the clients of both nodes, and so does the count of a room.
  @Test func theClientsOfBothNodesAreAskedAndCounted() async throws {
    try await withNodes { one, onePort, two, twoPort in
      var clients: [SocketClient] = []
      for port in [onePort, twoPort, twoPort] {
        let (client, _) = try #require(SocketClient.socket(port: port))
        client.send("421[\"subscribe-task\",\"t\"]")
        #expect(client.text() == "431[{\"ok\":true}]")
        clients.append(client)
      }
      let room = Audience(room: "task:t", sockets: 3)
      #expect(await eventually { await one.audience(ofCluster: ["task:t"]) == room })
      #expect(await eventually { await two.audience(ofCluster: ["task:t"]) == room })
      async let asked = one.ask(rooms: ["task:t"], event: "q", json: "1", within: .seconds(20))
      for (number, client) in clients.enumerated() {
        let question = try #require(client.text())
        let id = try #require(question.dropFirst(2).split(separator: "[").first)
        client.send("43\(id)[\(number)]")
      }
      let answers = await asked
      #expect(answers.asked == 3 && answers.isComplete)
      #expect(answers.answers.map { String(decoding: $0, as: UTF8.self) }.sorted() == ["0", "1", "2"])
    }
  }

  /// As the Node adapter asks: `BROADCAST` in MessagePack on the request channel, the count and each client's answer on
  /// the one for responses. And a server that says nothing makes a count incomplete.
  @Test func aForeignServerAsksOurClients() async throws {
    try await withNodes { one, onePort, two, twoPort in
      let redis = try #require(one.context.adapter as? RedisAdapter).options.url
      let (client, _) = try #require(SocketClient.socket(port: onePort))
      client.send("421[\"subscribe-task\",\"t\"]")
      _ = client.text()
      let heard = Collected<AdapterResponse>()
      let listener = try await RedisConnection.open(redis, options: .patient) { push in
        // What is no answer is not what this test waits for.
        if push.channel.hasPrefix("socket.io-response"), let bytes = push.payload.bytes,
          let response = try? AdapterResponse(decoding: bytes)
        {
          heard.append(response)
        }
      }
      _ = try await listener.send([RedisCommand("SUBSCRIBE", "socket.io-response#/#", "socket.io-request#/#")])
      var request = AdapterRequest(kind: .broadcast)
      (request.uid, request.requestID, request.selection) = ("node-js", "r1", ["task:t"])
      (request.event, request.arguments) = ("q", Array("[\"q\",{\"blob\":{\"_placeholder\":true,\"num\":0}}]".utf8))
      (request.attachments, request.timeoutMilliseconds) = ([[7, 8]], 20_000)
      let sender = try await RedisConnection.open(redis, options: .patient)
      _ = try await sender.send(
        RedisCommand("PUBLISH", "socket.io-request#/#", .bytes(try request.encoded())))
      let question = try #require(client.text())
      #expect(question.hasPrefix("451-") && question.hasSuffix("[\"q\",{\"blob\":{\"_placeholder\":true,\"num\":0}}]"))
      #expect(client.frame()?.payload == [7, 8])
      let id = try #require(question.dropFirst(4).split(separator: "[").first)
      client.send("43\(id)[{\"ok\":true},\"unheard\"]")
      let expected: [AdapterResponse.Content] = [
        .acknowledgement(Array("{\"ok\":true}".utf8), attachments: []), .clientCount(0), .clientCount(1),
      ]
      #expect(
        await eventually {
          heard.values.filter { $0.requestID == "r1" }.map(\.content).sorted { "\($0)" < "\($1)" } == expected
        }, "\(heard.values)")
      #expect(await eventually { await !one.audience(ofCluster: ["task:t"]).isComplete })
    }
  }

  /// Garbage, and messages that are well-formed and mean nothing here: counted, and nobody notices.
  @Test func garbageOnTheChannelsHasNoEffectOnClients() async throws {
    try await withNodes { one, onePort, two, twoPort in
      let redis = try #require(one.context.adapter as? RedisAdapter).options.url
      let (client, _) = try #require(SocketClient.socket(port: onePort))
      client.send("421[\"subscribe-task\",\"t\"]")
      _ = client.text()
      let sender = try await RedisConnection.open(redis, options: .patient)
      let unread: [[UInt8]] = [
        [0xC1], Array("{\"type\":".utf8), [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0xDF, 0x7F, 0xFF, 0xFF, 0xFF],
        [UInt8](repeating: 0x91, count: 100_000), [0xC6, 0xFF, 0xFF, 0xFF, 0xFF, 1], [],
      ]
      let channels = ["socket.io#/#", "socket.io#/#task:t#", "socket.io-request#/#", "signalbox:gateway:peers"]
      #expect(
        await eventually {
          let reply = try? await sender.send(RedisCommand("PUBSUB", "NUMSUB", "socket.io#/#task:t#"))
          return reply?.elements?.last?.integer == 1
        })
      let before = one.snapshot().redis.malformed
      for channel in channels {
        for bytes in unread { _ = try await sender.send(RedisCommand("PUBLISH", .text(channel), .bytes(bytes))) }
      }
      // Requests that can be read and that nobody can do anything with.
      for json in [
        "{\"uid\":\"x\",\"type\":2,\"opts\":{\"rooms\":[\"no such\"],\"except\":[]},\"rooms\":[\"\"]}",
        "{\"uid\":\"x\",\"type\":4,\"sid\":\"../../etc\",\"close\":true}", "{\"uid\":\"x\",\"type\":99}",
      ] {
        _ = try await sender.send(RedisCommand("PUBLISH", "socket.io-request#/#", .bytes(Array(json.utf8))))
      }
      #expect(await eventually { one.snapshot().redis.malformed >= before + UInt64(channels.count * unread.count) })
      two.publish(room: "task:t", event: "after", json: "1")
      #expect(client.text()?.hasPrefix("42[\"after\",1,") == true)
      #expect(one.snapshot().redis.state == .connected && one.peers().count == 1)
    }
  }
}
