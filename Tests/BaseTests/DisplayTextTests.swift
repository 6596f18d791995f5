import Base
import TestKit
import Testing

@Suite struct DisplayTextTests {
  @Test(arguments: ["", "plain text", "Grüße 🙂 日本語", "e\u{301}", "a\\b"])
  func readableTextStaysAsItIs(_ text: String) {
    #expect(DisplayText(text).text == text)
  }

  @Test(arguments: [
    ("a\nb\r", "a\\nb\\r"), ("\u{1b}[2J", "\\x1b[2J"), ("\u{9b}2J", "\\x9b2J"), ("\u{0}\u{7f}", "\\x00\\x7f"),
    ("\u{202e}abc", "\\u{202e}abc"), ("\u{2028}", "\\u{2028}"), ("\u{feff}\u{ad}", "\\u{feff}\\xad"),
    ("\u{e0041}", "\\u{e0041}"), ("\r\n", "\\r\\n"),
  ])
  func whatATerminalObeysIsEscaped(_ text: String, _ shown: String) {
    #expect(DisplayText(text).text == shown)
    #expect("\(DisplayText(text))" == shown)
  }

  @Test func joinedEmojiShowAsTheFirstBecauseTerminalsDisagree() {
    #expect(DisplayText("👩‍👩‍👧").text == "👩")
  }

  @Test func aTabFillsUpToTheNextEighthCell() {
    #expect(DisplayText("ab\tc").text == "ab      c")
  }

  @Test func bytesThatAreNoUTF8AreReplaced() {
    #expect(DisplayText(bytes: [0x61, 0xFF, 0x1B]).text == "a\u{FFFD}\\x1b")
  }

  @Test func noBytesReachATerminalRaw() {
    var random = SeededRandom()
    for _ in 0..<2_000 {
      let text = DisplayText(bytes: random.bytes(Int.random(in: 0...30, using: &random))).text
      let isSafe = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
      #expect(isSafe && !text.contains(where: \.isNewline), "\(random)")
    }
  }
}
