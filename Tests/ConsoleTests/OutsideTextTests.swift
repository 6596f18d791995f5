import Base
import Pty
import Testing

@testable import Console

/// What the outside sends, seen on a screen.
struct OutsideTextTests {
  @Test(arguments: [
    ("plain", "plain", 5), ("\u{1B}[31mred", "\\x1b[31mred", 11), ("a\u{7F}b\u{0}", "a\\x7fb\\x00", 10),
    ("a\nb\r", "a\\nb\\r", 6), ("a\tb", "a       b", 9), ("\u{9B}31m", "\\x9b31m", 7),
    ("a\u{202E}b", "a\\u{202e}b", 10), ("\u{2066}", "\\u{2066}", 8), ("zero\u{200B}width", "zero\\u{200b}width", 17),
    ("日本", "日本", 4), ("👩‍👩‍👧x", "👩x", 3), ("👍🏽", "👍", 2), ("🇩🇪", "DE", 2), ("❤️", "❤", 1),
    ("e\u{301}", "e\u{301}", 1), ("\u{301}x", "◌\u{301}x", 2), ("ab\u{200C}c", "abc", 3),
    ("a\u{301}\u{302}\u{303}\u{304}\u{305}", "a\u{301}\u{302}\u{303}", 1), ("\u{FEFF}\u{AD}", "\\u{feff}\\xad", 12),
    ("\u{E0041}", "\\u{e0041}", 9), ("한글", "한글", 4), ("\u{2028}", "\\u{2028}", 8), ("\u{3164}", "\\u{3164}", 8),
  ])
  func everythingIsVisibleOrGone(outside: String, expected: String, width: Int) {
    let text = DisplayText(outside)
    #expect(text.text == expected)
    #expect(text.width == width)
  }

  @Test(arguments: [
    ("\u{1B}[31m", "\\x1b[31m"), ("é", "e"), ("日", "??"), ("●✓", "*+"), ("a\nb", "a\\nb"), ("e\u{301}", "e"),
    ("│─┐", "|-+"),
  ])
  func asciiTerminalsGetALookAlike(outside: String, expected: String) {
    let text = DisplayText(outside, repertoire: .ascii)
    #expect(text.text == expected)
    #expect(text.width == expected.utf8.count)
  }

  @Test func invalidBytesAreReplacementCharacters() {
    #expect(DisplayText(bytes: [0x61, 0xFF, 0x62, 0xC3]).text == "a\u{FFFD}b\u{FFFD}")
  }

  @Test(arguments: [
    ("abcdef", 4, "abc…"), ("abc", 3, "abc"), ("日本語", 4, "日…"), ("日本語", 5, "日本…"), ("abc", 0, ""), ("abc", 1, "…"),
  ])
  func longTextIsCutToCells(text: String, limit: Int, expected: String) {
    #expect(DisplayText(text).truncated(to: limit).text == expected)
  }

  @Test func interpolatedTextIsOutsideTextAndDoesNotCombineWithOurs() {
    let outside = "\u{301}\u{1B}c"
    let text: DisplayText = "name \(outside) end"
    #expect(text.text == "name ◌\u{301}\\x1bc end")
  }

  @Test func aSliceKeepsItsColumns() {
    let text = DisplayText("a日b本c")
    for first in 0...text.width {
      for count in 0...(text.width - first) {
        #expect(text.slice(from: first, count: count).width == count)
      }
    }
  }

  /// Whatever comes in, a terminal draws exactly its cells and obeys nothing.
  @Test(arguments: 0..<60)
  func hostileTextNeverLeavesItsCells(seed: Int) {
    var random = TestRandom(seed: UInt64(seed))
    var bytes: [UInt8] = []
    let words = [
      "\u{1B}[2J", "\u{1B}]0;x\u{7}", "\u{9B}5A", "\u{202E}", "\u{2066}", "👩‍👩‍👧", "🇫🇷",
      "e\u{301}\u{301}\u{301}\u{301}\u{301}", "日", "\u{200D}",
      "\u{FE0F}", "\r", "\n", "\t", "ab", "\u{E01EF}", "\u{1160}", "ก\u{E33}", "\u{0600}", "क\u{93E}",
    ]
    for _ in 0..<200 {
      let scalar = Unicode.Scalar(UInt32.random(in: 0...0x2FFFF, using: &random))
      let word = Bool.random(using: &random) ? words.randomElement(using: &random) ?? "" : scalar.map { "\($0)" } ?? ""
      bytes += Bool.random(using: &random) ? Array(word.utf8) : [UInt8.random(in: 0...255, using: &random)]
    }
    for repertoire in [DisplayText.Repertoire.unicode, .ascii] {
      let text = DisplayText(bytes: bytes, repertoire: repertoire)
      var screen = VirtualScreen(width: text.width + 1, height: 2)
      screen.feed(text.text.utf8)
      #expect(screen.cursorX == text.width && screen.cursorY == 0, "seed \(seed)")
      #expect(screen.unknown == [] && screen.takeReplies() == [] && screen.clears == 0)
      #expect(text.cells.reduce(0) { $0 + $1.width } == text.width)
      #expect(text.cells.allSatisfy { $0.cluster.unicodeScalars.count <= 1 + DisplayText.marksMax })
      let cut = text.truncated(to: 17, repertoire: repertoire)
      #expect(cut.width <= 17)
      #expect(DisplayText(text.text, repertoire: repertoire) == text, "what is safe stays as it is")
      if repertoire == .ascii { #expect(text.text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }) }
    }
  }
}
