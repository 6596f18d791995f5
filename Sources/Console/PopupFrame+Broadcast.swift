internal import Base
internal import ControlPlane

/// The look of the form that asks what to send.
extension PopupFrame {
  private static let broadcastLabelWidth = 8

  /// Lines: a border, a space, the rows, a space, the note, a border.
  static func height(of form: BroadcastForm, width: Int) -> Int {
    BroadcastForm.Row.allCases.count + 5 + note(of: form, width: width).count
  }

  private static func note(of form: BroadcastForm, width: Int) -> [DisplayText] {
    let text: String =
      switch form.note {
      case .none: help(form)
      case .asking: "… counting who would receive it"
      case .complaint(let text): text
      }
    return Array(wrapped(text, width: width - 8).prefix(4))
  }

  private static func help(_ form: BroadcastForm) -> String {
    switch form.focused {
    case .room: "agent:ID, project:ID, task:ID, or a socket's id for that one alone"
    case .event: "the name clients listen for, such as notice"
    case .data: "JSON, passed on as it is typed; empty: none"
    }
  }

  /// The form's row at a line of the screen.
  func row(of form: BroadcastForm, y: Int) -> BroadcastForm.Row? {
    let rows = BroadcastForm.Row.allCases
    let index = y - rect.y - 2
    return rows.indices.contains(index) ? rows[index] : nil
  }

  func draw(_ form: BroadcastForm, into canvas: inout Canvas, _ rect: Rect) {
    canvas.write(
      " Broadcast ", x: rect.x + 2, y: rect.y, style: Style(.title, on: .popupBackground, .bold),
      maxWidth: rect.width - 4)
    var y = rect.y + 2
    for row in BroadcastForm.Row.allCases where y < rect.maxY - 1 {
      draw(row, of: form, into: &canvas, rect, y: y)
      y += 1
    }
    y += 1
    let role: Role =
      switch form.note {
      case .none: .dim
      case .asking: .busy
      case .complaint: .err
      }
    for (index, line) in Self.note(of: form, width: rect.width).enumerated() where y < rect.maxY - 1 {
      let style = Style(role, on: .popupBackground)
      if index == 0, role == .err { canvas.write(canvas.sign(.failed), x: rect.x + 3, y: y, style: style) }
      canvas.write(line, x: rect.x + 5, y: y, style: style, maxWidth: rect.width - 7)
      y += 1
    }
    let keys: DisplayText = " Enter counts who receives it  Esc closes "
    let width = min(keys.width, rect.width - 4)
    canvas.write(
      keys, x: rect.maxX - 2 - width, y: rect.maxY - 1, style: Style(.dim, on: .popupBackground), maxWidth: width)
  }

  private func draw(_ row: BroadcastForm.Row, of form: BroadcastForm, into canvas: inout Canvas, _ rect: Rect, y: Int) {
    let isFocused = row == form.focused
    let label = Style(isFocused ? .key : .dim, on: .popupBackground, isFocused ? .bold : [])
    if isFocused { canvas.write(canvas.sign(.running), x: rect.x + 1, y: y, style: label) }
    let name: DisplayText =
      switch row {
      case .room: "Room"
      case .event: "Event"
      case .data: "Data"
      }
    canvas.write(name, x: rect.x + 3, y: y, style: label)
    let x = rect.x + 3 + Self.broadcastLabelWidth
    let width = rect.maxX - 2 - x
    let style = Style(.input, on: .popupBackground, .underline)
    canvas.fill(Rect(x: x, y: y, width: width, height: 1), style: style)
    let cursor = canvas.cursor
    form.field(row).draw(into: &canvas, x: x, y: y, width: width, style: style)
    if !isFocused { canvas.cursor = cursor }
  }
}
