internal import Base

/// Rows of fixed fields with a selection. Column widths come from the columns alone, never from what is in them, so
/// that no field jumps when a figure grows.
struct Table {
  struct Column {
    let title: DisplayText
    /// Cells; of the flexible column, the fewest.
    let width: Int
    var alignment = DisplayText.Alignment.left
    var isFlexible = false
    /// Columns with a lower number stay when the window is narrow.
    var rank = 0
  }

  /// What fills a field.
  enum Field {
    case text(DisplayText, Style = .plain)
    case meter(any Meter)
  }

  let columns: [Column]
  /// All rows, or those that are known of them.
  let rows: [[Field]]
  /// The place of the first of `rows` among all, and how many there are in all; nil: `rows` is all.
  var first = 0
  var count: Int?
  var cursor = ListCursor()
  /// The selection shows only where the keys go.
  var isFocused = false
  var hasHeader = true
  /// The column by which the rows are sorted carries an arrow.
  var sorting: ListOrder?

  /// What stands in a marked row's first field.
  static func mark(_ canvas: Canvas) -> Field {
    .text(canvas.sign(.mark), Style(.accent, on: .background, .bold))
  }

  /// Lines from which on one of them may say how many rows there are below; in fewer, a sign at the edge does.
  private static let roomyFrom = 6

  /// How many rows fit into `height` lines.
  static func rowsMax(height: Int, count: Int, hasHeader: Bool) -> Int {
    let lines = height - (hasHeader ? 1 : 0)
    return count > lines && lines >= roomyFrom ? lines - 1 : max(1, lines)
  }

  func draw(into canvas: inout Canvas, area: Rect) {
    guard !area.isEmpty else { return }
    let shown = fitting(width: area.width - 2)
    var y = area.y
    if hasHeader {
      drawHeader(into: &canvas, columns: shown, x: area.x + 1, y: y)
      y += 1
    }
    let count = count ?? rows.count
    let room = Self.rowsMax(height: area.height, count: count, hasHeader: hasHeader)
    for index in (0..<count).dropFirst(cursor.top).prefix(room) {
      drawRow(index, into: &canvas, columns: shown, area: area, y: y)
      y += 1
    }
    let below = count - cursor.top - room
    guard count > room else { return }
    guard area.maxY > y else {
      let edge = area.maxX - 1
      if cursor.top > 0 { canvas.write(canvas.sign(.up), x: edge, y: y - room, style: Style(.dim)) }
      if below > 0 { canvas.write(canvas.sign(.more), x: edge, y: y - 1, style: Style(.dim)) }
      return
    }
    let text: DisplayText =
      below > 0 ? "\(canvas.sign(.more)) \(Figures.grouped(below)) more" : "\(canvas.sign(.up)) end"
    canvas.write(text, x: area.x + 1, y: area.maxY - 1, style: Style(.dim), maxWidth: area.width - 1)
  }

  private func drawHeader(into canvas: inout Canvas, columns: [(index: Int, width: Int)], x: Int, y: Int) {
    var x = x
    for (index, width) in columns {
      let column = self.columns[index]
      var title = column.title
      if let sorting, !title.isEmpty, title == sorting.title {
        let arrow = canvas.sign(sorting.isDescending ? .down : .up)
        title = "\(title.width < width ? title : title.slice(from: 0, count: width - 1))\(arrow)"
      }
      canvas.write(title.fitted(to: width, column.alignment), x: x, y: y, style: Style(.dim))
      x += width + 1
    }
  }

  private func drawRow(
    _ index: Int, into canvas: inout Canvas, columns: [(index: Int, width: Int)], area: Rect, y: Int
  ) {
    guard rows.indices.contains(index - first) else {
      canvas.write(canvas.sign(.ellipsis), x: area.x + 1, y: y, style: Style(.dim))
      if isFocused, index == cursor.selected { canvas.select(row: y, in: area) }
      return
    }
    let row = rows[index - first]
    var x = area.x + 1
    for (column, width) in columns where column < row.count {
      switch row[column] {
      case .text(let text, let style):
        let shown = DisplayText(text, repertoire: canvas.repertoire)
        canvas.put(
          shown.fitted(to: width, self.columns[column].alignment, repertoire: canvas.repertoire), x: x, y: y,
          style: style)
      case .meter(let meter):
        meter.draw(into: &canvas, x: x, y: y, width: width)
      }
      x += width + 1
    }
    if isFocused, index == cursor.selected { canvas.select(row: y, in: area) }
  }

  /// The columns that fit, with the widths they get.
  private func fitting(width: Int) -> [(index: Int, width: Int)] {
    var kept = Array(columns.indices)
    func needed() -> Int { kept.reduce(-1) { $0 + columns[$1].width + 1 } }
    while needed() > width, kept.count > 1, let last = kept.max(by: { columns[$0].rank < columns[$1].rank }) {
      kept.removeAll { $0 == last }
    }
    let spare = max(0, width - needed())
    return kept.map { index in (index, columns[index].width + (columns[index].isFlexible ? spare : 0)) }
  }
}

extension Canvas {
  /// Marks a row as selected: a bar at its left, the whole row reversed, and the hardware cursor for screen readers.
  mutating func select(row y: Int, in area: Rect) {
    restyle(Rect(x: area.x, y: y, width: area.width, height: 1)) { style in
      Style(.selectionForeground, on: .selectionBackground, style.attributes)
    }
    put(glyph: glyphs.sign(.selection), x: area.x, y: y, style: Style(.accent, on: .selectionBackground, .bold))
    cursor = Cursor(x: area.x, y: y, isVisible: false)
  }
}
