public import Base

/// A grid of styled cells: all that panes draw on. A value, so that tests compare canvases without a terminal, and the
/// terminal compares the new picture with the old.
///
/// Whatever is drawn outside of the clipping rectangle is lost; a wide character that does not fit whole becomes a
/// space; writing over one half of a wide character blanks the other.
public struct Canvas: Equatable, Sendable {
  /// Where the hardware cursor stands: at the selected row for screen readers, in an input for typing.
  public struct Cursor: Hashable, Sendable {
    public var x: Int
    public var y: Int
    public var isVisible: Bool

    public init(x: Int, y: Int, isVisible: Bool) {
      self.x = x
      self.y = y
      self.isVisible = isVisible
    }
  }

  /// Neighbouring cells of one row that differ from another canvas.
  public struct Run: Equatable, Sendable {
    public let y: Int
    public let columns: Range<Int>
  }

  public let width: Int
  public let height: Int
  public let glyphs: GlyphSet
  public var cursor: Cursor?
  private(set) var clip: Rect
  private var grid: [Cell]

  public init(width: Int, height: Int, glyphs: GlyphSet = .braille, style: Style = .plain) {
    self.width = max(0, width)
    self.height = max(0, height)
    self.glyphs = glyphs
    clip = Rect(x: 0, y: 0, width: width, height: height)
    grid = Array(repeating: .blank(style), count: self.width * self.height)
  }

  public var bounds: Rect { Rect(x: 0, y: 0, width: width, height: height) }

  public subscript(x: Int, y: Int) -> Cell {
    precondition(bounds.contains(x: x, y: y), "a cell outside of the canvas was asked for")
    return grid[y * width + x]
  }

  /// Draws with everything outside of `rect` (and of the clipping rectangle in force) protected.
  public mutating func clipped(to rect: Rect, _ draw: (inout Canvas) -> Void) {
    let outer = clip
    clip = outer.intersection(rect)
    draw(&self)
    clip = outer
  }

  // MARK: - Drawing

  /// Writes `text` from (x, y) to the right, at most `maxWidth` cells. Returns the column after the last cell.
  @discardableResult
  public mutating func put(
    _ text: DisplayText, x: Int, y: Int, style: Style = .plain, maxWidth: Int = .max
  ) -> Int {
    let end = maxWidth >= text.width ? x + text.width : x + max(0, maxWidth)
    guard y >= clip.y, y < clip.maxY else { return end }
    var column = x
    for cell in text.cells {
      guard column < min(end, clip.maxX) else { break }
      place(cell, x: column, y: y, edge: min(end, clip.maxX), style)
      column += cell.width
    }
    return end
  }

  /// Writes one of our own signs.
  public mutating func put(glyph: Character, x: Int, y: Int, style: Style = .plain) {
    set(Cell(glyph: glyph, style), x: x, y: y)
  }

  private mutating func place(_ cell: DisplayText.Cell, x: Int, y: Int, edge: Int, _ style: Style) {
    if cell.width == 1 { return set(Cell(cell, style), x: x, y: y) }
    guard x >= clip.x, x + 1 < edge else {
      for column in x...(x + 1) where column < edge { set(.blank(style), x: column, y: y) }
      return
    }
    set(.rightHalf(style), x: x + 1, y: y)
    set(Cell(cell, style), x: x, y: y)
    grid[y * width + x + 1] = .rightHalf(style)
  }

  /// Blanks `rect` in `style`.
  public mutating func fill(_ rect: Rect, style: Style = .plain) {
    let area = rect.intersection(clip)
    guard !area.isEmpty else { return }
    for y in area.y..<area.maxY {
      for x in area.x..<area.maxX { set(.blank(style), x: x, y: y) }
    }
  }

  /// Changes how the cells of `rect` look and keeps what they say: a selection, or a frame that went dim.
  public mutating func restyle(_ rect: Rect, _ change: (Style) -> Style) {
    let area = rect.intersection(clip)
    guard !area.isEmpty else { return }
    for y in area.y..<area.maxY {
      for index in (y * width + area.x)..<(y * width + area.maxX) { grid[index].style = change(grid[index].style) }
    }
  }

  /// A horizontal line of `length` cells. Where it meets another line the two are joined.
  public mutating func hline(x: Int, y: Int, length: Int, style: Style = Style(.border)) {
    guard length > 0 else { return }
    for step in 0..<length {
      var arms: LineArms = []
      if step > 0 { arms.insert(.left) }
      if step < length - 1 { arms.insert(.right) }
      join(arms, x: x + step, y: y, style)
    }
  }

  /// A vertical line of `length` cells. Where it meets another line the two are joined.
  public mutating func vline(x: Int, y: Int, length: Int, style: Style = Style(.border)) {
    guard length > 0 else { return }
    for step in 0..<length {
      var arms: LineArms = []
      if step > 0 { arms.insert(.up) }
      if step < length - 1 { arms.insert(.down) }
      join(arms, x: x, y: y + step, style)
    }
  }

  /// A frame on the edge of `rect`; neighbours that share an edge share the line.
  public mutating func box(_ rect: Rect, style: Style = Style(.border)) {
    guard rect.width > 1, rect.height > 1 else { return }
    hline(x: rect.x, y: rect.y, length: rect.width, style: style)
    hline(x: rect.x, y: rect.maxY - 1, length: rect.width, style: style)
    vline(x: rect.x, y: rect.y, length: rect.height, style: style)
    vline(x: rect.maxX - 1, y: rect.y, length: rect.height, style: style)
  }

  private mutating func join(_ arms: LineArms, x: Int, y: Int, _ style: Style) {
    guard clip.contains(x: x, y: y) else { return }
    let present = glyphs.arms(of: self[x, y].cluster) ?? []
    set(Cell(glyph: glyphs.line(present.union(arms)), style), x: x, y: y)
  }

  private mutating func set(_ cell: Cell, x: Int, y: Int) {
    guard clip.contains(x: x, y: y) else { return }
    let index = y * width + x
    let old = grid[index]
    if old.width == 0, x > 0 { grid[index - 1] = .blank(grid[index - 1].style) }
    if old.width == 2, x + 1 < width { grid[index + 1] = .blank(grid[index + 1].style) }
    grid[index] = cell
  }

  /// Takes over whole rows of a canvas of the same size.
  mutating func adopt(_ rows: Set<Int>, of other: Canvas) {
    guard other.width == width, other.height == height else { return }
    for y in rows where 0..<height ~= y {
      let row = y * width..<(y + 1) * width
      grid.replaceSubrange(row, with: other.grid[row])
    }
  }

  // MARK: - Comparing

  /// What must be painted to turn `old` into this canvas. Runs start and end at whole characters. A canvas of another
  /// size differs everywhere.
  public func changes(from old: Canvas) -> [Run] {
    guard old.width == width, old.height == height else {
      return (0..<height).map { Run(y: $0, columns: 0..<width) }
    }
    var runs: [Run] = []
    for y in 0..<height { appendChanges(from: old, row: y, to: &runs) }
    return runs
  }

  private func appendChanges(from old: Canvas, row: Int, to runs: inout [Run]) {
    var x = 0
    while x < width {
      let index = row * width + x
      guard grid[index] != old.grid[index] else {
        x += 1
        continue
      }
      var end = x + 1
      while end < width, grid[row * width + end] != old.grid[row * width + end] { end += 1 }
      let start = grid[index].width == 0 && x > 0 ? x - 1 : x
      if end < width, grid[row * width + end].width == 0 { end += 1 }
      runs.append(Run(y: row, columns: start..<end))
      x = end
    }
  }

  /// The text of one row, for tests and for a copy of the screen.
  public func line(_ y: Int) -> String { (0..<width).map { self[$0, y].cluster }.joined() }
}
