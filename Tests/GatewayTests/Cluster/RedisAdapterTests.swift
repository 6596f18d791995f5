import Base
import RedisLink
import SocketProtocol
import Synchronization
import TestKit
import Testing

@testable import Gateway

/// Adapters of two nodes against a real redis-server.
@Suite struct RedisAdapterTests {
  private func pair(_ url: String) async throws -> (ClusterNode, ClusterNode) {
    let (one, other) = (try ClusterNode("node-1", url), try ClusterNode("node-2", url))
    #expect(await one.joined())
    #expect(await other.joined())
    return (one, other)
  }

  @Test func broadcastsArriveInOrderOnceAndNotAtHome() async throws {
    let redis = try await RedisProcess()
    let (one, other) = try await pair(redis.url)
    #expect(await one.hears("a"))
    #expect(await other.hears("a", "b"))
    var expected: [String] = []
    for number in 0..<500 {
      let rooms = [["a"], ["b"], [], ["a", "b"], ["nobody"]][number % 5]
      one.emit("e\(number)", to: rooms, isVolatile: number.isMultiple(of: 7))
      if rooms != ["nobody"] { expected.append("e\(number)") }
    }
    #expect(await eventually { other.heard.count >= expected.count })
    #expect(other.heard == expected)
    #expect(one.heard.isEmpty)
    // Counted when Redis has answered, a moment after the others have heard.
    #expect(await eventually { one.adapter.state.published == 500 })
    let last = other.delegate.heard.values.last
    #expect(last?.originID == "node-1" && last?.originSequence == 499)
    #expect(last?.emission.arguments == Array(#"["e498",{"n":1}]"#.utf8))
    await one.stop()
    await other.stop()
  }

  @Test func peersKnowOneAnotherUntilTheyLeave() async throws {
    let redis = try await RedisProcess()
    let (one, other) = try await pair(redis.url)
    #expect(await eventually { one.adapter.state.peers.map(\.node) == ["node-2"] })
    let peer = one.adapter.state.peers.first
    #expect(peer?.version == "1.0" && peer?.sockets == 7)
    #expect(await one.adapter.serverCount(namespace: "/") == 2)
    await other.stop()
    #expect(await eventually { one.adapter.state.peers.isEmpty })
    await one.stop()
  }

  /// The receiver is cut off while the other speaks; what it missed comes from the log, before what comes live.
  @Test func aGapOfTheReceiverIsHealedFromTheLog() async throws {
    let redis = try await RedisProcess()
    let proxy = try RedisProxy(to: redis.port)
    let one = try ClusterNode("node-1", redis.url)
    let other = try ClusterNode("node-2", proxy.url)
    #expect(await one.joined())
    #expect(await other.joined())
    #expect(await other.hears("a"))
    one.emit("before", to: ["a"])
    #expect(await eventually { other.heard == ["before"] })
    proxy.set(.hangUp)
    #expect(await eventually { other.adapter.state.link == .lost })
    #expect(other.adapter.state.reason?.contains("Redis") == true)
    for number in 0..<1_200 { one.emit("e\(number)", to: number.isMultiple(of: 3) ? ["b"] : ["a"]) }
    #expect(await eventually { one.adapter.state.published == 1_201 })
    proxy.set(.relay)
    let expected = ["before"] + (0..<1_200).filter { !$0.isMultiple(of: 3) }.map { "e\($0)" }
    #expect(await eventually { other.heard.count >= expected.count })
    one.emit("after", to: ["a"])
    #expect(await eventually { other.heard.last == "after" })
    #expect(other.heard == expected + ["after"])
    #expect(other.adapter.state.healed == 800 && other.delegate.resyncs.count == 0)
    await one.stop()
    await other.stop()
  }

  /// The speaker is cut off in the middle of its publications: each arrives once all the same.
  @Test func aGapOfTheSpeakerIsClosedWithoutRepetition() async throws {
    let redis = try await RedisProcess()
    let proxy = try RedisProxy(to: redis.port)
    let one = try ClusterNode("node-1", proxy.url)
    let other = try ClusterNode("node-2", redis.url)
    #expect(await one.joined())
    #expect(await other.joined())
    #expect(await other.hears("a"))
    for round in 0..<5 {
      for number in 0..<300 {
        one.emit("\(round)-\(number)", to: ["a"])
        if number == 150 { proxy.dropConnections() }
      }
      #expect(await one.joined())
    }
    let expected = (0..<5).flatMap { round in (0..<300).map { "\(round)-\($0)" } }
    #expect(await eventually { other.heard.count >= expected.count })
    #expect(other.heard == expected)
    await one.stop()
    await other.stop()
  }

  @Test func aRedisThatWasEmptiedLosesNothingRecent() async throws {
    let redis = try await RedisProcess()
    let (one, other) = try await pair(redis.url)
    #expect(await other.hears("a"))
    for number in 0..<50 { one.emit("e\(number)", to: ["a"]) }
    #expect(await eventually { other.heard.count == 50 })
    redis.kill()
    #expect(await eventually { one.adapter.state.link == .lost && other.adapter.state.link == .lost })
    for number in 50..<100 { one.emit("e\(number)", to: ["a"]) }
    try await redis.start()
    #expect(await eventually { other.heard.count >= 100 })
    #expect(other.heard == (0..<100).map { "e\($0)" } && other.delegate.resyncs.count == 0)
    await one.stop()
    await other.stop()
  }

  @Test func whatDoesNotFitWhileRedisIsAwayIsTold() async throws {
    let redis = try await RedisProcess()
    let proxy = try RedisProxy(to: redis.port)
    let one = try ClusterNode("node-1", proxy.url) { $0.outbox.pendingMax = 10 }
    let other = try ClusterNode("node-2", redis.url)
    #expect(await one.joined())
    #expect(await other.joined())
    #expect(await other.hears("a"))
    one.emit("first", to: ["a"])
    #expect(await eventually { other.heard == ["first"] })
    proxy.set(.hangUp)
    #expect(await eventually { one.adapter.state.link == .lost })
    for number in 0..<30 { one.emit("e\(number)", to: ["a"]) }
    proxy.set(.relay)
    #expect(await eventually { other.heard.count == 11 })
    #expect(other.heard == ["first"] + (20..<30).map { "e\($0)" })
    #expect(other.delegate.resyncs.values == ["node-1"] && other.delegate.cuts.values.contains("node-1 21"))
    #expect(one.adapter.state.dropped == 20)
    await one.stop()
    await other.stop()
  }

  @Test func withoutRedisPublishingNeverWaitsAndTheStateSaysWhy() async throws {
    let one = try ClusterNode("node-1", "redis://127.0.0.1:1")
    for number in 0..<1_000 { one.emit("e\(number)", to: ["a"]) }
    #expect(await eventually { one.adapter.state.reason?.contains("127.0.0.1:1") == true })
    #expect(one.adapter.state.link == .connecting && one.adapter.state.since > 0)
    #expect(await one.adapter.recover(pid: "p", offset: "") == nil)
    await one.stop()
  }

  @Test func churnOfRoomsEndsWhereItShould() async throws {
    let redis = try await RedisProcess()
    let (one, other) = try await pair(redis.url)
    for round in 0..<3 {
      for number in 0..<1_000 { other.adapter.roomBecameLocal(namespace: "/", room: "r\(number)") }
      for number in 0..<1_000 where round < 2 || !number.isMultiple(of: 10) {
        other.adapter.roomLeft(namespace: "/", room: "r\(number)")
      }
    }
    #expect(await other.hears("last"))
    #expect(other.adapter.shared.withLock { $0.subscribed.count } == 101)
    for number in 0..<100 { one.emit("e\(number)", to: ["r\(number)"]) }
    #expect(await eventually { other.heard.count == 10 })
    #expect(other.heard == (0..<10).map { "e\($0)0" }.map { $0 == "e00" ? "e0" : $0 })
    await one.stop()
    await other.stop()
  }

  // MARK: Others on the channels

  @Test func aForeignEmitterReachesTheDelegate() async throws {
    let redis = try await RedisProcess()
    let node = try ClusterNode("node-1", redis.url)
    #expect(await node.joined())
    #expect(await node.hears("a"))
    let client = try await RedisConnection.open(RedisURL(redis.url), options: .patient)
    // `emitter.to("a").emit("hi", {…}, Buffer)` as notepack.io writes it.
    let message: [UInt8] =
      [0x93, 0xA7] + Array("emitter".utf8)
      + [0x83, 0xA4] + Array("type".utf8) + [2, 0xA4] + Array("data".utf8) + [0x93, 0xA2] + Array("hi".utf8)
      + [0x81, 0xA1, 0x78, 0xCB, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0] + [0xC4, 2, 7, 8]
      + [0xA3] + Array("nsp".utf8) + [0xA1, 0x2F]
      + [0x83, 0xA5] + Array("rooms".utf8) + [0x91, 0xA1, 0x61, 0xA5] + Array("flags".utf8) + [0x80]
      + [0xA6] + Array("except".utf8) + [0x90]
    let receivers = try await client.send(RedisCommand("PUBLISH", "socket.io#/#a#", .bytes(message)))
    #expect(receivers.integer == 1)
    #expect(await eventually { node.delegate.heard.count == 1 })
    let remote = node.delegate.heard.values.first
    #expect(remote?.originID == "emitter" && remote?.originSequence == nil)
    #expect(remote?.emission.arguments == Array(#"["hi",{"x":1.5},{"_placeholder":true,"num":0}]"#.utf8))
    #expect(remote?.emission.attachments == [[7, 8]] && remote?.emission.rooms == ["a"])
    await node.stop()
  }

  @Test func garbageIsCountedAndDoesNoHarm() async throws {
    let redis = try await RedisProcess()
    let (one, other) = try await pair(redis.url)
    #expect(await other.hears("a"))
    let client = try await RedisConnection.open(RedisURL(redis.url), options: .patient)
    var random = SeededRandom()
    let names = ["socket.io#/#a#", "socket.io#/#", "socket.io-request#/#", "signalbox:gateway:peers"]
    for number in 0..<200 {
      var bytes = random.bytes(Int.random(in: 0...200, using: &random))
      if number.isMultiple(of: 3) { bytes = Array("{\"type\":".utf8) + bytes }
      let channel = RedisCommand.Argument.text(names[number % names.count])
      _ = try await client.send(RedisCommand("PUBLISH", channel, .bytes(bytes)))
    }
    one.emit("after", to: ["a"])
    #expect(await eventually { other.heard.contains("after") }, "\(random)")
    #expect(await eventually { other.adapter.state.malformed >= 150 }, "\(random)")
    #expect(other.adapter.state.link == .connected)
    await one.stop()
    await other.stop()
  }

  @Test func requestsOfOthersAreAnswered() async throws {
    let redis = try await RedisProcess()
    let node = try ClusterNode("node-1", redis.url)
    #expect(await node.joined())
    let answers = Collected<AdapterResponse>()
    let listener = try await RedisConnection.open(RedisURL(redis.url), options: .patient) { push in
      if let bytes = push.payload.bytes, let response = try? AdapterResponse(decoding: bytes) {
        answers.append(response)
      }
    }
    _ = try await listener.send([RedisCommand("SUBSCRIBE", "socket.io-response#/#")])
    let client = try await RedisConnection.open(RedisURL(redis.url), options: .patient)
    for json in [
      #"{"uid":"x","type":2,"opts":{"rooms":["a"],"except":[]},"rooms":["b"]}"#,
      #"{"uid":"x","type":3,"opts":{"rooms":["a"],"except":[]},"rooms":["b"]}"#,
      #"{"uid":"x","type":4,"opts":{"rooms":["a"],"except":[]},"close":true}"#,
      #"{"uid":"x","requestId":"q1","type":2,"sid":"s1","room":"b"}"#,
      #"{"uid":"x","requestId":"q2","type":5,"opts":{"rooms":["r"],"except":[]}}"#,
      #"{"uid":"x","requestId":"q3","type":1}"#, #"{"uid":"x","requestId":"q4","type":0,"rooms":["r"]}"#,
      #"{"uid":"x","requestId":"q5","type":6,"data":["e"]}"#,
      #"{"uid":"x","requestId":"q6","type":7,"packet":{"type":2,"data":["e"],"nsp":"/"},"#
        + #""opts":{"rooms":[],"flags":{"timeout":700}}}"#,
      #"{"uid":"x","requestId":"q7","type":100,"opts":{"rooms":["room"]}}"#,
    ] {
      _ = try await client.send(RedisCommand("PUBLISH", "socket.io-request#/#", .bytes(Array(json.utf8))))
    }
    #expect(await eventually { answers.count == 7 })
    let socket = AdapterResponse.Socket(
      id: "s1", rooms: ["s1", "r"], handshake: Array(#"{"secure":false}"#.utf8), data: Array("{}".utf8))
    // They wait side by side: who answers first is open.
    #expect(
      answers.values.sorted { "\($0)" < "\($1)" } == [
        AdapterResponse(requestID: "q1", .done), AdapterResponse(requestID: "q2", .sockets([socket])),
        AdapterResponse(requestID: "q3", .rooms(["r", "q"])), AdapterResponse(requestID: "q4", .socketIDs(["s1"])),
        AdapterResponse(requestID: "q6", .acknowledgement(Array(#"{"ok":true}"#.utf8), attachments: [])),
        AdapterResponse(requestID: "q6", .clientCount(1)), AdapterResponse(requestID: "q7", .clientCount(4)),
      ])
    #expect(
      node.delegate.asked.values == [
        #"join ["a"] ["b"]"#, #"leave ["a"] ["b"]"#, #"disconnect ["a"] true"#, #"join ["s1"] ["b"]"#,
        #"fetch ["r"]"#, #"fetch ["r"]"#, "ack e 0.7 seconds",
      ])
    await node.stop()
  }

  @Test func oneNodeAsksAnother() async throws {
    let redis = try await RedisProcess()
    let (one, other) = try await pair(redis.url)
    let sockets = await one.adapter.remoteSockets(SocketSelection(namespace: "/", rooms: ["r"], except: []))
    #expect(sockets.map(\.id) == ["s1"] && sockets.first?.dataJSON == Array("{}".utf8))
    #expect(await one.adapter.remoteRooms(namespace: "/") == ["r", "q"])
    let everybody = SocketSelection(namespace: "/", rooms: [], except: [])
    #expect(one.adapter.command(.disconnect(everybody, closesTransport: false)))
    #expect(await eventually { other.delegate.asked.values.last == "disconnect [] false" })
    #expect(one.delegate.asked.count == 0)
    await one.stop()
    await other.stop()
  }

  // MARK: Coming back elsewhere

  /// The node dies without a word; the client comes back to the other, which had no member of its room.
  @Test func aSessionIsRecoveredOnAnotherNodeWithWhatItMissed() async throws {
    let redis = try await RedisProcess()
    var one: ClusterNode? = try ClusterNode("node-1", redis.url)
    let (other, third) = (try ClusterNode("node-2", redis.url), try ClusterNode("node-3", redis.url))
    for node in [one, other, third] { #expect(await node?.joined() == true) }
    let session = RecoveryTests.session("secret")
    one?.adapter.saveSession(session)
    var log = BroadcastLog()
    for sequence in 1...2 as ClosedRange<UInt64> {
      one?.emit("seen\(sequence)", to: ["r"])
      third.emit("too", to: ["r"])
      log.advance(origin: "node-1", to: sequence)
      log.advance(origin: "node-3", to: sequence)
    }
    for name in ["r", "ä", "q"] { one?.emit("one \(name)", to: [name]) }
    third.emit("three", to: ["r"])
    let asOffset = String(decoding: log.currentOffset, as: UTF8.self)
    #expect(await eventually { one?.adapter.state.published == 5 && third.adapter.state.published == 3 })
    let client = try await RedisConnection.open(RedisURL(redis.url), options: .patient)
    let stored = RedisCommand("HEXISTS", "signalbox:gateway:sessions:node-1", "secret")
    #expect(try await eventually { try await client.send(stored).integer == 1 })
    one = nil
    let recovered = await other.adapter.recover(pid: "secret", offset: asOffset)
    #expect(recovered?.session == session)
    #expect(recovered?.older.map(\.emission.event).sorted() == ["one r", "one ä", "three"])
    #expect(recovered?.covered == ["node-1": 5, "node-3": 3])
    third.emit("live", to: ["r"])
    #expect(await eventually { other.heard.contains("live") })
    #expect(await other.adapter.recover(pid: "secret", offset: asOffset) == nil)
    await other.stop()
    await third.stop()
  }

  /// What the throttle holds for a client is in the last record, which may be written when the client is elsewhere.
  @Test func aClientThatIsEarlyIsGivenWhatItsNodeSaysWhenItHasGone() async throws {
    let redis = try await RedisProcess()
    let one = try ClusterNode("node-1", redis.url)
    let other = try ClusterNode("node-2", redis.url) {
      $0.farewellPauses = Array(repeating: .milliseconds(10), count: 2_000)
    }
    for node in [one, other] { #expect(await node.joined()) }
    var session = RecoveryTests.session("early")
    let last = session
    (session.droppedAtMilliseconds, session.rooms) = (nil, ["r"])
    one.adapter.saveSession(session)
    let client = try await RedisConnection.open(RedisURL(redis.url), options: .patient)
    let stored = RedisCommand("HEXISTS", "signalbox:gateway:sessions:node-1", "early")
    #expect(try await eventually { try await client.send(stored).integer == 1 })
    async let recovered = other.adapter.recover(pid: "early", offset: "node-1.1")
    try await Task.sleep(for: .milliseconds(100))
    one.adapter.saveSession(last)
    let found = await recovered
    #expect(found?.session == last)
    await one.stop()
    await other.stop()
  }

  /// A killed node says nothing any more.
  @Test func aClientWhoseNodeSaysNothingIsWaitedForAMoment() async throws {
    let redis = try await RedisProcess()
    let (one, other) = try await pair(redis.url)
    var session = RecoveryTests.session("left")
    session.droppedAtMilliseconds = nil
    one.adapter.saveSession(session)
    #expect(await eventually { await other.adapter.recover(pid: "left", offset: "node-1.1")?.session == session })
    await one.stop()
    await other.stop()
  }

  /// A node that noticed late that its client had gone writes a session that another node has continued meanwhile.
  @Test func ofTwoRecordsOfASessionTheNewerCounts() async throws {
    let redis = try await RedisProcess()
    let (one, other) = try await pair(redis.url)
    let pids = (0..<12).map { "p\($0)" }
    for (number, pid) in pids.enumerated() {
      for (node, dropped) in zip([one, other], number.isMultiple(of: 2) ? [1, 2] : [2, 1]) {
        var session = RecoveryTests.session(pid)
        (session.rooms, session.droppedAtMilliseconds) = (["\(dropped)"], Int64(dropped))
        node.adapter.saveSession(session)
      }
    }
    let client = try await RedisConnection.open(RedisURL(redis.url), options: .patient)
    for node in ["node-1", "node-2"] {
      let count = RedisCommand("HLEN", .text("signalbox:gateway:sessions:\(node)"))
      #expect(try await eventually { try await client.send(count).integer == 12 })
    }
    for pid in pids { #expect(await other.adapter.recover(pid: pid, offset: "")?.session.rooms == ["2"]) }
    for pid in pids { #expect(await one.adapter.recover(pid: pid, offset: "") == nil, "nothing of it is left") }
    await one.stop()
    await other.stop()
  }

  @Test func aSessionIsNotRecoveredFromALogThatBeginsTooLate() async throws {
    let redis = try await RedisProcess()
    let (one, other) = try await pair(redis.url)
    for number in 0..<10 { one.emit("e\(number)", to: ["r"]) }
    for pid in ["p1", "p2"] { one.adapter.saveSession(RecoveryTests.session(pid)) }
    let client = try await RedisConnection.open(RedisURL(redis.url), options: .patient)
    let count = RedisCommand("HLEN", "signalbox:gateway:sessions:node-1")
    #expect(try await eventually { try await client.send(count).integer == 2 })
    #expect(await eventually { one.adapter.state.published == 10 })
    _ = try await client.send(RedisCommand("XTRIM", "signalbox:gateway:log:node-1", "MINID", "6-0"))
    #expect(await other.adapter.recover(pid: "p1", offset: "node-1.3") == nil)
    #expect(await other.adapter.recover(pid: "p2", offset: "node-1.5")?.older.count == 5)
    await one.stop()
    await other.stop()
  }
}
