import Access
import Base
import ControlPlane
import Glibc
import Synchronization
import TestKit
import Testing

@testable import Gateway

/// What one client may make the node hold, and for how long.
@Suite(.serialized) struct GatewayBoundsTests {
  /// Answers that nobody reads are not made without end: the node reads no further, and goes on when they are read.
  @Test func aClientThatReadsNoAnswerIsReadNoFurther() async throws {
    try await TestGateway.withServer { server, port in
      let client = try #require(SocketClient(port: port, receiveBuffer: 4_096, sendBuffer: 16 << 10))
      let request = Array("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
      let sent = client.flood(request, bytesMax: 4 << 20)
      #expect(sent < 4 << 20, "all of it was taken")
      for _ in 0..<sent / request.count {
        guard client.response()?.status == 200 else {
          Issue.record("an answer is missing")
          break
        }
      }
    }
  }

  /// A connection whose waiting GET was answered, and on which nothing more comes.
  @Test func aConnectionThatPollsNoMoreIsClosed() async throws {
    try await TestGateway.withServer(change: { $0.keepAlive = .milliseconds(300) }) { server, port in
      let poller = try #require(SocketClient(port: port))
      let opened = try #require(poller.request("GET", "/socket.io/?EIO=4&transport=polling"))
      let sid = try #require(opened.body.split(separator: "\"").dropFirst(3).first.map(String.init))
      let target = "/socket.io/?EIO=4&transport=polling&sid=\(sid)"
      poller.write("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
      let poster = try #require(SocketClient(port: port))
      #expect(poster.request("POST", target, body: "40")?.body == "ok")
      #expect(poller.response()?.body.hasPrefix("40{") == true)
      #expect(poller.isClosed())
    }
  }

  /// The client leaves while its session is being looked for, and asks again: one answer, and nothing stays behind.
  @Test func whoAsksTwiceAtOnceIsAnsweredOnce() async throws {
    try await TestGateway.withServer { server, port in
      let client = try #require(SocketClient(port: port))
      _ = client.upgrade("/socket.io/?EIO=4&transport=websocket")
      _ = client.text()
      client.batch(["40{\"pid\":\"nobody\",\"offset\":\"\"}", "41", "40{\"agent\":\"ada\"}"])
      #expect(client.text()?.hasPrefix("40{") == true)
      try Self.expectNothingElse(client)
      #expect(server.users.count == 1)
      #expect(await server.kick(try #require(await server.sockets().first).id, reason: "test"))
      #expect(server.users.count == 0)
    }
  }

  @Test func roomsOfASessionWhoseClientLeavesAtOnceAreNotKept() async throws {
    try await TestGateway.withServer { server, port in
      let (auth, _) = try await Self.drop(server, port)
      let client = try #require(SocketClient(port: port))
      _ = client.upgrade("/socket.io/?EIO=4&transport=websocket")
      _ = client.text()
      client.batch(["40\(auth)}", "41"])
      #expect(await eventually { server.context.recovery?.standing.count == 0 })
      client.send("40")
      #expect(client.text()?.hasPrefix("40{") == true)
      try Self.expectNothingElse(client)
      #expect(server.context.sequencer.roomCount == 0)
    }
  }

  /// Asks often enough that what another task was about to say has been said.
  private static func expectNothingElse(_ client: SocketClient) throws {
    for number in 0..<100 {
      client.send("42\(number)[\"echo\",1]")
      try #require(client.text() == "43\(number)[1]")
    }
  }

  /// A connected socket in `task:t` is lost: what it comes back with, and its id.
  static func drop(_ server: GatewayServer, _ port: Int, token: String? = nil) async throws -> (String, String) {
    let credential = token.map { "\"token\":\"\($0)\"" }
    let (client, greeting) = try #require(SocketClient.socket(port: port, auth: credential.map { "{\($0)}" } ?? ""))
    let parts = greeting.split(separator: "\"").map(String.init)
    client.send("421[\"subscribe-task\",\"t\"]")
    #expect(client.text() == "431[{\"ok\":true}]")
    server.publish(room: "task:t", event: "e", json: "1")
    let offset = String(try #require(client.text()?.dropLast(2).split(separator: "\"").last))
    shutdown(client.descriptor, Int32(SHUT_RDWR))
    #expect(await eventually { server.audience("task:t") == 0 })
    return ("{\"pid\":\"\(parts[7])\",\"offset\":\"\(offset)\"", parts[3])
  }

  /// Row: the rooms of the token it comes back with, and whether it is the same session.
  @Test(arguments: [(["task:*"], true), (["task:other"], false)])
  func aNarrowerTokenDoesNotComeBackToOtherRooms(_ rooms: [String], _ isSame: Bool) async throws {
    let tests = GatewayProductTests()
    let (wide, narrow) = (try await tests.token(), try await tests.token(rooms: rooms))
    try await TestGateway.withServer(access: AccessSettings(jwtSecret: Secret(GatewayProductTests.secret))) {
      server, port in
      let (auth, sid) = try await Self.drop(server, port, token: wide)
      let (client, greeting) = try #require(
        SocketClient.socket(port: port, auth: auth + ",\"token\":\"\(narrow)\"}"))
      #expect(greeting.contains(sid) == isSame)
      server.publish(room: "task:t", event: "secret", json: "2")
      // The loops answer behind what was posted to them before.
      _ = await server.sockets()
      client.send("421[\"echo\",1]")
      var heard: [String] = []
      while heard.last != "431[1]", let text = client.text() { heard.append(text) }
      #expect(heard.contains { $0.contains("secret") } == isSame, "\(heard)")
      #expect(server.audience("task:t") == (isSame ? 1 : 0))
    }
  }

  /// One letter may carry any number of accents.
  @Test func aNameIsCutByItsCodePoints() async throws {
    try await TestGateway.withServer { server, port in
      let name = "e" + String(repeating: "\u{301}", count: 50_000)
      let (client, _) = try #require(SocketClient.socket(port: port, auth: "{\"agent\":\"\(name)\",\"user\":\"ada\"}"))
      let record = try #require(await server.sockets().first)
      #expect(record.agent?.unicodeScalars.count == 128)
      client.send("421[\"echo\",1]")
      #expect(client.text() == "431[1]")
    }
  }

  /// What waits for a hook is bounded for each client; the others are refused and know it.
  @Test func publicationsThatWaitForAHookAreBounded() async throws {
    let (gate, open) = AsyncStream<Void>.makeStream()
    try await TestGateway.withServer(
      beforeDelivery: { _, _, _ in for await _ in gate {} }, change: { $0.publishRate = 0 }
    ) { server, port in
      let (client, _) = try #require(SocketClient.socket(port: port))
      let count = HookQueue.clientMax + 40
      client.batch(
        (0..<count).map { "42\($0)[\"publish\",{\"room\":\"project:p\",\"event\":\"file-changed\",\"data\":{}}]" })
      for _ in 0..<40 { try #require(client.text()?.contains("too many publications wait") == true) }
      open.finish()
      for _ in 0..<HookQueue.clientMax { #expect(client.text()?.contains("{\"ok\":true}") == true) }
    }
  }

  /// Bytes that wait for a client that does not read are the gateway's to see and to bound, not the kernel's to hide.
  @Test func whatAStalledClientLeavesWaitsHereAndNotInTheKernel() async throws {
    try await TestGateway.withServer { server, port in
      let stalled = try #require(SocketClient(port: port, receiveBuffer: 4_096))
      #expect(stalled.upgrade("/ws")?.status == 101)
      stalled.send("{\"event\":\"subscribe-task\",\"data\":\"t\",\"id\":1}")
      _ = stalled.text()
      let payload = "\"" + String(repeating: "x", count: 10_000) + "\""
      for number in 0..<70 {
        server.publish(room: "task:t", event: "n\(number)", json: payload)
      }
      #expect(await eventually { server.snapshot().slow == 1 }, "\(server.snapshot().queuedBytes) bytes wait")
      #expect(await server.sockets().first?.state == .slow)
    }
  }

  /// What is left of a large event may be less than half of the queue, and the next one does not fit all the same.
  @Test func whoLosesEventsIsSlowHoweverLittleWaits() async throws {
    @Sendable func json(_ count: Int) -> String { "\"" + String(repeating: "x", count: count) + "\"" }
    try await TestGateway.withServer(change: { $0.queueBytesMax = 300_000 }) { server, port in
      let stalled = try #require(SocketClient(port: port, receiveBuffer: 4_096))
      #expect(stalled.upgrade("/ws")?.status == 101)
      stalled.send("{\"event\":\"subscribe-task\",\"data\":\"t\",\"id\":1}")
      _ = stalled.text()
      let (small, large) = (json(100_000), json(290_000))
      server.publish(room: "task:t", event: "first", json: small)
      #expect(await eventually { server.snapshot().queuedBytes > 0 })
      #expect(server.snapshot().slow == 0, "\(server.snapshot().queuedBytes) bytes wait")
      server.publish(room: "task:t", event: "second", json: large)
      #expect(await eventually { server.snapshot().slow == 1 }, "\(server.snapshot().queuedBytes) bytes wait")
      #expect(await server.sockets().first?.state == .slow)
      #expect(server.snapshot().queuedBytes <= 150_000)
    }
  }

  @Test func whoWaitsForAPortHearsThatThereWillBeNone() async throws {
    try await TestGateway.withServer { server, port in
      var options = GatewayOptions()
      options.port = port
      let second = try GatewayServer(
        options: options, node: GatewayNode(id: .random(), version: "test"),
        authenticator: try await Authenticator(settings: AccessSettings()), logger: TestGateway.quiet)
      let isOver = Atomic(false)
      let waiting = Task {
        await #expect(throws: CancellationError.self) { try await second.listeningPort() }
        isOver.store(true, ordering: .releasing)
      }
      await #expect(throws: Failure.self) { try await second.run() }
      #expect(await eventually { isOver.load(ordering: .acquiring) })
      waiting.cancel()
    }
  }

  @Test func sessionsAndBroadcastsLiveAsLongAsTheSettingSays() {
    var options = GatewayOptions()
    #expect(options.recoveryLimits?.lifeNanoseconds == 660_000_000_000)
    options.recoveryDuration = .seconds(3_600)
    #expect(options.recoveryLimits?.lifeNanoseconds == 3_660_000_000_000)
    #expect(options.history.ageNanoseconds == 3_900_000_000_000)
    options.isRecovering = false
    #expect(options.recoveryLimits == nil)
  }

  @Test func whatComesFromOutsideIsPreparedLikeWhatClientsPublish() async throws {
    let seen = Collected<String>()
    try await TestGateway.withServer(beforeDelivery: { room, event, json in seen.append("\(room) \(event) \(json)") }) {
      server, port in
      await server.prepare(rooms: ["project:p"], event: "file-changed", json: "{\"paths\":[]}")
      await server.prepare(rooms: ["project:p"], event: "another", json: nil)
      #expect(seen.values == ["project:p file-changed {\"paths\":[]}"])
    }
  }

  // MARK: Several rooms

  @Test func aMemberOfSeveralRoomsGetsAnEventForAllOfThemOnce() async throws {
    try await TestGateway.withServer { server, port in
      var clients: [SocketClient] = []
      for rooms in [["a", "b"], ["b"], ["c"]] {
        let (client, _) = try #require(SocketClient.socket(port: port))
        for room in rooms {
          client.send("421[\"subscribe-task\",\"\(room)\"]")
          #expect(client.text() == "431[{\"ok\":true}]")
        }
        clients.append(client)
      }
      let rooms = ["task:a", "task:b"]
      #expect(await server.audience(ofCluster: rooms).sockets == 2)
      _ = server.publish(rooms: rooms, event: "e", json: "1")
      async let asked = server.ask(rooms: rooms, event: "q", json: nil, within: .seconds(20))
      for client in clients.prefix(2) {
        #expect(client.text()?.hasPrefix("42[\"e\",1,") == true)
        let question = try #require(client.text())
        #expect(question.hasSuffix("[\"q\",null]"))
        client.send("43\(question.dropFirst(2).prefix { $0 != "[" })[]")
      }
      let answers = await asked
      #expect(answers.asked == 2 && answers.isComplete)
      for client in clients {
        client.send("429[\"echo\",9]")
        #expect(client.text() == "439[9]")
      }
    }
  }

  @Test func aSocketsOwnIdIsCountedAsARoom() async throws {
    try await TestGateway.withServer { server, port in
      let (client, greeting) = try #require(SocketClient.socket(port: port))
      let sid = String(greeting.split(separator: "\"")[3])
      #expect(await server.audience(ofCluster: [sid]).sockets == 1)
      client.send("421[\"echo\",1]")
      #expect(client.text() == "431[1]")
    }
  }

  // MARK: Numbers of foreign servers

  /// However many foreign servers come, the numbers of each only grow: a client that comes back asks for what is above.
  @Test func numbersOfForeignServersNeverGoBack() throws {
    let seats = [try LoopSeat(index: 0)]
    let sequencer = Sequencer(
      node: "node", mailboxes: seats.map(\.mailbox), adapter: LocalAdapter(), history: BroadcastLog())
    func hear(_ origin: String, _ event: String) {
      let emission = Emission(rooms: ["r"], event: event, arguments: Array("[\"\(event)\"]".utf8))
      sequencer.emit(emission, remote: RemoteBroadcast(emission: emission, originID: origin, originSequence: nil))
    }
    for _ in 0..<3 { hear("first", "old") }
    let offset = String(decoding: sequencer.currentOffset, as: UTF8.self)
    for number in 0..<Sequencer.foreignMax { hear("other-\(number)", "other") }
    hear("first", "new")
    let missed = sequencer.missed(namespace: "/", rooms: ["r"], since: offset, covered: [:]) { $0 }
    #expect(missed?.filter { $0.emission.event == "new" }.count == 1)
    #expect(missed?.contains { $0.emission.event == "old" } == false)
  }

  /// A node that speaks all the time is not forgotten for those that came and went.
  @Test func theInboxForgetsWhoeverWasSilentLongest() {
    var inbox = ClusterInbox()
    for number in 0..<UInt64(2 * ClusterInbox.originsMax) {
      let (isSteady, isPassing) = (inbox.admit("steady", number + 1), inbox.admit("passing-\(number)", 1))
      #expect(isSteady && isPassing)
    }
    #expect(inbox.reached["steady"] == UInt64(2 * ClusterInbox.originsMax))
    #expect(inbox.reached.count == ClusterInbox.originsMax)
    #expect(inbox.reached["passing-0"] == nil)
  }
}
