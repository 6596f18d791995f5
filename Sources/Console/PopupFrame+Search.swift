internal import Base
internal import ControlPlane

/// The look of the code search: the question, the places, and the lines of the selected one.
extension PopupFrame {
  static func searchRect(width: Int, height: Int) -> Rect {
    let boxWidth = width < 84 ? width : min(150, max(80, width * 8 / 10))
    let boxHeight = height < 20 ? height : max(18, height * 8 / 10)
    return Rect(x: (width - boxWidth) / 2, y: (height - boxHeight) / 2, width: boxWidth, height: boxHeight)
  }

  /// Lines of the list: what the border, the question, the note and the rule leave is shared with the snippet.
  static func searchRows(width: Int, height: Int, isReading: Bool) -> Int {
    let inner = searchRect(width: width, height: height).height - 5
    let rows = max(1, inner - snippetRows(inner))
    return isReading && inner >= 8 ? min(3, rows) : rows
  }

  private static func snippetRows(_ inner: Int) -> Int { inner >= 8 ? inner / 2 : 0 }

  /// The list's row, from 0, at a line of the screen.
  func searchRow(y: Int) -> Int? {
    let row = y - rect.y - 3
    return (0..<model.searchRows).contains(row) ? row : nil
  }

  func draw(_ sheet: SearchSheet, into canvas: inout Canvas, _ rect: Rect) {
    let back = Role.popupBackground
    canvas.write(
      " Search the code ", x: rect.x + 2, y: rect.y, style: Style(.title, on: back, .bold), maxWidth: rect.width - 4)
    drawNote(sheet, into: &canvas, rect)
    let rows = model.searchRows
    var y = rect.y + 3
    for (index, hit) in sheet.hits.enumerated().dropFirst(sheet.cursor.top).prefix(rows) {
      draw(hit, into: &canvas, rect, y: y)
      if index == sheet.cursor.selected {
        canvas.select(row: y, in: Rect(x: rect.x + 1, y: y, width: rect.width - 2, height: 1))
      }
      y += 1
    }
    drawSnippet(sheet.selected, into: &canvas, rect, from: rect.y + 3 + rows)
    let keys: DisplayText =
      sheet.isReading
      ? " e opens it in the editor  y copies path:line  Esc back "
      : sheet.isAnswered ? " Enter shows it  arrows choose  Esc closes " : " Enter asks  Esc closes "
    let width = min(keys.width, rect.width - 4)
    canvas.write(keys, x: rect.maxX - 2 - width, y: rect.maxY - 1, style: Style(.dim, on: back), maxWidth: width)
    // The field last: the hardware cursor belongs to it, unless the keys go to the places.
    let cursor = canvas.cursor
    canvas.write("?", x: rect.x + 2, y: rect.y + 1, style: Style(.key, on: back, .bold))
    sheet.field.draw(
      into: &canvas, x: rect.x + 4, y: rect.y + 1, width: rect.width - 6, style: Style(.input, on: back, .underline))
    if sheet.isReading { canvas.cursor = cursor }
  }

  private func drawNote(_ sheet: SearchSheet, into canvas: inout Canvas, _ rect: Rect) {
    let (text, role): (DisplayText, Role) =
      switch sheet.note {
      case .none where sheet.answered == nil: ("words, a name or a question; lang: path: project: narrow it", .dim)
      case .none: (DisplayText(Figures.counted(sheet.hits.count, "place")), .dim)
      case .asking: ("… searching", .busy)
      case .complaint(let text): ("\(canvas.sign(.failed)) \(DisplayText(text))", .err)
      case .remark(let text): (DisplayText(text), .warn)
      }
    canvas.write(
      text, x: rect.x + 4, y: rect.y + 2, style: Style(role, on: .popupBackground), maxWidth: rect.width - 6)
  }

  /// `0.82  src/session/auth.ts:41-80  refreshSession   api`.
  private func draw(_ hit: SearchHit, into canvas: inout Canvas, _ rect: Rect, y: Int) {
    let back = Role.popupBackground
    var line = StyledLine(
      DisplayText(Quantity.fixed(hit.score, digits: 2)).padded(to: 5, .right), Style(.hit, on: back))
    line.append("  \(DisplayText(hit.path))", Style(on: back))
    line.append(":\(hit.startLine)", Style(.accent, on: back))
    if !hit.symbol.isEmpty { line.append("  \(DisplayText(hit.symbol))", Style(.info, on: back)) }
    line.append("  \(DisplayText(hit.project.rawValue))", Style(.dim, on: back))
    canvas.write(line, x: rect.x + 2, y: y, maxWidth: rect.width - 4)
  }

  private func drawSnippet(_ hit: SearchHit?, into canvas: inout Canvas, _ rect: Rect, from top: Int) {
    guard top < rect.maxY - 2, let hit else { return }
    let style = Style(.popupBorder, on: .popupBackground)
    let rule = DisplayText(String(repeating: canvas.glyphs == .ascii ? "-" : "─", count: rect.width - 2))
    canvas.write(rule, x: rect.x + 1, y: top, style: style)
    let lines = hit.snippet.split(separator: "\n", omittingEmptySubsequences: false)
    var y = top + 1
    for line in lines where y < rect.maxY - 1 {
      canvas.write(
        DisplayText(String(line)), x: rect.x + 3, y: y, style: Style(on: .popupBackground), maxWidth: rect.width - 6)
      y += 1
    }
    if hit.snippet.isEmpty {
      canvas.write(
        "the file has changed since it was indexed", x: rect.x + 3, y: y, style: Style(.dim, on: .popupBackground),
        maxWidth: rect.width - 6)
    }
  }
}
