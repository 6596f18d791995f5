import SocketProtocol
import TestKit
import Testing

@Suite struct PacketTests {
  private func decode(_ text: String) throws -> SocketIOPacket { try SocketIOPacket.decode(Array(text.utf8).span) }

  private func slice(_ text: String, _ range: Range<Int>) -> String {
    String(decoding: Array(text.utf8)[range], as: UTF8.self)
  }

  @Test func anEventsPartsAreFound() throws {
    let text = "51-/admin,12[\"file\", {\"_placeholder\":true,\"num\":0}]"
    let packet = try decode(text)
    #expect(packet.kind == .binaryEvent && packet.attachments == 1 && packet.acknowledgementID == 12)
    #expect(slice(text, packet.namespace) == "/admin" && slice(text, packet.eventName) == "\"file\"")
    #expect(slice(text, packet.payload) == "[\"file\", {\"_placeholder\":true,\"num\":0}]")
  }

  @Test(arguments: [
    "0", "0{\"token\":\"123\"}", "0/custom", "0/custom,", "1", "1/custom,", "2[\"a\"]", "3789[]", "50-[\"a\"]",
  ])
  func packetsOfTheProtocolAreRead(text: String) throws { _ = try decode(text) }

  @Test(arguments: [
    "", "abc", "7", "2", "2{}", "2abc[\"a\"]", "2[]", "2[1]", "2[\"connect\"]", "2[\"disconnect\"]", "2[\"a\"",
    "2[\"a\",]",
    "2[\"a\"]x", "3[]", "31{}", "0[]", "01{}", "1{}", "5[\"a\"]", "5-[\"a\"]", "5999-[\"a\"]",
    "29007199254740992[\"a\"]",
    "51-[\"a\",{\"_placeholder\":true,\"num\":1}]", "51-[\"a\",{\"num\":0.5,\"_placeholder\":true}]", "4", "41",
  ])
  func whatIsNoPacketIsRefused(text: String) {
    #expect(throws: SocketProtocolError.self) { try decode(text) }
  }

  @Test func attachmentsAreGatheredInOrderAndBounded() throws {
    var decoder = SocketIODecoder()
    var limits = SocketIOPacket.Limits()
    limits.attachmentBytesMax = 5
    let text = Array("52-[\"a\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]".utf8)
    #expect(throws: SocketProtocolError.attachmentWithoutPacket) { try decoder.binary([1].span, limits: limits) }
    let first = try decoder.text(text.span, limits: limits)
    #expect(first == .needsAttachments)
    #expect(throws: SocketProtocolError.textInsideAttachments) { try decoder.text(text.span, limits: limits) }
    let half = try decoder.binary([1, 2].span, limits: limits)
    #expect(half == nil)
    let whole = try decoder.binary([3, 4, 5].span, limits: limits)
    let packet = try #require(whole)
    #expect(packet.attachments == [[1, 2], [3, 4, 5]] && packet.text == text && !decoder.isGathering)
    _ = try decoder.text(text.span, limits: limits)
    #expect(throws: SocketProtocolError.attachmentsTooLarge) {
      try decoder.binary([1, 2, 3, 4, 5, 6].span, limits: limits)
    }
  }

  @Test func payloadsAreSplitAndBinaryIsBase64() throws {
    let body = Array("4a\u{1E}bAQIDBA==\u{1E}3".utf8)
    var payload = PollingPayload(packetsMax: 3)
    let next: (inout PollingPayload) throws -> PollingPayload.Packet? = { try $0.next(body.span) }
    #expect(try next(&payload) == .text(EngineIOPacket(.message, payload: 1..<2)))
    #expect(try next(&payload) == .binary(4..<12))
    #expect(try next(&payload) == .text(EngineIOPacket(.pong, payload: 14..<14)))
    #expect(try next(&payload) == nil)
    var bytes: [UInt8] = []
    try Base64.decode(Array(body[4..<12]).span, into: &bytes)
    #expect(bytes == [1, 2, 3, 4])
    var short = PollingPayload(packetsMax: 1)
    _ = try short.next(body.span)
    #expect(throws: SocketProtocolError.tooManyPackets) { try short.next(body.span) }
  }

  @Test(arguments: ["abc", "", "4a\u{1E}", "9"])
  func payloadsWithoutPacketsAreRefused(text: String) {
    #expect(throws: SocketProtocolError.enginePacket) {
      var payload = PollingPayload(packetsMax: 10)
      while try payload.next(Array(text.utf8).span) != nil {}
    }
  }

  /// RFC 4648 section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy"),
  ])
  func base64IsThatOfTheStandard(plain: String, coded: String) throws {
    var there: [UInt8] = []
    Base64.append(Array(plain.utf8).span, to: &there)
    var back: [UInt8] = []
    try Base64.decode(there.span, into: &back)
    #expect(there == Array(coded.utf8) && back == Array(plain.utf8))
  }

  @Test(arguments: ["Zg=", "Z===", "====", "Zg==Zg==", "Zm9*", "Z=9v"])
  func whatIsNotBase64IsRefused(text: String) {
    var bytes: [UInt8] = []
    #expect(throws: SocketProtocolError.base64) { try Base64.decode(Array(text.utf8).span, into: &bytes) }
  }

  @Test(arguments: [
    "0", "-0.5e+3", "\"\\u00e9\\n\"", "[]", "{}", "[1,{\"a\":[[],{}]}]", " true ", "\"12345678\\\"90\"",
    "[\"a\\ud800\"]",
  ])
  func jsonIsAccepted(text: String) throws { try JSONScanner.validate(Array(text.utf8).span) }

  @Test(arguments: [
    "", "01", "1.", ".5", "1e", "+1", "tru", "nul", "[1,]", "{,}", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "\"a",
    "\"\\x\"",
    "\"\\u12g4\"", "\"abcdefgh\u{1}\"", "[}", "{]", "1 1", "]", "'a'", "\"\t\"",
  ])
  func whatIsNotJSONIsRefused(text: String) {
    #expect(throws: JSONError.self) { try JSONScanner.validate(Array(text.utf8).span) }
  }

  @Test func depthIsBounded() throws {
    let nested: (Int) -> [UInt8] = {
      Array((String(repeating: "[", count: $0) + String(repeating: "]", count: $0)).utf8)
    }
    try JSONScanner.validate(nested(128).span)
    #expect(throws: JSONError.tooDeep) { try JSONScanner.validate(nested(130).span) }
  }

  @Test func rawMessagesAreRead() throws {
    let text = "{\"id\":7,\"event\":\"echo\",\"data\":{\"a\":[1]},\"x\":null}"
    let message = try RawMessage.decode(Array(text.utf8).span)
    #expect(slice(text, message.event) == "\"echo\"" && slice(text, message.data) == "{\"a\":[1]}")
    #expect(slice(text, message.id) == "7")
    for bad in ["{}", "[]", "{\"event\":1}", "{\"event\":\"a\",\"id\":{}}", "{\"event\":\"a\"} x"] {
      #expect(throws: SocketProtocolError.self) { try RawMessage.decode(Array(bad.utf8).span) }
    }
  }

  @Test func brokenBytesNeverCrashADecoder() {
    SeededRandom.run { random in
      let seeds = [
        "51-/a,12[\"f\",{\"_placeholder\":true,\"num\":0},\"\\u00e9x\",-1.5e3]",
        "{\"event\":\"e\",\"data\":[1],\"id\":7}",
      ]
      for round in 0..<20_000 {
        var bytes = Array(seeds[round % 2].utf8)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
        // Refusals are what is expected here; what counts is that no range leaves the bytes.
        if let packet = try? SocketIOPacket.decode(bytes.span) {
          #expect(packet.payload.upperBound <= bytes.count && packet.eventName.upperBound <= bytes.count, "\(random)")
        }
        if let message = try? RawMessage.decode(bytes.span) {
          let name = JSONString.text(bytes.span, message.event)
          #expect(name != nil, "\(random)")
        }
      }
    }
  }
}
