import TestKit
import Testing

@testable import Gateway

/// Counterparts of the Autobahn test suite's groups, as frames on a socket of a running loop
/// (https://github.com/crossbario/autobahn-testsuite): 1 framing, 2 pings and pongs, 3 reserved bits, 4 opcodes,
/// 5 fragmentation, 6 UTF-8, 7 closing, 9 limits, 12 and 13 compression.
@Suite struct WebSocketCasesTests {
  private static let deflate = ["Sec-WebSocket-Extensions: permessage-deflate"]

  private func echo(_ port: Int, headers: [String] = []) throws -> SocketClient {
    let client = try #require(SocketClient(port: port))
    #expect(client.upgrade("/raw", headers: headers)?.status == 101)
    return client
  }

  /// Any first byte, whatever it means, with a masked payload.
  private func bytes(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
    var frame: [UInt8] = []
    FrameHeader.append(opcode: first, length: payload.count, to: &frame)
    frame[1] |= 0x80
    let key: [UInt8] = [0x11, 0x22, 0x33, 0x44]
    return frame + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
  }

  private static func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0 * 7 & 0x7F) } }

  // MARK: 1 and 9

  @Test(arguments: [0, 125, 126, 127, 128, 65_535, 65_536, 1 << 20], [UInt8(0x81), 0x82])
  func payloadsOfEveryLengthComeBack(count: Int, opcode: UInt8) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try echo(port)
      let payload = Self.pattern(count)
      client.write(bytes(opcode, payload))
      #expect(client.frame() == .init(opcode: opcode & 0x0F, payload: payload))
      // The same in small pieces.
      guard count <= 65_536 else { return }
      let whole = bytes(opcode, payload)
      for start in stride(from: 0, to: whole.count, by: 997) {
        client.write(Array(whole[start..<min(start + 997, whole.count)]))
      }
      #expect(client.frame() == .init(opcode: opcode & 0x0F, payload: payload))
    }
  }

  // MARK: 2

  @Test func pingsAreAnsweredInTheirOrderAndPongsIgnored() async throws {
    try await TestGateway.withConformance { _, port in
      let client = try echo(port)
      for count in [0, 1, 125] {
        client.write(bytes(0x89, Self.pattern(count)))
        #expect(client.frame() == .init(opcode: 10, payload: Self.pattern(count)))
      }
      client.write(bytes(0x8A, Array("unasked".utf8)))
      for number in 0..<10 as Range<UInt8> { client.write(bytes(0x89, [number])) }
      for number in 0..<10 as Range<UInt8> { #expect(client.frame() == .init(opcode: 10, payload: [number])) }
      for byte in bytes(0x89, Self.pattern(125)) { client.write([byte]) }
      #expect(client.frame() == .init(opcode: 10, payload: Self.pattern(125)))
    }
  }

  // MARK: 3, 4, 5: what ends with 1002

  /// Frames by first byte and payload; the last is the one that is wrong.
  @Test(
    arguments: [
      // A ping that is too long, reserved bits, reserved opcodes.
      [(0x89, 126)], [(0x91, 5)], [(0xA1, 5)], [(0xB1, 5)], [(0xC1, 5)], [(0xD1, 5)], [(0xF2, 5)], [(0xC9, 5)],
      [(0x98, 5)], [(0x83, 0)], [(0x84, 1)], [(0x85, 0)], [(0x86, 1)], [(0x87, 0)], [(0x8B, 0)], [(0x8C, 1)],
      [(0x8D, 0)], [(0x8E, 1)], [(0x8F, 0)], [(0x81, 3), (0x8B, 0)],
      // Control frames in pieces, continuations of nothing, a new message within another.
      [(0x09, 3)], [(0x0A, 3)], [(0x08, 2)], [(0x80, 3)], [(0x00, 3)], [(0x01, 3), (0x81, 3)], [(0x01, 3), (0x01, 3)],
      [(0x01, 3), (0x80, 3), (0x80, 3)], [(0x02, 3), (0x00, 3), (0x82, 3)], [(0x01, 3), (0xC0, 3)],
    ] as [[(UInt8, Int)]])
  func violationsEndWith1002(frames: [(UInt8, Int)]) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try echo(port)
      for (first, count) in frames { client.write(bytes(first, Self.pattern(count))) }
      #expect(client.closeCode() == 1002)
      #expect(client.isClosed())
    }
  }

  @Test func fragmentsMayBeEmptyAndHaveControlFramesBetween() async throws {
    try await TestGateway.withConformance { _, port in
      let client = try echo(port)
      for (first, text) in [(0x01, "frag"), (0x89, "ping"), (0x00, ""), (0x00, "ment"), (0x8A, "x"), (0x80, "")] {
        client.write(bytes(UInt8(first), Array(text.utf8)))
      }
      #expect(client.frame() == .init(opcode: 10, payload: Array("ping".utf8)))
      #expect(client.frame()?.text == "fragment")
      for first in [0x01, 0x00, 0x80] { client.write(bytes(UInt8(first), [])) }
      #expect(client.frame() == .init(opcode: 1, payload: []))
    }
  }

  // MARK: 6

  @Test(arguments: ["κόσμε", "\u{0}", "\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}", "\u{FEFF}z\u{FFFE}"])
  func textComesBackHoweverItIsCut(text: String) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try echo(port)
      let payload = Array(text.utf8)
      client.write(bytes(0x81, payload))
      #expect(client.frame()?.payload == payload)
      for (place, byte) in payload.enumerated() {
        client.write(bytes((place == 0 ? 0x01 : 0x00) | (place == payload.count - 1 ? 0x80 : 0), [byte]))
      }
      #expect(client.frame()?.payload == payload)
    }
  }

  /// Overlong forms, surrogates, beyond Unicode, stray and missing continuations: refused as soon as it is certain,
  /// before the message has ended.
  @Test(
    arguments: [
      [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x80, 0xAF], [0xF0, 0x80, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
      [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88], [0xFE], [0xFF], [0x80], [0xCE, 0x41], [0xE2, 0x82, 0x41],
    ] as [[UInt8]])
  func whatIsNotTextIsRefusedInTheMiddle(payload: [UInt8]) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try echo(port)
      client.write(bytes(0x01, Array("κόσμε".utf8) + payload))
      #expect(client.closeCode() == 1007)
      let other = try echo(port)
      other.write(bytes(0x01, Array("ok".utf8)))
      // Only the first bytes of a frame that announces more.
      other.write(Array(bytes(0x80, payload + [0x61, 0x62, 0x63]).prefix(6 + payload.count)))
      #expect(other.closeCode() == 1007)
    }
  }

  @Test func textThatEndsWithinACharacterIsRefused() async throws {
    try await TestGateway.withConformance { _, port in
      let client = try echo(port)
      client.write(bytes(0x81, [0xE2, 0x82]))
      #expect(client.closeCode() == 1007)
    }
  }

  // MARK: 7

  @Test(
    arguments: [
      ([], 1000), ([0x03], 1002), ([0x03, 0xE8], 1000), ([0x03, 0xE8] + [UInt8](repeating: 0x61, count: 123), 1000),
      ([0x03, 0xE8] + [UInt8](repeating: 0x61, count: 124), 1002), ([0x03, 0xE8, 0xC0, 0xAF], 1007),
      ([0x03, 0xE9], 1001), ([0x03, 0xF3], 1011), ([0x0B, 0xB8], 3000), ([0x13, 0x87], 4999), ([0x00, 0x00], 1002),
      ([0x03, 0xE7], 1002), ([0x03, 0xEC], 1002), ([0x03, 0xED], 1002), ([0x03, 0xEE], 1002), ([0x03, 0xF8], 1002),
      ([0x07, 0xD0], 1002), ([0x13, 0x88], 1002), ([0xFF, 0xFF], 1002),
    ] as [([UInt8], UInt16)])
  func closesAreAnsweredToTheLetter(payload: [UInt8], code: UInt16) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try echo(port)
      client.write(bytes(0x81, Array("before".utf8)) + bytes(0x88, payload) + bytes(0x81, Array("after".utf8)))
      #expect(client.frame()?.text == "before")
      let close = client.frame()
      #expect(close?.opcode == 8 && (close?.closeCode == code || (payload.isEmpty && close?.payload.isEmpty == true)))
      #expect(client.isClosed())
    }
  }

  // MARK: 12 and 13

  private func deflated(_ message: [UInt8]) throws -> [UInt8] {
    var deflater = try Deflater()
    var packed: [UInt8] = []
    try message.withUnsafeBytes { try deflater.deflate($0, to: &packed) }
    return packed
  }

  @Test(arguments: [0, 16, 64, 256, 1_024, 4_096, 32_768, 131_072], [1, 3, 64])
  func compressedMessagesComeBackHoweverTheyAreCut(count: Int, pieces: Int) async throws {
    try await TestGateway.withConformance { _, port in
      let client = try echo(port, headers: Self.deflate)
      let text = (0..<count).map { UInt8(0x20 + $0 * $0 % 89) }
      let packed = try deflated(text)
      for opcode in [UInt8(1), 2] {
        let size = max(1, (packed.count + pieces - 1) / pieces)
        let starts = Array(stride(from: 0, to: packed.count, by: size))
        for (place, start) in starts.enumerated() {
          let first: UInt8 = place == 0 ? opcode | 0x40 : 0
          let isLast = place == starts.count - 1
          client.write(bytes(first | (isLast ? 0x80 : 0), Array(packed[start..<min(start + size, packed.count)])))
        }
        #expect(client.frame() == .init(opcode: opcode, payload: text))
        client.write(bytes(opcode | 0x80, text))
        #expect(client.frame()?.payload == text, "uncompressed all the same")
      }
    }
  }

  /// Cut inside a deflate block, damaged, or no deflate at all.
  @Test func whatIsNoWholeDeflateStreamIsRefused() async throws {
    let packed = try deflated((0..<4_096).map { UInt8(0x20 + $0 * $0 % 89) })
    let cuts = [1, 2, 7, packed.count / 3, packed.count / 2, packed.count - 9, packed.count - 3]
    try await TestGateway.withConformance { _, port in
      for payload in cuts.map({ Array(packed.prefix($0)) }) + [
        [0xFF, 0xFF, 0xFF], [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48],
      ] {
        let client = try echo(port, headers: Self.deflate)
        client.write(bytes(0xC1, payload))
        #expect(client.closeCode() == 1007, "\(payload.count) bytes")
      }
      let client = try echo(port, headers: Self.deflate)
      client.write(bytes(0xC1, try deflated([0xC0, 0xAF])))
      #expect(client.closeCode() == 1007, "text is checked once it is inflated")
    }
  }

  /// A long broadcast goes out compressed to those who agreed, as it is to the others, and both hear the same.
  @Test func broadcastsAreCompressedForThoseWhoAgreed() async throws {
    try await TestGateway.withServer(change: { $0.loops = 1 }) { server, port in
      let members = try [Self.deflate, [], Self.deflate].map { headers in
        let (client, _) = try #require(SocketClient.socket(port: port, headers: headers))
        client.send("421[\"subscribe-task\",\"t\"]")
        #expect(client.text() == "431[{\"ok\":true}]")
        return client
      }
      let long = "\"\(String(repeating: "agents think alike ", count: 400))\""
      for round in 0..<3 {
        server.publish(room: "task:t", event: "short", json: "\(round)")
        server.publish(room: "task:t", event: "long", json: long)
        // In its own queue, and not with the room's bytes.
        members[2].send("42[\"echo\",\(round)]")
      }
      for (place, client) in members.enumerated() {
        var (short, packed, plain) = (0, 0, 0)
        while short < 3 || packed + plain < 3 {
          let frame = try #require(client.frame())
          guard frame.opcode == 1 else { continue }
          if frame.text.hasPrefix("42[\"short\"") { short += 1 }
          if frame.text.hasPrefix("42[\"long\"") { plain += 1 }
          guard frame.isCompressed else { continue }
          packed += 1
          var inflater = try Inflater()
          var message: [UInt8] = []
          try frame.payload.withUnsafeBytes { try inflater.inflate($0, bytesMax: 1 << 20, to: &message) }
          #expect(String(decoding: message, as: UTF8.self).hasPrefix("42[\"long\",\(long)"))
          #expect(frame.payload.count < 1_000)
        }
        #expect(place == 1 ? plain == 3 && packed == 0 : packed == 3 && plain == 0, "\(place)")
      }
    }
  }
}
