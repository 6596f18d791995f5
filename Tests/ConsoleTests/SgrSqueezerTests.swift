import Pty
import Testing

@testable import Console

struct SgrSqueezerTests {
  private func squeeze(_ text: String, _ squeezer: inout SgrSqueezer) -> String {
    var bytes = Array(text.utf8)
    return bytes.withUnsafeMutableBufferPointer {
      String(decoding: squeezer.squeeze(UnsafeBufferPointer($0)), as: UTF8.self)
    }
  }

  @Test(arguments: [
    ("\u{1B}(B\u{1B}[m\u{1B}[38;5;2mab\u{1B}(B\u{1B}[m\u{1B}[38;5;2mcd", "\u{1B}[0;38;5;2mabcd"),
    ("a\u{1B}[1mb\u{1B}[mc", "\u{1B}[ma\u{1B}[1mb\u{1B}[mc"),
    ("\u{1B}[31;44ma\u{1B}[m\u{1B}[32;44mb", "\u{1B}[0;31;44ma\u{1B}[32mb"),
    ("\u{1B}[1m\u{1B}[2;2H\u{1B}[mx", "\u{1B}[2;2H\u{1B}[mx"),
    ("\u{1B}[31m\u{1B}[K", "\u{1B}[0;31m\u{1B}[K"),
    ("\u{1B}[?25l", "\u{1B}[?25l"),
    ("\u{1B}[31ma\u{1B}[m \u{1B}[32mb", "\u{1B}[0;31ma \u{1B}[32mb"),
    ("\u{1B}[31ma\u{1B}[m\u{1B}[9X\u{1B}[32mb", "\u{1B}[0;31ma\u{1B}[9X\u{1B}[32mb"),
    ("\u{1B}[31ma\u{1B}[44m \u{1B}[4m b", "\u{1B}[0;31ma\u{1B}[44m \u{1B}[4m b"),
    ("\u{1B}[38:2::1:2:3mx", "\u{1B}[0;38:2::1:2:3mx"),
  ])
  func onlyDifferencesAreWritten(text: String, expected: String) {
    var squeezer = SgrSqueezer(endsAttributes: true)
    #expect(squeeze(text, &squeezer) == expected)
  }

  @Test(arguments: [
    ("\u{1B}[3;5Hab\u{1B}[3;40Hc", "\u{1B}[3;5H\u{1B}[mab\u{1B}[33Cc"),
    ("\u{1B}[3;5Hab\u{1B}[3;8Hc", "\u{1B}[3;5H\u{1B}[mab\u{1B}[Cc"),
    ("\u{1B}[3;5Hab\u{1B}[4;5Hc", "\u{1B}[3;5H\u{1B}[mab\u{1B}[B\u{8}\u{8}c"),
    ("\u{1B}[3;5Hab\u{1B}[3;1Hc", "\u{1B}[3;5H\u{1B}[mab\rc"),
    ("\u{1B}[13;30Hab\u{1B}[11;2Hc", "\u{1B}[13;30H\u{1B}[mab\u{1B}[11;2Hc"),
    ("\u{1B}[3;5H─⣿\u{1B}[3;40Hc", "\u{1B}[3;5H\u{1B}[m─⣿\u{1B}[33Cc"),
    // Terminals differ about the width, and about what the last column does.
    ("\u{1B}[3;5H✓\u{1B}[3;40Hc", "\u{1B}[3;5H\u{1B}[m✓\u{1B}[3;40Hc"),
    ("\u{1B}[3;79Hab\u{1B}[3;40Hc", "\u{1B}[3;79H\u{1B}[mab\u{1B}[3;40Hc"),
  ])
  func jumpsAreMadeFromWhereTheCursorIs(text: String, expected: String) {
    var squeezer = SgrSqueezer(endsAttributes: true)
    squeezer.width = 80
    #expect(squeeze(text, &squeezer) == expected)
  }

  @Test func paletteNumbersBecomeTrueColours() {
    var squeezer = SgrSqueezer(endsAttributes: true)
    squeezer.trueColors = [16: 0x0102FF]
    #expect(squeeze("\u{1B}[38;5;16;48;5;17mx", &squeezer) == "\u{1B}[0;38;2;1;2;255;48;5;17mx")
  }

  @Test func aTerminalWithoutColoursIsResetAndNeverPartlyEnded() {
    var squeezer = SgrSqueezer(endsAttributes: false)
    #expect(squeeze("\u{1B}[1;4ma\u{1B}[m\u{1B}[4mb", &squeezer) == "\u{1B}[0;1;4ma\u{1B}[0;4mb")
  }

  @Test func afterForgettingEverythingIsSaidAgain() {
    var squeezer = SgrSqueezer(endsAttributes: true)
    #expect(squeeze("\u{1B}[31mx", &squeezer) == "\u{1B}[0;31mx")
    squeezer.forget()
    #expect(squeeze("x", &squeezer) == "\u{1B}[0;31mx")
  }

  /// A screen cannot tell the squeezed bytes from the original.
  @Test(arguments: 0..<40)
  func anyFrameLooksTheSame(seed: Int) {
    var random = TestRandom(seed: UInt64(seed))
    let words = [
      "a", "bc ", "日", "\u{1B}[m", "\u{1B}[0m", "\u{1B}[1m", "\u{1B}[2m", "\u{1B}[4m", "\u{1B}[7m", "\u{1B}[22m",
      "\u{1B}[24m",
      "\u{1B}[27m", "\u{1B}[31m", "\u{1B}[38;5;99m", "\u{1B}[48;5;17;1m", "\u{1B}[39m", "\u{1B}[49m", "\u{1B}[92;103m",
      "\u{1B}[3;5H", "\u{1B}[3;19H", "\u{1B}[4;1H", "\u{1B}[12G", "\u{1B}[2d", "\u{1B}[C", "\u{8}", "─", "⣿",
      "\u{1B}[K", "\u{1B}[4X", "\r", "\u{1B}[38;2;1;2;3m", "\u{1B}(B",
    ]
    var squeezer = SgrSqueezer(endsAttributes: Bool.random(using: &random))
    squeezer.width = 20
    var plain = VirtualScreen(width: 20, height: 5)
    var squeezed = plain
    for _ in 0..<20 {
      let frame = (0..<30).compactMap { _ in words.randomElement(using: &random) }.joined()
      plain.feed(frame.utf8)
      squeezed.feed(squeeze(frame, &squeezer).utf8)
      #expect(squeezed.cursorX == plain.cursorX && squeezed.cursorY == plain.cursorY, "seed \(seed)")
      #expect(squeezed.changedCells(since: plain) == 0, "seed \(seed): \(frame.debugDescription)")
    }
  }
}
