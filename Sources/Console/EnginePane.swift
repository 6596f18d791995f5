internal import Base

/// A pane whose engine this node does not run: it says so, and what would be seen here.
protocol EnginePane: Pane {
  /// What the engine's figures will be, in a few words.
  static var purpose: String { get }
}

extension EnginePane {
  func summary(_ scene: Scene) -> DisplayText { "not running" }

  func draw(into canvas: inout Canvas, area: Rect, scene: Scene) {
    drawAbsence(into: &canvas, area: area)
  }

  /// Returns the first line that is still free.
  @discardableResult
  func drawAbsence(into canvas: inout Canvas, area: Rect, withPurpose: Bool = true) -> Int {
    let engine = DisplayText(id.engine ?? id.name)
    let lines = withPurpose ? PopupFrame.wrapped(Self.purpose, width: area.width - 4) : []
    var y = area.y
    canvas.write(canvas.sign(.idle), x: area.x + 1, y: y, style: Style(.dim))
    canvas.write("this node runs no \(engine) engine", x: area.x + 3, y: y, maxWidth: area.width - 4)
    y += area.height > lines.count + 1 && withPurpose ? 2 : 1
    for line in lines where y < area.maxY {
      canvas.write(line, x: area.x + 3, y: y, style: Style(.dim), maxWidth: area.width - 4)
      y += 1
    }
    return y
  }
}
