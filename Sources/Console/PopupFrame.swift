internal import Base

/// Where a popup is and how it looks: centred, at most 70 % of the screen; lists on a small screen are as wide as their
/// lines need.
struct PopupFrame {
  let model: ConsoleModel

  static func listRows(width: Int, height: Int) -> Int { max(1, boxHeight(height) - 4) }

  static func boxHeight(_ height: Int) -> Int { height < 16 ? height : max(14, height * 7 / 10) }
  private static func boxWidth(_ width: Int) -> Int { width < 72 ? width : min(100, max(70, width * 7 / 10)) }

  var rect: Rect {
    var width = Self.boxWidth(model.width)
    var height = Self.boxHeight(model.height)
    switch model.popup {
    // What an action does is a sentence.
    case .help, .palette: width = min(model.width, max(width, 84))
    case .confirm(let dialog):
      height = min(height, body(of: dialog).count + (dialog.expected == nil ? 5 : 7))
      width = min(width, max(56, model.width * 7 / 10), 66)
    case .themes(let picker):
      height = min(height, picker.themes.count + 4)
      width = min(width, 58)
    case .invalidate(let form):
      width = min(width, Self.invalidateWidth)
      height = min(model.height, Self.height(of: form, width: width))
    case .broadcast(let form):
      width = min(width, Self.invalidateWidth)
      height = min(model.height, Self.height(of: form, width: width))
    case .search: return Self.searchRect(width: model.width, height: model.height)
    case .run: return Self.runRect(width: model.width, height: model.height)
    case .comparison: return Self.comparisonRect(width: model.width, height: model.height)
    case .health: (width, height) = healthSize(width: width, height: model.height)
    default: break
    }
    return Rect(x: (model.width - width) / 2, y: (model.height - height) / 2, width: width, height: height)
  }

  /// The list's row, from 0, at a cell.
  func row(atX x: Int, y: Int) -> Int? {
    let row = y - rect.y - 2
    return x > rect.x && x < rect.maxX - 1 && row >= 0 && row < listRows ? row : nil
  }

  private var listRows: Int { max(1, rect.height - 4) }

  func draw(into canvas: inout Canvas) {
    guard let popup = model.popup else { return }
    if case .filter = popup { return }
    let rect = rect
    canvas.fill(rect, style: Style(on: .popupBackground))
    canvas.box(rect, style: Style(.popupBorder, on: .popupBackground))
    canvas.clipped(to: rect) { canvas in
      switch popup {
      case .palette(let palette): draw(palette, into: &canvas, rect)
      case .help(let sheet): draw(sheet, into: &canvas, rect)
      case .themes(let picker): draw(picker, into: &canvas, rect)
      case .confirm(let dialog): draw(dialog, into: &canvas, rect)
      case .invalidate(let form): draw(form, into: &canvas, rect)
      case .broadcast(let form): draw(form, into: &canvas, rect)
      case .search(let sheet): draw(sheet, into: &canvas, rect)
      case .run(let form): draw(form, into: &canvas, rect)
      case .comparison(let sheet): draw(sheet, into: &canvas, rect)
      case .health: drawHealth(into: &canvas, rect)
      case .filter: break
      }
    }
  }

  private func title(_ text: DisplayText, _ canvas: inout Canvas, _ rect: Rect) {
    canvas.write(
      " \(text) ", x: rect.x + 2, y: rect.y, style: Style(.title, on: .popupBackground, .bold), maxWidth: rect.width - 4
    )
  }

  private func hint(_ text: DisplayText, _ canvas: inout Canvas, _ rect: Rect) {
    let shown: DisplayText = " \(text) "
    let width = min(shown.width, rect.width - 4)
    canvas.write(
      shown, x: rect.maxX - 2 - width, y: rect.maxY - 1, style: Style(.dim, on: .popupBackground), maxWidth: width)
  }

  private func select(row y: Int, _ canvas: inout Canvas, _ rect: Rect) {
    canvas.select(row: y, in: Rect(x: rect.x + 1, y: y, width: rect.width - 2, height: 1))
  }

  private func more(_ below: Int, _ canvas: inout Canvas, _ rect: Rect) {
    guard below > 0 else { return }
    canvas.write(
      " \(canvas.sign(.more)) \(Figures.grouped(below)) more ", x: rect.x + 2, y: rect.maxY - 1,
      style: Style(.dim, on: .popupBackground))
  }

  // MARK: - Lists

  private func draw(_ palette: Palette, into canvas: inout Canvas, _ rect: Rect) {
    title("Command", &canvas, rect)
    hint("Enter does it  Esc closes", &canvas, rect)
    var y = rect.y + 2
    for (index, entry) in palette.entries.enumerated().dropFirst(palette.cursor.top).prefix(listRows) {
      draw(entry.action, argument: entry.argument, into: &canvas, rect, y: y)
      if index == palette.cursor.selected { select(row: y, &canvas, rect) }
      y += 1
    }
    if palette.entries.isEmpty {
      canvas.write("no action is called so", x: rect.x + 2, y: y, style: Style(.dim, on: .popupBackground))
    }
    more(palette.entries.count - palette.cursor.top - listRows, &canvas, rect)
    canvas.write(":", x: rect.x + 2, y: rect.y + 1, style: Style(.key, on: .popupBackground, .bold))
    palette.field.draw(
      into: &canvas, x: rect.x + 3, y: rect.y + 1, width: rect.width - 5, style: Style(.input, on: .popupBackground))
  }

  /// `keys  what it does  command word`, or why not.
  private func draw(_ action: Action, argument: String?, into canvas: inout Canvas, _ rect: Rect, y: Int) {
    let reason = action.reason(in: model, argument: argument)
    let keysWidth = rect.width >= 50 ? 13 : 6
    let text = Style(reason == nil ? .foreground : .dim, on: .popupBackground)
    canvas.write(
      DisplayText(action.keyLabels), x: rect.x + 2, y: y,
      style: Style(reason == nil ? .key : .dim, on: .popupBackground, .bold), maxWidth: keysWidth)
    var line = StyledLine(DisplayText(action.title), text)
    if let reason {
      line.append("  \(canvas.sign(.closed)) \(reason)", Style(.warn, on: .popupBackground))
    } else if let verb = action.verb {
      line.append("  :\(verb)", Style(.info, on: .popupBackground))
      if let wanted = argument ?? action.argument { line.append(" \(wanted)", Style(.info, on: .popupBackground)) }
    }
    let x = rect.x + 3 + keysWidth
    canvas.write(line, x: x, y: y, maxWidth: rect.maxX - 2 - x)
  }

  private func draw(_ sheet: HelpSheet, into canvas: inout Canvas, _ rect: Rect) {
    title(sheet.title, &canvas, rect)
    hint(sheet.hasActions ? "Enter does the line  Esc closes" : "Esc closes", &canvas, rect)
    var y = rect.y + 2
    for (index, row) in sheet.rows.enumerated().dropFirst(sheet.cursor.top).prefix(listRows) {
      switch row {
      case .heading(let text):
        canvas.write(
          DisplayText(text), x: rect.x + 2, y: y, style: Style(.accent, on: .popupBackground, [.bold, .underline]))
      case .note(let text):
        canvas.write(
          DisplayText(text), x: rect.x + 2, y: y, style: Style(on: .popupBackground), maxWidth: rect.width - 4)
      case .action(let action):
        draw(action, argument: nil, into: &canvas, rect, y: y)
      }
      if index == sheet.cursor.selected { select(row: y, &canvas, rect) }
      y += 1
    }
    more(sheet.rows.count - sheet.cursor.top - listRows, &canvas, rect)
  }

  private func draw(_ picker: ThemePicker, into canvas: inout Canvas, _ rect: Rect) {
    title("Theme", &canvas, rect)
    hint("Enter keeps it  Esc takes the old one", &canvas, rect)
    var y = rect.y + 2
    for (index, theme) in picker.themes.enumerated().dropFirst(picker.cursor.top).prefix(listRows) {
      let mark = theme.name == picker.original ? canvas.sign(.ok) : " "
      let name = DisplayText(theme.name).fitted(to: 22, repertoire: canvas.repertoire)
      canvas.write("\(mark) \(name)", x: rect.x + 2, y: y, style: Style(on: .popupBackground))
      canvas.write(
        DisplayText(theme.note), x: rect.x + 28, y: y, style: Style(.dim, on: .popupBackground),
        maxWidth: max(0, rect.width - 30))
      if index == picker.cursor.selected { select(row: y, &canvas, rect) }
      y += 1
    }
    more(picker.themes.count - picker.cursor.top - listRows, &canvas, rect)
  }
}
