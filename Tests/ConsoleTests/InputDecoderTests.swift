import Testing

@testable import Console

struct InputDecoderTests {
  private let start = ContinuousClock.now

  /// The events of `text`, followed by a long silence.
  private func events(_ text: String) -> [InputEvent] { events(Array(text.utf8)) }

  private func events(_ bytes: [UInt8]) -> [InputEvent] {
    var decoder = InputDecoder()
    return decoder.feed(bytes[...], now: start) + decoder.tick(now: start + .seconds(5))
  }

  @Test func aReplyWithinAPasteIsNotPasted() {
    var decoder = InputDecoder()
    let events = decoder.feed(Array("\u{1B}[200~one\u{1B}[0n two\u{1B}[201~x".utf8)[...], now: .now)
    #expect(events == [.paste("one two"), .key(.character("x"), [])])
    let replies = decoder.takeReplies()
    #expect(replies == [.status])
  }

  @Test(
    arguments: [
      ("a", [.key(.character("a"))]), ("é日👩", [.key(.character("é")), .key(.character("日")), .key(.character("👩"))]),
      ("\r\n\t", [.key(.enter), .key(.enter), .key(.tab)]), ("\u{7F}\u{8}", [.key(.backspace), .key(.backspace)]),
      ("\u{3}", [.key(.character("c"), .control)]), ("\u{0}", [.key(.character(" "), .control)]),
      ("\u{1B}", [.key(.escape)]), ("\u{1B}\u{1B}", [.key(.escape), .key(.escape)]),
      ("\u{1B}x", [.key(.character("x"), .alt)]), ("\u{1B}\u{E9}", [.key(.character("é"), .alt)]),
      ("\u{1B}[A\u{1B}OA", [.key(.up), .key(.up)]), ("\u{1B}[1;5C", [.key(.right, .control)]),
      ("\u{1B}[1;2D\u{1B}[1;3D", [.key(.left, .shift), .key(.left, .alt)]),
      ("\u{1B}[Z", [.key(.backtab)]), ("\u{1B}[3~\u{1B}[5;5~", [.key(.delete), .key(.pageUp, .control)]),
      (
        "\u{1B}OP\u{1B}[15~\u{1B}[24~\u{1B}[[B",
        [
          .key(.function(1)), .key(.function(5)), .key(.function(12)), .key(.function(2)),
        ]
      ),
      ("\u{1B}[I\u{1B}[O", [.focus(true), .focus(false)]),
      (
        "\u{1B}[<0;10;5M\u{1B}[<0;10;5m",
        [
          .mouse(MouseEvent(.press(button: 1), x: 9, y: 4)), .mouse(MouseEvent(.release, x: 9, y: 4)),
        ]
      ),
      ("\u{1B}[<65;1;1M", [.mouse(MouseEvent(.wheelDown, x: 0, y: 0))]),
      ("\u{1B}[<20;3;4M", [.mouse(MouseEvent(.press(button: 1), x: 2, y: 3, modifiers: [.shift, .control]))]),
      ("\u{1B}[M !!", [.mouse(MouseEvent(.press(button: 1), x: 0, y: 0))]),
      ("\u{1B}[<0;0;0M", []), ("\u{1B}[<32;2;2M\u{1B}[<32;3;3M", [.mouse(MouseEvent(.drag(button: 1), x: 2, y: 2))]),
      ("\u{1B}[200~a\r\nb\rc\u{1B}[201~x", [.paste("a\nb\nc"), .key(.character("x"))]),
      ("\u{1B}[200~a\u{1B}[20\u{1B}[201~", [.paste("a\u{1B}[20")]),
      ("\u{1B}[200~q", [.paste("q")]),
      ("\u{1B}[97;5u", [.key(.character("a"), .control)]),
      ("\u{1B}[99999999999999999999A", [.key(.up)]),
    ] as [(String, [InputEvent])])
  func bytesBecomeTheirEvents(text: String, expected: [InputEvent]) {
    #expect(events(text) == expected)
  }

  @Test(
    arguments: [
      ("\u{1B}[", [.key(.character("["), .alt)]), ("\u{1B}O", [.key(.character("O"), .alt)]),
      ("\u{1B}]", [.key(.character("]"), .alt)]), ("\u{1B}[1;", []), ("\u{1B}[<0;1", []), ("\u{1B}]11;rgb", []),
      ("\u{1B}[M!", []), ("\u{1B}[[", []),
    ] as [(String, [InputEvent])])
  func aHalfSequenceIsOverWhenTheTerminalIsSilent(text: String, expected: [InputEvent]) {
    #expect(events(text) == expected)
    #expect(events(text + "\u{1B}[A").last == .key(.up))
  }

  @Test(arguments: [[0xC3, 0x28], [0xFF, 0xFE], [0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xF5]])
  func brokenUTF8IsNoKeyOfItsOwn(bytes: [UInt8]) {
    let rest = events(bytes + [0x61])
    #expect(rest.last == .key(.character("a")))
    #expect(rest.count <= 2)
  }

  @Test func repliesAreTakenOutOfTheKeys() {
    var decoder = InputDecoder()
    let text = "a\u{1B}]11;rgb:ffff/8080/00\u{1B}\\b\u{1B}[?2026;2$yc\u{1B}[?62;22cd\u{1B}[?2026;0$y"
    let keys = decoder.feed(Array(text.utf8)[...], now: start)
    #expect(keys == "abcd".map { .key(.character($0)) })
    #expect(
      decoder.takeReplies() == [
        .background(red: 255, green: 128, blue: 0), .mode(2026, isKnown: true), .deviceAttributes,
        .mode(2026, isKnown: false),
      ])
    #expect(decoder.takeReplies() == [])
  }

  @Test func anEscapeBeforeALaterKeyIsNotAlt() {
    var decoder = InputDecoder()
    let first = decoder.feed([0x1B], now: start)
    #expect(first == [])
    #expect(decoder.deadline == start + InputDecoder.escapeTimeout)
    let second = decoder.feed([0x78], now: start + .milliseconds(40))
    #expect(second == [.key(.escape), .key(.character("x"))])
    #expect(decoder.deadline == nil)
  }

  @Test func aLongPasteIsCutAndTheRestCounted() {
    var decoder = InputDecoder()
    let body = String(repeating: "q", count: InputDecoder.pasteBytesMax + 1_000)
    let found = decoder.feed(Array("\u{1B}[200~\(body)\u{1B}[201~z".utf8)[...], now: start)
    #expect(found == [.paste(String(body.prefix(InputDecoder.pasteBytesMax))), .key(.character("z"))])
    #expect(decoder.pasteBytesDropped == 1_000)
  }

  /// However the bytes are cut, the same events come out, and whatever came before, the decoder finds back.
  @Test(arguments: 0..<40)
  func anyBytesInAnyPiecesGiveTheSameEvents(seed: Int) {
    var random = TestRandom(seed: UInt64(seed))
    let words = [
      "\u{1B}", "\u{1B}[", "\u{1B}O", "\u{1B}]11;", "\u{7}", "\u{1B}\\", "\u{1B}[200~", "\u{1B}[201~", "\u{1B}[<0;3;4M",
      "\u{1B}[<0;3", "\u{1B}P", "A", "~", ";", "5", "q", "é", "\r", "\u{18}", "\u{1B}[M", "日",
    ].map { Array($0.utf8) }
    var bytes: [UInt8] = []
    for _ in 0..<400 {
      let isNoise = Int.random(in: 0..<4, using: &random) == 0
      bytes += isNoise ? [UInt8.random(in: 0...255, using: &random)] : words.randomElement(using: &random) ?? []
    }
    var whole = InputDecoder()
    var pieces = InputDecoder()
    let expected = whole.feed(bytes[...], now: start) + whole.tick(now: start + .seconds(2))
    var found: [InputEvent] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Int.random(in: 1...9, using: &random)
      found += pieces.feed(rest.prefix(count), now: start)
      rest = rest.dropFirst(count)
    }
    found += pieces.tick(now: start + .seconds(2))
    #expect(found == expected, "seed \(seed)")
    #expect(whole.deadline == nil)
    let last = whole.feed(Array("x\u{1B}[B".utf8)[...], now: start + .seconds(9))
    #expect(last == [.key(.character("x")), .key(.down)])
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the seed of a failing test is its argument.
struct TestRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
