import Base
import Testing

@testable import Console

struct CanvasTests {
  private func lines(_ canvas: Canvas) -> [String] { (0..<canvas.height).map { canvas.line($0) } }

  @Test func neighbouringBoxesShareTheirLines() {
    var canvas = Canvas(width: 9, height: 5)
    canvas.box(Rect(x: 0, y: 0, width: 5, height: 3))
    canvas.box(Rect(x: 4, y: 0, width: 5, height: 3))
    canvas.box(Rect(x: 0, y: 2, width: 9, height: 3))
    #expect(lines(canvas) == ["┌───┬───┐", "│   │   │", "├───┴───┤", "│       │", "└───────┘"])
  }

  @Test func anAsciiBoxIsDrawnWithPlusMinusAndBar() {
    var canvas = Canvas(width: 5, height: 3, glyphs: .ascii)
    canvas.box(canvas.bounds)
    canvas.vline(x: 2, y: 0, length: 3)
    #expect(lines(canvas) == ["+-+-+", "| | |", "+-+-+"])
  }

  @Test func theFocusedFrameKeepsItsJunctionsAndItsStyle() {
    var canvas = Canvas(width: 9, height: 3)
    canvas.box(Rect(x: 0, y: 0, width: 9, height: 3))
    canvas.box(Rect(x: 4, y: 0, width: 5, height: 3), style: Style(.borderFocus))
    #expect(canvas.line(0) == "┌───┬───┐")
    #expect(canvas[4, 0].style.foreground == .borderFocus)
    #expect(canvas[3, 0].style.foreground == .border)
  }

  @Test(arguments: [(3, "日    "), (5, "日本  "), (6, "日本語")])
  func aWideCharacterCutAtTheEdgeBecomesASpace(limit: Int, expected: String) {
    var canvas = Canvas(width: 6, height: 1)
    canvas.put("日本語", x: 0, y: 0, maxWidth: limit)
    #expect(canvas.line(0) == expected)
  }

  @Test func aWideCharacterCutByTheClipOnTheLeftBecomesASpace() {
    var canvas = Canvas(width: 6, height: 1)
    canvas.put("xxxxxx", x: 0, y: 0)
    canvas.clipped(to: Rect(x: 1, y: 0, width: 4, height: 1)) { $0.put("日本語", x: 0, y: 0) }
    #expect(canvas.line(0) == "x 本 x")
  }

  @Test func writingOverHalfOfAWideCharacterBlanksTheOtherHalf() {
    var canvas = Canvas(width: 4, height: 1)
    canvas.put("日本", x: 0, y: 0)
    canvas.put("a", x: 1, y: 0)
    canvas.put("b", x: 2, y: 0)
    #expect(canvas.line(0) == " ab ")
  }

  @Test func nothingIsDrawnOutsideOfTheClip() {
    var canvas = Canvas(width: 6, height: 3)
    canvas.clipped(to: Rect(x: 1, y: 1, width: 3, height: 1)) { inner in
      inner.put("abcdefgh", x: -2, y: 1)
      inner.put("above", x: 0, y: 0)
      inner.fill(Rect(x: -5, y: -5, width: 50, height: 50), style: Style(.err))
      inner.put("abcdefgh", x: -2, y: 1)
    }
    #expect(lines(canvas) == ["      ", " def  ", "      "])
    #expect(canvas[0, 0].style == .plain)
  }

  @Test func anEqualCanvasHasNoChanges() {
    var canvas = Canvas(width: 20, height: 3)
    canvas.put("hello 日本", x: 2, y: 1)
    #expect(canvas.changes(from: canvas).isEmpty)
  }

  @Test func changesAreRunsOfWholeCharacters() {
    var old = Canvas(width: 10, height: 2)
    old.put("ab日cd", x: 0, y: 0)
    var new = old
    new.put("x", x: 1, y: 0)
    new.put("本", x: 2, y: 0)
    new.put("z", x: 9, y: 1)
    #expect(
      new.changes(from: old) == [Canvas.Run(y: 0, columns: 1..<4), Canvas.Run(y: 1, columns: 9..<10)])
  }

  @Test func aCanvasOfAnotherSizeDiffersEverywhere() {
    let runs = Canvas(width: 3, height: 2).changes(from: Canvas(width: 2, height: 2))
    #expect(runs == [Canvas.Run(y: 0, columns: 0..<3), Canvas.Run(y: 1, columns: 0..<3)])
  }

  @Test func aCanvasWithoutCellsTakesEveryCall() {
    var canvas = Canvas(width: 0, height: 0)
    canvas.box(Rect(x: 0, y: 0, width: 9, height: 9))
    canvas.put("text", x: 0, y: 0)
    canvas.fill(Rect(x: 0, y: 0, width: 2, height: 2))
    #expect(canvas.changes(from: canvas).isEmpty)
  }

  @Test func graphsShowTheirValues() {
    #expect(GlyphSet.braille.graph([0, 0.25, 0.5, 0.75, 1, 1]) == "⢀⣴⣿")
    #expect(GlyphSet.block.graph([0, 0.001, 0.5, 1]) == " ▁▄█")
    #expect(GlyphSet.ascii.graph([0, 0.001, 1]) == " _#")
  }

  @Test func everySignOfEverySetIsOneCellWide() {
    for glyphs in GlyphSet.allCases {
      for sign in GlyphSet.Sign.allCases {
        let text = DisplayText(String(glyphs.sign(sign)))
        #expect(text.width == 1, "\(sign) in \(glyphs)")
        #expect(glyphs != .ascii || glyphs.sign(sign).isASCII)
      }
    }
  }
}
