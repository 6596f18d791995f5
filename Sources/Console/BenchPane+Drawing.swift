internal import Base
internal import ControlPlane

extension BenchPane {
  func summary(_ scene: Scene) -> DisplayText {
    if let progress = run?.progress {
      let left: DisplayText = Self.left(progress).map { " · \($0)" } ?? ""
      return "running \(Quantity.fixed(progress.fraction * 100, digits: 0))%\(left)"
    }
    guard let latest else { return isLoading ? "…" : "no run yet" }
    let clock = Timestamp.clock(latest.timeMilliseconds).prefix(5)
    var parts: [DisplayText] = [
      latest.isQuick ?? false ? "last quick run \(clock)" : "last run \(clock)"
    ]
    if latest.missed > 0 {
      parts.append("\(Figures.grouped(latest.missed)) missed")
    } else if latest.results.contains(where: { $0.target != nil }) {
      parts.append("all met")
    }
    if let count = base?.comparison.regressions, count > 0 {
      parts.append(DisplayText(Figures.counted(count, "regression")))
    }
    return parts.joined(separator: " · ")
  }

  func draw(into canvas: inout Canvas, area: Rect, scene: Scene) {
    let plan = plan(height: area.height)
    if let run {
      drawProgress(of: run, into: &canvas, area: area)
      if plan.progress > 1 { drawMeasure(of: run, into: &canvas, area: area, scene: scene) }
    }
    let table = Rect(x: area.x, y: area.y + plan.progress, width: area.width, height: plan.table)
    guard !rows.isEmpty else { return drawNothing(into: &canvas, area: table, scene: scene) }
    Table(
      columns: hasBase ? Self.columns : Self.columnsAlone, rows: rows.map { fields(of: $0, canvas) },
      cursor: cursor, isFocused: scene.isFocused, hasHeader: plan.hasHeader, sorting: sorting
    ).draw(into: &canvas, area: table)
    guard plan.detail > 0 else { return }
    drawDetail(
      into: &canvas, area: Rect(x: area.x, y: table.maxY, width: area.width, height: plan.detail), now: scene.now)
  }

  private func drawNothing(into canvas: inout Canvas, area: Rect, scene: Scene) {
    guard !area.isEmpty else { return }
    let none: DisplayText = "no bench has run on this node\(scene.isReadOnly ? "" : ": b runs one")"
    let text: DisplayText =
      !list.all.isEmpty
      ? "none of \(Figures.counted(list.all.count, "row")) fits /\(filter)"
      : run != nil
        ? "the first row's figure comes when it ends" : isLoading ? "… asking the node for its last bench" : none
    canvas.write(text, x: area.x + 1, y: area.y, style: Style(.dim), maxWidth: area.width - 2)
  }

  // MARK: - A run under way

  /// `━━━━───  34%  ▸ 9/27 gateway NAME   ~4 min left`
  private func drawProgress(of run: Run, into canvas: inout Canvas, area: Rect) {
    guard !area.isEmpty else { return }
    let progress = run.progress
    let barWidth = min(30, area.width / 3)
    Bar(fraction: progress.fraction, style: Style(.busy)).draw(into: &canvas, x: area.x + 1, y: area.y, width: barWidth)
    let percent = DisplayText(Quantity.fixed(progress.fraction * 100, digits: 0)).padded(to: 4, .right)
    var what: DisplayText = "\(percent)%  \(canvas.sign(.running)) "
    if let number = progress.number, let count = progress.count { what = "\(what)\(number)/\(count) " }
    // The time left keeps its place: a long name gives way.
    let left: DisplayText = Self.left(progress).map { "  \($0)" } ?? ""
    let room = max(0, area.width - barWidth - 2 - left.width)
    let x = area.x + 1 + barWidth
    canvas.write("\(what)\(progress.suite) \(progress.workload)", x: x, y: area.y, style: Style(.busy), maxWidth: room)
    canvas.write(left, x: x + room, y: area.y, style: Style(.dim), maxWidth: left.width)
  }

  /// `1:23  round 2/5  1,204 samples  p50 4.10 ms  p99 8.20 ms          K cancels`
  private func drawMeasure(of run: Run, into canvas: inout Canvas, area: Rect, scene: Scene) {
    let way: DisplayText = scene.isReadOnly ? "" : "  K cancels"
    var parts: [StyledLine] = []
    if let began = run.beganMilliseconds {
      let elapsed = max(0, Double(scene.now.wall - began) / 1_000, run.progress.elapsedSeconds ?? 0)
      parts.append(StyledLine(DisplayText(Self.elapsed(elapsed)), Style(.dim)))
    }
    if let measure = run.progress.measure {
      parts.append(StyledLine("round \(measure.round)/\(measure.rounds)", Style(.dim)))
      parts.append(StyledLine(DisplayText(Figures.counted(measure.samples, "sample"))))
      for (name, value) in [("p50", measure.p50), ("p99", measure.p99)] {
        guard let value else { continue }
        var part = StyledLine("\(name) ", Style(.dim))
        part.append("\(Figures.short(value)) \(measure.unit)", Style(.foreground, on: .background, .bold))
        parts.append(part)
      }
    } else {
      parts.append(StyledLine("getting ready", Style(.dim)))
    }
    if !run.rows.isEmpty, area.width >= 100 {
      let failed = run.rows.count { if case .failed = $0 { true } else { false } }
      parts.append(
        StyledLine(
          "\(Figures.counted(run.rows.count, "row")) done\(failed > 0 ? ", \(failed) failed" : "")",
          failed > 0 ? Style(.err) : Style(.dim)))
    }
    let room = area.width - 2 - way.width
    var line = StyledLine()
    for part in parts where line.width + part.width + 2 <= room {
      if line.width > 0 { line.append("  ") }
      line.append(part)
    }
    canvas.write(line, x: area.x + 1, y: area.y + 1, maxWidth: room)
    canvas.write(way, x: area.maxX - 1 - way.width, y: area.y + 1, style: Style(.key), maxWidth: way.width)
  }

  /// `~8 s left`, `~4 min left`: about, by the pace so far. Nil when that gives less than a second: a row that gets
  /// ready longer than all before it have taken would be on the point of ending all the while.
  private static func left(_ progress: BenchProgress) -> DisplayText? {
    guard let seconds = progress.etaSeconds, seconds >= 1 else { return nil }
    return DisplayText("~" + Figures.age(milliseconds: Int64(min(seconds, 1e6) * 1_000)) + " left")
  }

  /// `1:23`, `1:02:03`.
  private static func elapsed(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e6))
    let (hours, minutes) = (whole / 3_600, whole / 60 % 60)
    let tail = "\(whole % 60 < 10 ? "0" : "")\(whole % 60)"
    return hours > 0 ? "\(hours):\(minutes < 10 ? "0" : "")\(minutes):\(tail)" : "\(minutes):\(tail)"
  }

  // MARK: - Rows

  private static let columns = [
    Table.Column(title: "NAME", width: 23, isFlexible: true, rank: 0),
    Table.Column(title: "VALUE", width: 10, alignment: .right, rank: 1),
    Table.Column(title: "P50", width: 6, alignment: .right, rank: 9),
    Table.Column(title: "P99", width: 6, alignment: .right, rank: 8),
    Table.Column(title: "TREND", width: 8, rank: 5),
    Table.Column(title: "VS BASE", width: 7, alignment: .right, rank: 3),
    Table.Column(title: "", width: 11, rank: 4),
    Table.Column(title: "TARGET", width: 12, alignment: .right, rank: 7),
    Table.Column(title: "OF TARGET", width: 9, rank: 6),
    Table.Column(title: "VERDICT", width: 8, rank: 2),
  ]

  /// Where there is nothing to compare with.
  private static let columnsAlone = columns.filter { $0.rank != 3 && $0.rank != 4 }

  /// A run under way is compared when it has ended.
  private var hasBase: Bool { run == nil && base != nil }

  private func fields(of row: Row, _ canvas: Canvas) -> [Table.Field] {
    let none = Table.Field.text("-", Style(.dim))
    switch row {
    case .failed(let failed):
      return [.text("\(failed.suite) \(failed.name): \(failed.reason)", Style(.err))]
        + Array(repeating: none, count: hasBase ? 8 : 6)
        + [.text("\(canvas.sign(.failed)) failed", Style(.err, .bold))]
    case .result(let result):
      let head: [Table.Field] = [
        .text("\(result.suite) \(result.name)"),
        .text("\(Figures.short(result.value)) \(result.unit)", Style(.foreground, on: .background, .bold)),
        .text(DisplayText(result.p50.map(Figures.short) ?? "-")),
        .text(DisplayText(result.p99.map(Figures.short) ?? "-")), .meter(trend(of: result)),
      ]
      let tail: [Table.Field] = [
        .text(DisplayText(Self.bound(of: result)), Style(.dim)), Self.share(of: result), Self.met(result, canvas),
      ]
      return head + (hasBase ? change(of: result, canvas) : []) + tail
    }
  }

  static func bound(of result: BenchReport.Result) -> String {
    result.target.map { "\(result.isLowerBetter ? "<=" : ">=") \(Figures.short($0)) \(result.unit)" } ?? "-"
  }

  /// How much of its bound a figure uses up: full is at the bound, and past it red.
  static func usage(of result: BenchReport.Result) -> Double? {
    guard let target = result.target else { return nil }
    let (part, whole) = result.isLowerBetter ? (result.value, target) : (target, result.value)
    return whole > 0 ? part / whole : part > 0 ? .infinity : 0
  }

  private static func share(of result: BenchReport.Result) -> Table.Field {
    guard let usage = usage(of: result), let met = result.met else { return .text("-", Style(.dim)) }
    return .meter(Bar(fraction: met ? usage : 1, style: Style(met ? .graphLow : .err)))
  }

  private static func met(_ result: BenchReport.Result, _ canvas: Canvas) -> Table.Field {
    switch result.met {
    case true: .text("\(canvas.sign(.ok)) met", Style(.ok))
    case false: .text("\(canvas.sign(.failed)) missed", Style(.err, .bold))
    case nil: .text("\(canvas.sign(.separator)) none", Style(.dim))
    }
  }

  /// Against the base: how much, and what that means.
  private func change(of result: BenchReport.Result, _ canvas: Canvas) -> [Table.Field] {
    guard let row = change(of: result) else {
      return [.text("-", Style(.dim)), .text("\(canvas.sign(.separator)) new", Style(.dim))]
    }
    let (word, style) = Self.look(of: row.verdict, canvas)
    return [.text(DisplayText(Self.percent(row.ratio)), style), .text(word, style)]
  }

  /// `+18.4%`; at most seven characters.
  static func percent(_ ratio: Double?) -> String {
    guard let ratio, ratio.isFinite else { return "-" }
    let percent = (ratio - 1) * 100
    if percent >= 999.5 { return "x\(Figures.short(ratio))" }
    return "\(percent >= 0 ? "+" : "")\(Quantity.fixed(percent, digits: abs(percent) < 100 ? 1 : 0))%"
  }

  static func look(of verdict: BenchComparison.Verdict, _ canvas: Canvas) -> (DisplayText, Style) {
    switch verdict {
    case .better: ("\(canvas.sign(.ok)) better", Style(.ok))
    case .same: ("\(canvas.sign(.ok)) same", .plain)
    case .regressed: ("\(canvas.sign(.failed)) regressed", Style(.err, .bold))
    case .unproven: ("\(canvas.sign(.separator)) unproven", Style(.warn))
    case .missing: ("\(canvas.sign(.separator)) new", Style(.dim))
    }
  }

  /// The runs so far; half of the height is their median, so that a line that stays is flat and a jump is seen.
  private func trend(of result: BenchReport.Result) -> Sparkline {
    let values = history(of: result).map(\.result.value)
    let middle = BenchComparison.median(values)
    return Sparkline(values: values, scaleMax: values.isEmpty ? nil : 2 * middle)
  }
}
