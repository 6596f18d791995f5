internal import Base

/// A line of differently styled pieces.
struct StyledLine: Sendable, Equatable {
  struct Span: Sendable, Equatable {
    let text: DisplayText
    let style: Style
  }

  private(set) var spans: [Span] = []
  private(set) var width = 0

  init() {}

  init(_ text: DisplayText, _ style: Style = .plain) { append(text, style) }

  mutating func append(_ text: DisplayText, _ style: Style = .plain) {
    guard !text.isEmpty else { return }
    spans.append(Span(text: text, style: style))
    width += text.width
  }

  mutating func append(_ line: StyledLine) {
    spans += line.spans
    width += line.width
  }
}

extension Canvas {
  /// What characters this canvas may hold.
  var repertoire: DisplayText.Repertoire { glyphs == .ascii ? .ascii : .unicode }

  /// One of our own signs as text.
  func sign(_ sign: GlyphSet.Sign) -> DisplayText { DisplayText(String(glyphs.sign(sign))) }

  /// Writes in this canvas's repertoire; what does not fit ends in `…`. Returns the column after the last cell.
  @discardableResult
  mutating func write(
    _ text: DisplayText, x: Int, y: Int, style: Style = .plain, maxWidth: Int = .max
  ) -> Int {
    let shown = DisplayText(text, repertoire: repertoire).truncated(to: maxWidth, repertoire: repertoire)
    return put(shown, x: x, y: y, style: style)
  }

  @discardableResult
  mutating func write(_ line: StyledLine, x: Int, y: Int, maxWidth: Int) -> Int {
    var column = x
    for span in line.spans {
      let left = x + maxWidth - column
      guard left > 0 else { break }
      column = write(span.text, x: column, y: y, style: span.style, maxWidth: left)
    }
    return column
  }
}
