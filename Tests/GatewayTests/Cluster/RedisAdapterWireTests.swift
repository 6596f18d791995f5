import SocketProtocol
import TestKit
import Testing

/// Bytes as the programs themselves produce them: notepack.io 3 for Node, msgpack 1 for Python.
@Suite struct RedisAdapterWireTests {
  @Test func channelsAreThoseOfTheNodeAdapter() {
    let channels = RedisAdapterChannels(key: "socket.io", namespace: "/admin")
    #expect(channels.channel(rooms: []) == "socket.io#/admin#")
    #expect(channels.channel(rooms: ["a"]) == "socket.io#/admin#a#")
    #expect(channels.channel(rooms: ["a", "b"]) == "socket.io#/admin#")
    #expect(channels.requests == "socket.io-request#/admin#")
    #expect(channels.responses(to: "u") == "socket.io-response#/admin#u#")
  }

  @Test func aBroadcastIsWrittenAsNodeReadsIt() throws {
    let broadcast = AdapterBroadcast(
      uid: "abcdef", namespace: "/", event: "hi", arguments: Array(#"["hi",1]"#.utf8), rooms: ["r"], except: ["x"],
      isVolatile: true, stamp: .init(sequence: 300, previous: 7, kind: .agentThought(agent: "a"), priority: 9))
    let expected: [UInt8] =
      [0x94, 0xA6] + Array("abcdef".utf8)
      + [0x83, 0xA4] + Array("type".utf8) + [2, 0xA4] + Array("data".utf8) + [0x92, 0xA2] + Array("hi".utf8)
      + [1, 0xA3] + Array("nsp".utf8) + [0xA1, 0x2F]
      + [0x83, 0xA5] + Array("rooms".utf8) + [0x91, 0xA1, 0x72, 0xA6] + Array("except".utf8)
      + [0x91, 0xA1, 0x78, 0xA5] + Array("flags".utf8) + [0x81, 0xA8] + Array("volatile".utf8) + [0xC3]
      + [0x96, 1, 0xCD, 0x01, 0x2C, 7, 1, 0xA1, 0x61, 9]
    #expect(try broadcast.encoded() == expected)
    #expect(try AdapterBroadcast(decoding: expected) == broadcast)
  }

  @Test func pythonsEmitterWithEmptyStringsForNothingIsUnderstood() throws {
    var writer = MessagePackWriter()
    writer.array(3)
    writer.string("emitter")
    writer.map(3)
    writer.string("data")
    writer.strings(["news", "text"])
    writer.string("type")
    writer.integer(2)
    writer.string("nsp")
    writer.string("/")
    writer.map(2)
    writer.string("flags")
    writer.string("")
    writer.string("rooms")
    writer.string("")
    let broadcast = try AdapterBroadcast(decoding: writer.bytes)
    #expect(broadcast.rooms == [] && broadcast.except == [] && broadcast.stamp == nil)
    #expect(broadcast.event == "news" && String(decoding: broadcast.arguments, as: UTF8.self) == #"["news","text"]"#)
  }

  @Test func fourthElementsOfOthersAreIgnored() throws {
    let plain = AdapterBroadcast(
      uid: "u", namespace: "/", event: "e", arguments: Array(#"["e"]"#.utf8))
    var bytes = try plain.encoded()
    bytes[0] = 0x95
    bytes += [0xA1, 0x7A, 0xC0]
    #expect(try AdapterBroadcast(decoding: bytes) == plain)
  }

  @Test func acknowledgementsAndNamelessEventsAreNoBroadcasts() throws {
    for packet in [[0x81, 0xA4] + Array("type".utf8) + [3], [0x80]] as [[UInt8]] {
      #expect(throws: MessagePackError.self) { try AdapterBroadcast(decoding: [0x93, 0xA1, 0x75] + packet + [0x80]) }
    }
  }

  @Test func requestsOfNodeAreUnderstoodInJSONAndMessagePack() throws {
    let json = #"{"uid":"u1","type":2,"opts":{"rooms":["a"],"except":["b"]},"rooms":["c","d"]}"#
    let join = try AdapterRequest(decoding: Array(json.utf8))
    #expect(join.kind == .remoteJoin && join.selection == ["a"] && join.except == ["b"] && join.rooms == ["c", "d"])
    let old = #"{"requestId":"q","type":3,"sid":"s","room":"r"}"#
    let leave = try AdapterRequest(decoding: Array(old.utf8))
    #expect(leave.kind == .remoteLeave && leave.selection == ["s"] && leave.rooms == ["r"] && leave.requestID == "q")
    var packed = MessagePackWriter()
    let withAck =
      #"{"uid":"u","requestId":"q","type":7,"packet":{"type":2,"data":["e",1],"nsp":"/"},"#
      + #""opts":{"rooms":["r"],"except":[],"flags":{"timeout":500}}}"#
    try MessagePackJSON.pack(Array(withAck.utf8), into: &packed)
    let broadcast = try AdapterRequest(decoding: packed.bytes)
    #expect(broadcast.kind == .broadcast && broadcast.event == "e" && broadcast.selection == ["r"])
    #expect(throws: MessagePackError.self) { try AdapterRequest(decoding: Array(#"{"type":99}"#.utf8)) }
  }

  @Test func ownRequestsComeBackAsTheyWere() throws {
    for kind in [AdapterRequest.Kind.allRooms, .remoteJoin, .remoteLeave, .remoteDisconnect, .remoteFetch] {
      var request = AdapterRequest(kind: kind)
      (request.uid, request.requestID) = ("n\"1", "q")
      if kind != .allRooms { (request.selection, request.except) = (["a", "ä"], ["x"]) }
      if kind == .remoteJoin || kind == .remoteLeave { request.rooms = ["r"] }
      request.closesTransport = kind == .remoteDisconnect
      #expect(try AdapterRequest(decoding: request.encoded()) == request)
    }
  }

  @Test(arguments: [
    AdapterResponse.Content.done, .rooms(["a", "b"]), .socketIDs(["s1"]), .clientCount(3),
    .sockets([.init(id: "s", rooms: ["s", "r"], handshake: Array(#"{"secure":false}"#.utf8), data: Array("[1]".utf8))]),
    .acknowledgement(Array(#"{"ok":{"_placeholder":true,"num":0}}"#.utf8), attachments: [[1, 2]]),
  ])
  func responsesComeBackAsTheyWere(content: AdapterResponse.Content) throws {
    let response = AdapterResponse(requestID: "q1", content)
    #expect(try AdapterResponse(decoding: response.encoded()) == response)
  }

  @Test func vectorsComeBackAndForgeriesAreRefused() throws {
    var vector = OffsetVector()
    vector.advance("n1", to: 35)
    vector.advance("n2", to: 36)
    vector.advance("n1", to: 12)
    #expect(String(decoding: vector.encoded, as: UTF8.self) == "n2.10~n1.z")
    #expect(OffsetVector("n2.10~n1.z") == vector)
    #expect(OffsetVector("") == OffsetVector())
    for forged in ["n1", "n1.", ".1", "n1.1~", "n1.1~n1.2", "n1.-1", "n1.zzzzzzzzzzzzzz", "n 1.1", "n1.1.2", "n1.Z"] {
      #expect(OffsetVector(forged) == nil, "\(forged)")
    }
    for number in 0..<100 { vector.advance("m\(number)", to: 1) }
    #expect(vector.entries.count == OffsetVector.originsMax && vector["m99"] == 1 && vector["n1"] == nil)
  }
}
