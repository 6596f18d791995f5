internal import Base
internal import ControlPlane

/// The look of what is wrong with the node: every component that is not well, since when, and what to do about it.
extension PopupFrame {
  private struct Line {
    let text: DisplayText
    let style: Style
    var indent = 0
  }

  func healthSize(width: Int, height: Int) -> (width: Int, height: Int) {
    let width = min(width, 90)
    return (width, min(height, healthLines(width: width - 6).count + 4))
  }

  func drawHealth(into canvas: inout Canvas, _ rect: Rect) {
    canvas.write(
      " What is wrong ", x: rect.x + 2, y: rect.y, style: Style(.title, on: .popupBackground, .bold),
      maxWidth: rect.width - 4)
    for (row, line) in healthLines(width: rect.width - 6).prefix(rect.height - 4).enumerated() {
      let x = rect.x + 3 + line.indent
      canvas.write(line.text, x: x, y: rect.y + 2 + row, style: line.style, maxWidth: rect.maxX - 3 - x)
    }
    let keys: DisplayText = " Esc closes "
    canvas.write(
      keys, x: rect.maxX - 2 - keys.width, y: rect.maxY - 1, style: Style(.dim, on: .popupBackground),
      maxWidth: rect.width - 4)
  }

  private func healthLines(width: Int) -> [Line] {
    let back = Role.popupBackground
    let reasons = model.snapshot?.reasons ?? []
    guard !reasons.isEmpty else { return [Line(text: "nothing is wrong any more", style: Style(.ok, on: back))] }
    var lines: [Line] = []
    for reason in reasons {
      if !lines.isEmpty { lines.append(Line(text: .empty, style: .plain)) }
      let sign = DisplayText(String(model.options.glyphs.sign(.warning)))
      var head: DisplayText = "\(sign) \(DisplayText(reason.component))"
      // A component that was never well has no beginning.
      if reason.since > 0 {
        head = "\(head)  for \(DisplayText(Figures.age(milliseconds: model.now.wall - reason.since)))"
      }
      lines.append(Line(text: head, style: Style(.warn, on: back, .bold)))
      lines += Self.wrapped(reason.reason, width: width - 2).map { Line(text: $0, style: Style(on: back), indent: 2) }
      lines += Self.wrapped(Self.advice(for: reason), width: width - 2).map {
        Line(text: $0, style: Style(.info, on: back), indent: 2)
      }
    }
    return lines
  }

  private static func advice(for reason: Health.Reason) -> String {
    switch reason.component {
    case "redis":
      "Start the server that REDIS_URL names; the node reconnects by itself and sends what waits. "
        + "`signalbox doctor` tests the address."
    case "gateway" where reason.reason.contains("Redis"): "It is whole again when Redis is."
    case "gateway": "Let clients go to another node, or raise the limit of open files and restart."
    case "index": "2 shows the projects; r reindexes the selected one, R from scratch."
    case "sandbox": "`signalbox doctor` names what is missing and how to get it."
    case "state", "audit", "runs": "Make room on the disk of the state folder, and see that the node may write there."
    default: "`signalbox doctor` checks everything this node depends on; 6 shows its log."
    }
  }
}
