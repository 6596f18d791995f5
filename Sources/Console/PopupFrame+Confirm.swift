internal import Base

/// The look of a question.
extension PopupFrame {
  private func buttons(of dialog: ConfirmDialog) -> [DisplayText] {
    ["[ 1 \(dialog.cancelLabel) ]", "[ 2 \(dialog.confirmLabel) ]"]
  }

  private var rectWidth: Int { min(model.width, max(56, model.width * 7 / 10), 66) }

  func body(of dialog: ConfirmDialog) -> [DisplayText] {
    let width = rectWidth - 6
    let text = dialog.body.flatMap { Self.wrapped($0, width: width) }
    let room = Self.boxHeight(model.height) - text.count - (dialog.expected == nil ? 5 : 7)
    return text + lines(of: dialog.sample, room: room, width: width)
  }

  /// Names as they are, spaces included, and how many there are besides.
  private func lines(of sample: ConfirmDialog.Sample, room: Int, width: Int) -> [DisplayText] {
    guard !sample.names.isEmpty, room >= 2 else { return [] }
    let places = room - 1
    let isWhole = sample.names.count == sample.total && sample.total <= places
    let shown = sample.names.prefix(isWhole ? places : max(0, places - 1))
    let names = shown.map { "  \($0)" as DisplayText }.map { $0.truncated(to: width) }
    let rest = sample.total - shown.count
    return [.empty] + names + (isWhole ? [] : ["  and \(Figures.grouped(rest)) more"])
  }

  /// Words of outside text in lines of at most `width` cells.
  static func wrapped(_ text: String, width: Int) -> [DisplayText] {
    var lines: [DisplayText] = []
    var line = DisplayText.empty
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      let piece = DisplayText(String(word)).truncated(to: max(1, width))
      if line.isEmpty {
        line = piece
      } else if line.width + 1 + piece.width <= width {
        line += " "
        line += piece
      } else {
        lines.append(line)
        line = piece
      }
    }
    return lines + [line]
  }

  private func buttonPlaces(of dialog: ConfirmDialog) -> [(text: DisplayText, x: Int, y: Int)] {
    let texts = buttons(of: dialog)
    let total = texts.reduce(-2) { $0 + $1.width + 2 }
    var x = max(rect.x + 2, rect.maxX - 3 - total)
    return texts.map { text in
      defer { x += text.width + 2 }
      return (text, x, rect.maxY - 2)
    }
  }

  /// Whether the button at a cell confirms; nil where there is none.
  func button(atX x: Int, y: Int, of dialog: ConfirmDialog) -> Bool? {
    let index = buttonPlaces(of: dialog).firstIndex { x >= $0.x && x < $0.x + $0.text.width && y == $0.y }
    return index.map { $0 == 1 }
  }

  func draw(_ dialog: ConfirmDialog, into canvas: inout Canvas, _ rect: Rect) {
    canvas.write(
      " \(dialog.title) ", x: rect.x + 2, y: rect.y, style: Style(.title, on: .popupBackground, .bold),
      maxWidth: rect.width - 4)
    var y = rect.y + 2
    for line in body(of: dialog) where y < rect.maxY - 2 {
      canvas.write(line, x: rect.x + 3, y: y, style: Style(on: .popupBackground), maxWidth: rect.width - 5)
      y += 1
    }
    for (index, button) in buttonPlaces(of: dialog).enumerated() {
      let isConfirm = index == 1
      let isFocused = dialog.expected == nil && isConfirm == dialog.isConfirmFocused
      var style = Style(isConfirm ? .dangerButton : .foreground, on: .popupBackground)
      if isFocused { style = style.with([.bold, .reverse]) }
      canvas.write(button.text, x: button.x, y: button.y, style: style, maxWidth: rect.maxX - 1 - button.x)
      if isFocused { canvas.cursor = Canvas.Cursor(x: button.x, y: button.y, isVisible: false) }
    }
    guard dialog.expected != nil else { return }
    let prompt = canvas.write("> ", x: rect.x + 3, y: y + 1, style: Style(.key, on: .popupBackground, .bold))
    dialog.field.draw(
      into: &canvas, x: prompt, y: y + 1, width: rect.maxX - 3 - prompt, style: Style(.input, on: .popupBackground))
  }
}
