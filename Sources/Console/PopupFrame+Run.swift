internal import Base
internal import ControlPlane

/// The look of the form that asks what to run.
extension PopupFrame {
  private static let runLabelWidth = 11

  static func runRect(width: Int, height: Int) -> Rect {
    let boxWidth = width < 84 ? width : min(120, max(80, width * 7 / 10))
    let boxHeight = min(height, max(16, height * 8 / 10))
    return Rect(x: (width - boxWidth) / 2, y: (height - boxHeight) / 2, width: boxWidth, height: boxHeight)
  }

  /// Lines of the program: what the borders, the other rows and the note leave.
  static func programRows(width: Int, height: Int) -> Int {
    max(1, runRect(width: width, height: height).height - (RunForm.Row.allCases.count - 1) - 5)
  }

  /// The form's row at a line of the screen.
  func row(of form: RunForm, y: Int) -> RunForm.Row? {
    var top = rect.y + 2
    for row in RunForm.Row.allCases {
      let height = row == .program ? Self.programRows(width: model.width, height: model.height) : 1
      if (top..<(top + height)).contains(y) { return row }
      top += height
    }
    return nil
  }

  func draw(_ form: RunForm, into canvas: inout Canvas, _ rect: Rect) {
    canvas.write(
      " Run ", x: rect.x + 2, y: rect.y, style: Style(.title, on: .popupBackground, .bold), maxWidth: rect.width - 4)
    var y = rect.y + 2
    for row in RunForm.Row.allCases where y < rect.maxY - 1 {
      draw(row, of: form, into: &canvas, rect, y: y)
      y += row == .program ? Self.programRows(width: model.width, height: model.height) : 1
    }
    let (text, role): (DisplayText, Role) =
      switch form.note {
      case .none: (Self.help(form), .dim)
      case .reading(let path): ("… reading \(DisplayText(path))", .busy)
      case .complaint(let text): ("\(canvas.sign(.failed)) \(DisplayText(text))", .err)
      }
    canvas.write(
      text, x: rect.x + 3, y: rect.maxY - 2, style: Style(role, on: .popupBackground), maxWidth: rect.width - 6)
    let keys: DisplayText = form.focused == .program ? " C-r runs  Tab next  Esc closes " : " Enter runs  Esc closes "
    let width = min(keys.width, rect.width - 4)
    canvas.write(
      keys, x: rect.maxX - 2 - width, y: rect.maxY - 1, style: Style(.dim, on: .popupBackground), maxWidth: width)
  }

  private static func help(_ form: RunForm) -> DisplayText {
    switch form.focused {
    case .language: "left and right choose: python, javascript, typescript, go"
    case .file: "a path on this machine; empty: the program below"
    case .program: "typed or pasted; it runs without network, behind four layers"
    case .arguments: "what the program finds in argv, separated by spaces"
    case .timeout: "such as 500ms, 30s, 5m; empty: the node's default"
    case .memory: "such as 256M; empty: the node's default"
    case .profile: "left and right choose: strict, standard, off"
    }
  }

  private func draw(_ row: RunForm.Row, of form: RunForm, into canvas: inout Canvas, _ rect: Rect, y: Int) {
    let isFocused = row == form.focused
    let label = Style(isFocused ? .key : .dim, on: .popupBackground, isFocused ? .bold : [])
    if isFocused { canvas.write(canvas.sign(.running), x: rect.x + 1, y: y, style: label) }
    canvas.write(row.name, x: rect.x + 3, y: y, style: label)
    let x = rect.x + 3 + Self.runLabelWidth
    let width = rect.maxX - 2 - x
    let style = Style(.input, on: .popupBackground, .underline)
    switch row {
    case .program: draw(form.program, isFocused: isFocused, into: &canvas, x: x, y: y, width: width)
    case .language: choice(form.language, isFocused: isFocused, into: &canvas, x: x, y: y)
    case .profile: choice(form.profile, isFocused: isFocused, into: &canvas, x: x, y: y)
    default:
      guard let field = form.fields[row] else { return }
      canvas.fill(Rect(x: x, y: y, width: width, height: 1), style: style)
      let cursor = canvas.cursor
      field.draw(into: &canvas, x: x, y: y, width: width, style: style)
      if field.text.isEmpty, let standard = standard(row) {
        // The cursor's cell stays free.
        canvas.write(
          standard, x: x + 1, y: y, style: Style(.dim, on: .popupBackground, .underline), maxWidth: width - 1)
      }
      if !isFocused { canvas.cursor = cursor }
    }
  }

  /// What an empty field means.
  private func standard(_ row: RunForm.Row) -> DisplayText? {
    guard let limits = model.sandboxPane?.snapshot?.limits else { return nil }
    switch row {
    case .timeout: return "\(Quantity.describe(milliseconds: Int64(limits.timeoutMilliseconds)))"
    case .memory:
      let (most, usual) = (Int64(limits.memoryBytesMax), Int64(limits.memoryBytes))
      return "\(Quantity.describe(bytes: usual)), at most \(Quantity.describe(bytes: most))"
    default: return nil
    }
  }

  private func choice(_ value: String, isFocused: Bool, into canvas: inout Canvas, x: Int, y: Int) {
    let style = Style(.input, on: .popupBackground, isFocused ? .bold : [])
    let text: DisplayText =
      isFocused ? "\(canvas.sign(.left)) \(DisplayText(value)) \(canvas.sign(.right))" : "\(DisplayText(value))"
    canvas.write(text, x: x, y: y, style: style)
  }

  private func draw(_ area: TextArea, isFocused: Bool, into canvas: inout Canvas, x: Int, y: Int, width: Int) {
    let rows = Self.programRows(width: model.width, height: model.height)
    let style = Style(.input, on: .popupBackground)
    for (line, characters) in area.lines.enumerated().dropFirst(area.top).prefix(rows) {
      let row = y + line - area.top
      let isCurrent = isFocused && line == area.row
      // A long line scrolls so that the cursor stays on the screen.
      let skipped = isCurrent ? max(0, area.column - width + 1) : 0
      let text = String(characters.dropFirst(skipped).map { $0 == "\t" ? " " : $0 })
      canvas.write(DisplayText(text), x: x, y: row, style: style, maxWidth: width)
      if isCurrent {
        let before = DisplayText(String(characters[skipped..<area.column].map { $0 == "\t" ? " " : $0 }))
        canvas.cursor = Canvas.Cursor(x: min(x + before.width, x + width - 1), y: row, isVisible: true)
      }
    }
    let below = area.lines.count - area.top - rows
    if below > 0 {
      canvas.write("\(canvas.sign(.more))", x: x - 2, y: y + rows - 1, style: Style(.dim, on: .popupBackground))
    }
  }
}
