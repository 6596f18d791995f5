import TestKit
import Testing

@testable import SocketProtocol

/// RFC 6455, in the order of Autobahn's groups of cases.
@Suite struct WebSocketFrameTests {
  private typealias Seen = FrameReader.Seen

  private func isText(_ bytes: [UInt8]) -> Bool { UTF8Checker.isText(bytes.span) }

  @Test func aParserIsSmall() { #expect(MemoryLayout<WebSocketFrameParser>.size <= 32) }

  /// RFC 6455 section 5.7.
  @Test func theExamplesOfTheStandardAreRead() {
    let hello = Array("Hello".utf8)
    #expect(
      FrameReader.read([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
        == [.message(.text, hello, isCompressed: false)])
    var client = FrameReader(.client)
    client.feed([0x01, 0x03, 0x48, 0x65, 0x6C, 0x89, 0x05] + hello + [0x80, 0x02, 0x6C, 0x6F])
    #expect(client.seen == [.ping(hello), .message(.text, hello, isCompressed: false)])
  }

  /// 1.x: lengths around the three forms, whole and in two pieces.
  @Test(arguments: [0, 1, 125, 126, 127, 128, 65_535, 65_536])
  func messagesOfEveryLengthFormArrive(count: Int) {
    let payload = [UInt8](repeating: 0x2A, count: count)
    for first in [0x81, 0x82] as [UInt8] {
      let frame = FrameReader.frame(first, payload)
      let expected: [Seen] = [.message(first == 0x81 ? .text : .binary, payload, isCompressed: false)]
      #expect(FrameReader.read(frame) == expected)
      #expect(FrameReader.read(frame, split: frame.count / 2) == expected)
    }
  }

  @Test func aWholeMessageIsARangeOfTheInput() {
    var input = FrameReader.frame(0x81, Array("hello".utf8))
    var parser = WebSocketFrameParser(role: .server, messageBytesMax: 10)
    var position = 0
    let event = input.withUnsafeMutableBytes { parser.next(in: $0, at: &position) }
    let segment = WebSocketFrameParser.Segment(
      opcode: .text, range: 6..<11, isFirst: true, isLast: true, isCompressed: false)
    #expect(event == .data(segment) && segment.isWhole && position == 11)
    #expect(Array(input[6...]) == Array("hello".utf8))
  }

  /// 2.x to 5.x and 7.x: one line per frame or sequence that must be refused.
  @Test(
    arguments: [
      (FrameReader.frame(0x89, [UInt8](repeating: 1, count: 126)), .controlFrameTooLong),
      (FrameReader.frame(0xC1, [1]), .reservedBits), (FrameReader.frame(0xA1, []), .reservedBits),
      (FrameReader.frame(0x91, [1]), .reservedBits), (FrameReader.frame(0xC9, []), .reservedBits),
      (FrameReader.frame(0x83, []), .reservedOpcode), (FrameReader.frame(0x87, [1]), .reservedOpcode),
      (FrameReader.frame(0x8B, []), .reservedOpcode), (FrameReader.frame(0x8F, [1]), .reservedOpcode),
      (FrameReader.frame(0x09, []), .fragmentedControlFrame), (FrameReader.frame(0x08, []), .fragmentedControlFrame),
      (FrameReader.frame(0x80, [1]), .continuationWithoutMessage),
      (FrameReader.frame(0x00, [1]), .continuationWithoutMessage),
      (FrameReader.frame(0x01, [65]) + FrameReader.frame(0x81, [65]), .messageInsideMessage),
      ([0x81, 0x01, 0x41], .notMasked), ([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], .lengthTooLarge),
      ([0x82, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0], .messageTooBig),
      (FrameReader.frame(0x88, [3]), .closePayloadOfOneByte),
      (FrameReader.frame(0x88, [3, 0xE8, 0xCE, 0xBA, 0xED, 0xA0, 0x80]), .closeReasonNotText),
    ] as [([UInt8], WebSocketViolation)])
  func violationsAreRefusedOnce(bytes: [UInt8], violation: WebSocketViolation) {
    let seen = FrameReader.read(bytes + FrameReader.frame(0x89, []))
    #expect(seen == [.violation(violation)])
  }

  @Test(
    arguments: [
      (999, false), (1000, true), (1003, true), (1004, false), (1005, false), (1006, false), (1007, true), (1014, true),
      (1015, false), (1016, false), (2999, false), (3000, true), (4999, true), (5000, false), (65_535, false),
      (0, false),
    ] as [(UInt16, Bool)])
  func closeCodesAreThoseOfTheRegistry(code: UInt16, isValid: Bool) {
    let seen = FrameReader.read(FrameReader.frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF), 0x61]))
    #expect(seen == [isValid ? .close(code, [0x61]) : .violation(.closeCode)])
  }

  @Test func anEmptyCloseHasNoCodeAndEndsEverything() {
    #expect(FrameReader.read(FrameReader.frame(0x88, []) + FrameReader.frame(0x89, [])) == [.close(nil, [])])
  }

  /// 5.x, with the limit on the sum.
  @Test func fragmentsAreOneMessageAndBounded() {
    var reader = FrameReader(messageBytesMax: 4)
    reader.feed(FrameReader.frame(0x01, [65, 66]) + FrameReader.frame(0x8A, [1]) + FrameReader.frame(0x00, []))
    reader.feed(
      FrameReader.frame(0x80, [67, 68]) + FrameReader.frame(0x02, [1, 2, 3]) + FrameReader.frame(0x80, [4, 5]))
    #expect(
      reader.seen == [.pong([1]), .message(.text, [65, 66, 67, 68], isCompressed: false), .violation(.messageTooBig)])
  }

  @Test func aCompressedMessageIsMarkedByItsFirstFrameOnly() {
    let frames = FrameReader.frame(0x41, [0xFF]) + FrameReader.frame(0x80, [0xFE])
    #expect(FrameReader.read(frames, mayCompress: true) == [.message(.text, [0xFF, 0xFE], isCompressed: true)])
    let marked = FrameReader.frame(0x41, [1]) + FrameReader.frame(0xC0, [1])
    #expect(FrameReader.read(marked, mayCompress: true) == [.violation(.reservedBits)])
  }

  /// 6.4: the bytes behind the wrong one have not arrived.
  @Test func wrongTextIsRefusedInTheMiddleOfAFrame() {
    var reader = FrameReader()
    let frame = FrameReader.frame(0x81, [0xCE, 0xBA, 0xF4, 0x90, 0x80, 0x80, 0x65])
    reader.feed(frame[..<9])
    #expect(reader.seen.isEmpty)
    reader.feed(frame[9..<10])
    #expect(reader.seen == [.violation(.notText)])
  }

  /// 6.5 to 6.23: every short byte sequence, against the standard library's decoder.
  @Test func utf8IsAcceptedExactlyWhenTheStandardLibraryAcceptsIt() {
    let edges: [UInt8] = [
      0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
      0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ]
    var texts: [[UInt8]] = [[]]
    for _ in 0..<4 {
      texts = [[]] + texts.flatMap { text in edges.map { text + [$0] } }
    }
    for text in Set(texts) {
      let isText = String(validating: text, as: UTF8.self) != nil
      #expect(self.isText(text) == isText, "\(text)")
    }
  }

  @Test func everySplitReadsTheSame() {
    let bytes =
      FrameReader.frame(0x01, Array("κόσμε 😀".utf8)) + FrameReader.frame(0x89, [1, 2, 3])
      + FrameReader.frame(0x80, Array("ende, lang genug".utf8)) + FrameReader.frame(0x82, .init(0...199))
      + FrameReader.frame(0x88, [3, 0xE8] + Array("bye".utf8))
    let whole = FrameReader.read(bytes)
    #expect(whole.count == 4)
    for split in bytes.indices { #expect(FrameReader.read(bytes, split: split) == whole, "split at \(split)") }
    var single = FrameReader()
    for byte in bytes { single.feed([byte]) }
    #expect(single.seen == whole)
  }

  @Test func brokenFramesReadTheSameInPieces() {
    SeededRandom.run { random in
      let good =
        FrameReader.frame(0x01, Array("fü".utf8)) + FrameReader.frame(0x80, Array("nf".utf8))
        + FrameReader.frame(0x82, .init(0...140)) + FrameReader.frame(0x88, [3, 0xE8])
      for _ in 0..<3_000 {
        var bytes = good
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        var pieces = FrameReader()
        var rest = bytes[...]
        while !rest.isEmpty {
          let count = Int.random(in: 1...rest.count, using: &random)
          pieces.feed(rest.prefix(count))
          rest = rest.dropFirst(count)
        }
        #expect(pieces.seen == FrameReader.read(bytes), "\(random)")
      }
    }
  }

  @Test func aCloseReasonIsCutBetweenCharacters() {
    let frame = WebSocketControlFrame.close(.goingAway, reason: String(repeating: "é", count: 100))
    #expect(frame.count == 2 + 2 + 122 && frame[0] == 0x88 && frame[1] == 124)
    #expect(isText(Array(frame[4...])))
  }

  /// RFC 6455 section 1.3.
  @Test func theHandshakeAnswersTheKeyOfTheStandard() {
    #expect(WebSocketHandshake.accept(key: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    #expect(WebSocketHandshake.accept(key: "dGhlIHNhbXBsZSBub25jZQ") == nil)
    #expect(WebSocketHandshake.accept(key: "") == nil)
  }

  @Test(
    arguments: [
      ("permessage-deflate", 15), ("permessage-deflate; client_max_window_bits", 15), ("x-foo, permessage-deflate", 15),
      ("permessage-deflate; server_max_window_bits=\"10\"", 10), ("permessage-deflate; server_max_window_bits=8", nil),
      ("permessage-deflate; server_max_window_bits=010", nil), ("permessage-deflate; other", nil),
      ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", nil),
      ("permessage-deflate; server_max_window_bits=16, permessage-deflate", 15), ("", nil),
    ] as [(String, Int?)])
  func theFirstOfferThatCanBeKeptIsTaken(header: String, bits: Int?) {
    #expect(DeflateParameters.negotiate([header])?.serverWindowBits == bits)
  }
}
