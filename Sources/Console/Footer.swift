internal import Base

/// The last line: what the keys do now in the focused pane, and nothing that does not work.
struct Footer {
  private struct Piece {
    let action: Action
    let hint: Action.Hint
    let isShort: Bool
    var label: String { isShort ? hint.short ?? hint.label : hint.label }
    var width: Int { keys.count + 1 + label.count }

    /// Of several, the first where there is little room.
    var keys: String {
      let all = hint.keys ?? action.keys.first?.label ?? ""
      return isShort ? String(all.prefix { $0 != " " }) : all
    }
  }

  /// Below this width keys and labels are short.
  private static let shortBelow = 110

  let model: ConsoleModel

  /// The pieces that fit, with their columns.
  private func placed() -> [(piece: Piece, x: Int)] {
    var pieces = model.registry.actions.compactMap { action -> Piece? in
      guard let hint = action.hint, action.scope.contains(model.focus.focused), action.reason(in: model) == nil else {
        return nil
      }
      return Piece(action: action, hint: hint, isShort: model.width < Self.shortBelow)
    }
    // What matters most first, and of the rest whatever still fits.
    var kept: [Piece] = []
    for piece in pieces.sorted(by: { rank($0) < rank($1) }) where width(of: kept + [piece]) <= model.width {
      kept.append(piece)
    }
    let ids = Set(kept.map(\.action.id))
    // A stable order: as registered within each group.
    pieces = Action.Hint.Group.allCases.flatMap { group in
      pieces.filter { $0.hint.group == group && ids.contains($0.action.id) }
    }
    var x = 1
    var group: Action.Hint.Group?
    var result: [(piece: Piece, x: Int)] = []
    let leaving = pieces.filter { $0.hint.group == .leave }
    for piece in pieces where piece.hint.group != .leave {
      if let group, group != piece.hint.group { x += 2 }
      group = piece.hint.group
      result.append((piece, x))
      x += piece.width + 2
    }
    x = model.width - 1 - leaving.reduce(-2) { $0 + $1.width + 2 }
    for piece in leaving {
      result.append((piece, x))
      x += piece.width + 2
    }
    return result
  }

  private func rank(_ piece: Piece) -> Int { piece.hint.rank(in: model.focus.focused) }

  private func width(of pieces: [Piece]) -> Int {
    let groups = Set(pieces.map(\.hint.group)).count
    return pieces.reduce(0) { $0 + $1.width + 2 } + 2 * max(0, groups - 1)
  }

  /// The action whose words are at a column.
  func action(atColumn x: Int) -> Action? {
    placed().first { x >= $0.x && x < $0.x + $0.piece.width }?.piece.action
  }

  func draw(into canvas: inout Canvas, area: Rect) {
    let bar = Style(on: .barBackground)
    canvas.fill(area, style: bar)
    var group: Action.Hint.Group?
    for (piece, x) in placed() {
      let isFirstOfGroup = group.map { $0 != piece.hint.group } ?? false
      if isFirstOfGroup, x >= 3 {
        canvas.write(canvas.glyphs == .ascii ? "|" : "│", x: x - 2, y: area.y, style: Style(.dim, on: .barBackground))
      }
      group = piece.hint.group
      let after = canvas.write(
        DisplayText(piece.keys), x: x, y: area.y, style: Style(.key, on: .barBackground, .bold))
      canvas.write(DisplayText(piece.label), x: after + 1, y: area.y, style: bar)
    }
  }

  /// The line of the filter's prompt, in place of the keys.
  func draw(_ prompt: FilterPrompt, into canvas: inout Canvas, area: Rect) {
    let style = Style(.input, on: .barBackground)
    canvas.fill(area, style: style)
    canvas.write("/", x: area.x + 1, y: area.y, style: Style(.key, on: .barBackground, .bold))
    let note: DisplayText =
      prompt.complaint.map { DisplayText($0) } ?? model.panes[prompt.pane].filterHint
    // A long complaint gets what the words typed so far leave.
    let left = area.width - 7 - DisplayText(prompt.field.text).width
    let noteWidth = min(note.width, max(area.width * 6 / 10, left))
    let room = area.width - noteWidth - 5
    prompt.field.draw(into: &canvas, x: area.x + 2, y: area.y, width: room, style: style)
    canvas.write(
      note, x: area.maxX - 1 - noteWidth, y: area.y,
      style: Style(prompt.complaint == nil ? .dim : .err, on: .barBackground), maxWidth: noteWidth)
  }
}

extension TextField {
  /// Draws the input with its cursor always in sight.
  func draw(into canvas: inout Canvas, x: Int, y: Int, width: Int, style: Style) {
    guard width > 1 else { return }
    let before = DisplayText(String(characters.prefix(cursor)), repertoire: canvas.repertoire)
    let whole = DisplayText(text, repertoire: canvas.repertoire)
    let first = max(0, before.width - width + 1)
    canvas.put(whole.slice(from: first, count: width), x: x, y: y, style: style)
    canvas.cursor = Canvas.Cursor(x: x + before.width - first, y: y, isVisible: true)
  }
}
