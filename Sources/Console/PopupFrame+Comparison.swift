internal import Base
internal import ControlPlane

/// The look of two runs of a suite: name, before, after, change, verdict.
extension PopupFrame {
  private static let (figureWidth, changeWidth, verdictWidth) = (11, 8, 11)

  static func comparisonRect(width: Int, height: Int) -> Rect {
    let boxWidth = width < 84 ? width : min(140, max(80, width * 8 / 10))
    let boxHeight = height < 20 ? height : max(18, height * 8 / 10)
    return Rect(x: (width - boxWidth) / 2, y: (height - boxHeight) / 2, width: boxWidth, height: boxHeight)
  }

  /// Lines of the list, between the two runs and the heading above and the note below.
  static func comparisonRows(width: Int, height: Int) -> Int {
    max(1, comparisonRect(width: width, height: height).height - 6)
  }

  func draw(_ sheet: ComparisonSheet, into canvas: inout Canvas, _ rect: Rect) {
    let back = Role.popupBackground
    let (x, width) = (rect.x + 2, rect.width - 4)
    canvas.write(
      " \(sheet.suite): the last two runs ", x: x, y: rect.y, style: Style(.title, on: back, .bold), maxWidth: width)
    canvas.write(
      "\(Self.run(sheet.before))  \(canvas.sign(.right))  \(Self.run(sheet.after))", x: x, y: rect.y + 1,
      style: Style(on: back), maxWidth: width)
    let heading = columns(
      "NAME", "BEFORE", "AFTER", "CHANGE", StyledLine("VERDICT", Style(.dim, on: back)), Style(.dim, on: back),
      width: width, canvas)
    canvas.write(heading, x: x, y: rect.y + 2, maxWidth: width)
    let rows = Self.comparisonRows(width: model.width, height: model.height)
    var y = rect.y + 3
    for (index, row) in sheet.rows.enumerated().dropFirst(sheet.cursor.top).prefix(rows) {
      canvas.write(line(row, width: width, canvas), x: x, y: y, maxWidth: width)
      if index == sheet.cursor.selected {
        canvas.select(row: y, in: Rect(x: rect.x + 1, y: y, width: rect.width - 2, height: 1))
      }
      y += 1
    }
    drawNote(sheet, into: &canvas, rect)
    let below = sheet.rows.count - sheet.cursor.top - rows
    let keys: DisplayText = below > 0 ? " \(Figures.grouped(below)) more  Esc closes " : " Esc closes "
    canvas.write(keys, x: rect.maxX - 2 - keys.width, y: rect.maxY - 1, style: Style(.dim, on: back))
  }

  private func drawNote(_ sheet: ComparisonSheet, into canvas: inout Canvas, _ rect: Rect) {
    let regressions = sheet.rows.count { $0.verdict == .regressed }
    let (text, role): (DisplayText, Role) =
      if regressions > 0 {
        ("\(canvas.sign(.failed)) \(DisplayText(Figures.counted(regressions, "regression")))", .err)
      } else if sheet.isUnproven {
        ("unproven: a verdict takes \(BenchComparison.runsMin) runs of each (signalbox bench --runs 5)", .warn)
      } else {
        ("\(canvas.sign(.ok)) no regression", .ok)
      }
    canvas.write(
      text, x: rect.x + 2, y: rect.maxY - 2, style: Style(role, on: .popupBackground), maxWidth: rect.width - 4)
  }

  /// `1795215547000-ab12 9f31c2e 22:59 load 0.4`.
  private static func run(_ report: BenchReport) -> DisplayText {
    let clock = Timestamp.clock(report.timeMilliseconds).prefix(5)
    return DisplayText("\(report.commit.prefix(12)) \(clock) load \(Quantity.fixed(report.machine.load, digits: 1))")
  }

  private func line(_ row: BenchComparison.Row, width: Int, _ canvas: Canvas) -> StyledLine {
    let back = Role.popupBackground
    func figure(_ value: Double?) -> DisplayText {
      value.map { DisplayText("\(Figures.short($0)) \(row.unit)") } ?? "-"
    }
    let change = row.ratio.map { ratio in
      let percent = (ratio - 1) * 100
      return "\(percent >= 0 ? "+" : "")\(Quantity.fixed(percent, digits: abs(percent) < 100 ? 1 : 0))%"
    }
    let (sign, role): (DisplayText, Role) =
      switch row.verdict {
      case .better: (canvas.sign(.ok), .ok)
      case .same: (canvas.sign(.separator), .dim)
      case .regressed: (canvas.sign(.failed), .err)
      case .unproven: (canvas.sign(.separator), .warn)
      case .missing: (canvas.sign(.separator), .dim)
      }
    return columns(
      DisplayText(row.name), figure(row.before), figure(row.after), DisplayText(change ?? "-"),
      StyledLine("\(sign) \(row.verdict.rawValue)", Style(role, on: back)), Style(on: back), width: width, canvas)
  }

  private func columns(
    _ name: DisplayText, _ before: DisplayText, _ after: DisplayText, _ change: DisplayText, _ verdict: StyledLine,
    _ style: Style, width: Int, _ canvas: Canvas
  ) -> StyledLine {
    let nameWidth = max(8, width - 2 * Self.figureWidth - Self.changeWidth - Self.verdictWidth - 4)
    var line = StyledLine(name.fitted(to: nameWidth, repertoire: canvas.repertoire), style)
    for (text, width) in [(before, Self.figureWidth), (after, Self.figureWidth), (change, Self.changeWidth)] {
      line.append(" \(text.fitted(to: width, .right, repertoire: canvas.repertoire))", style)
    }
    line.append(" ", style)
    line.append(verdict)
    return line
  }
}
