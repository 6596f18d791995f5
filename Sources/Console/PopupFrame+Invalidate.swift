internal import Base
internal import ControlPlane

/// The look of the form that asks what to invalidate.
extension PopupFrame {
  static let invalidateWidth = 66
  private static let labelWidth = 12

  /// Lines: a border, a space, the rows, a space, the note and the help, a border.
  static func height(of form: InvalidateForm, width: Int) -> Int {
    form.rows.count + 5 + note(of: form, width: width).count
  }

  private static func note(of form: InvalidateForm, width: Int) -> [DisplayText] {
    let text: String =
      switch form.note {
      case .none: help(form)
      case .asking: "… looking for what it would touch"
      case .found(let text): text
      case .complaint(let text): text
      }
    return Array(wrapped(text, width: width - 8).prefix(4))
  }

  private static func help(_ form: InvalidateForm) -> String {
    switch form.focused {
    case .strategy, .event: "Left and Right choose"
    case .namespace: "a-z, 0-9 and -; sb- namespaces are the node's own"
    case .paths: "separated by commas; empty: all files of the project"
    case .value:
      switch form.strategy {
      case .pattern: "* any text, ? one character, [a-z] one of these, \\ takes the next one as itself"
      case .tag: "separated by commas; a value with any of them goes"
      case .event: "the project it happened to; empty: every project"
      case .key: "the key itself; what depends on it goes with it"
      }
    }
  }

  /// The form's row at a line of the screen.
  func row(of form: InvalidateForm, y: Int) -> InvalidateForm.Row? {
    let index = y - rect.y - 2
    return form.rows.indices.contains(index) ? form.rows[index] : nil
  }

  func draw(_ form: InvalidateForm, into canvas: inout Canvas, _ rect: Rect) {
    canvas.write(
      " Invalidate ", x: rect.x + 2, y: rect.y, style: Style(.title, on: .popupBackground, .bold),
      maxWidth: rect.width - 4)
    var y = rect.y + 2
    for row in form.rows where y < rect.maxY - 1 {
      draw(row, of: form, into: &canvas, rect, y: y)
      y += 1
    }
    y += 1
    let (sign, role) = Self.mark(form.note)
    for (index, line) in Self.note(of: form, width: rect.width).enumerated() where y < rect.maxY - 1 {
      let style = Style(role, on: .popupBackground)
      if index == 0, let sign { canvas.write(canvas.sign(sign), x: rect.x + 3, y: y, style: style) }
      canvas.write(line, x: rect.x + 5, y: y, style: style, maxWidth: rect.width - 7)
      y += 1
    }
    let keys: DisplayText = " Enter shows what it would touch  Esc closes "
    let width = min(keys.width, rect.width - 4)
    canvas.write(
      keys, x: rect.maxX - 2 - width, y: rect.maxY - 1, style: Style(.dim, on: .popupBackground), maxWidth: width)
  }

  private static func mark(_ note: InvalidateForm.Note) -> (sign: GlyphSet.Sign?, role: Role) {
    switch note {
    case .none: (nil, .dim)
    case .asking: (nil, .busy)
    case .found: (.idle, .info)
    case .complaint: (.failed, .err)
    }
  }

  private func draw(
    _ row: InvalidateForm.Row, of form: InvalidateForm, into canvas: inout Canvas, _ rect: Rect, y: Int
  ) {
    let isFocused = row == form.focused
    let label = Style(isFocused ? .key : .dim, on: .popupBackground, isFocused ? .bold : [])
    if isFocused { canvas.write(canvas.sign(.running), x: rect.x + 1, y: y, style: label) }
    canvas.write(DisplayText(Self.name(of: row, form)), x: rect.x + 3, y: y, style: label)
    let x = rect.x + 3 + Self.labelWidth
    let width = rect.maxX - 2 - x
    switch row {
    case .strategy:
      draw(InvalidateForm.Strategy.allCases.map(\.rawValue), chosen: form.strategy.rawValue, &canvas, x: x, y: y)
      if isFocused { canvas.cursor = Canvas.Cursor(x: x, y: y, isVisible: false) }
    case .event:
      draw(CacheSelection.Event.allCases.map(\.rawValue), chosen: form.event.rawValue, &canvas, x: x, y: y)
      if isFocused { canvas.cursor = Canvas.Cursor(x: x, y: y, isVisible: false) }
    case .namespace, .value, .paths:
      guard let field = form.field(row) else { return }
      let style = Style(.input, on: .popupBackground, .underline)
      canvas.fill(Rect(x: x, y: y, width: width, height: 1), style: style)
      let cursor = canvas.cursor
      field.draw(into: &canvas, x: x, y: y, width: width, style: style)
      if !isFocused { canvas.cursor = cursor }
    }
  }

  private func draw(_ choices: [String], chosen: String, _ canvas: inout Canvas, x: Int, y: Int) {
    var x = x
    for choice in choices {
      let isChosen = choice == chosen
      let style =
        isChosen ? Style(.foreground, on: .popupBackground, [.bold, .reverse]) : Style(.dim, on: .popupBackground)
      x = canvas.write(isChosen ? "[\(choice)]" : " \(choice) ", x: x, y: y, style: style) + 1
    }
  }

  private static func name(of row: InvalidateForm.Row, _ form: InvalidateForm) -> String {
    switch row {
    case .strategy: "By"
    case .event: "Event"
    case .namespace: "Namespace"
    case .paths: "Paths"
    case .value:
      switch form.strategy {
      case .pattern: "Pattern"
      case .tag: "Tags"
      case .event: "Project"
      case .key: "Key"
      }
    }
  }
}
