internal import Base
internal import ControlPlane

/// The selected row, whole: its figures, its bound, its peer, its change, and how it went through the runs.
extension BenchPane {
  func drawDetail(into canvas: inout Canvas, area: Rect, now: Moment) {
    guard area.height > 1, let selected else { return }
    let rule = DisplayText(String(repeating: canvas.glyphs == .ascii ? "-" : "─", count: area.width))
    canvas.write(rule, x: area.x, y: area.y, style: Style(.border))
    let head: DisplayText = " \(selected.suite) \(selected.name) "
    canvas.write(head, x: area.x + 2, y: area.y, style: Style(.title), maxWidth: area.width - 4)
    let x = area.x + 1
    var width = area.width - 2
    switch selected {
    case .failed(let failed):
      let text: DisplayText = "\(canvas.sign(.failed)) no figure: \(failed.reason)"
      canvas.write(text, x: x, y: area.y + 1, style: Style(.err), maxWidth: width)
    case .result(let result):
      // The history stands beside the lines where there is room, else below them.
      let isBeside = width >= 170
      let half = isBeside ? width / 2 : 0
      let history = Rect(
        x: x + half, y: area.y + (isBeside ? 1 : 5), width: width - half, height: area.height - (isBeside ? 1 : 5))
      drawHistory(of: result, into: &canvas, area: history)
      if isBeside { width = half - 2 }
      for (index, line) in lines(of: result, canvas).enumerated() {
        canvas.write(line, x: x, y: area.y + 1 + index, maxWidth: width)
      }
    }
  }

  private func lines(of result: BenchReport.Result, _ canvas: Canvas) -> [StyledLine] {
    var value = StyledLine("value ", Style(.dim))
    value.append("\(Figures.short(result.value)) \(result.unit)", Style(.foreground, on: .background, .bold))
    for (name, figure) in [("p50", result.p50), ("p95", result.p95), ("p99", result.p99)] {
      guard let figure else { continue }
      value.append("  \(name) ", Style(.dim))
      value.append(DisplayText(Figures.short(figure)))
    }
    value.append("  \(Figures.counted(result.samples, "sample"))", Style(.dim))
    if let noise = result.noise {
      value.append(
        "  noise \(canvas.sign(.plusMinus))\(Quantity.fixed(noise * 100, digits: noise < 0.1 ? 1 : 0))%", Style(.dim))
    }
    return [value, bound(of: result, canvas), change(of: result, canvas)]
      + (result.baseline.map { [peer($0, of: result)] } ?? [])
  }

  private func bound(of result: BenchReport.Result, _ canvas: Canvas) -> StyledLine {
    guard let usage = Self.usage(of: result), let met = result.met else {
      return StyledLine("no target: shown to be watched", Style(.dim))
    }
    var line = StyledLine("target ", Style(.dim))
    line.append("\(Self.bound(of: result))  ")
    line.append("\(canvas.sign(met ? .ok : .failed)) \(met ? "met" : "missed")", met ? Style(.ok) : Style(.err, .bold))
    if usage.isFinite, usage < 1_000 {
      line.append("  \(Quantity.fixed(usage * 100, digits: 0))% of it used", Style(.dim))
    }
    return line
  }

  private func change(of result: BenchReport.Result, _ canvas: Canvas) -> StyledLine {
    guard let base, let row = change(of: result) else {
      return StyledLine(run == nil ? "no run before to compare with" : "compared when the run has ended", Style(.dim))
    }
    let clock = Timestamp.clock(base.report.timeMilliseconds).prefix(5)
    var line = StyledLine("base  ", Style(.dim))
    line.append("\(base.report.commit.prefix(14)) \(clock)  \(row.before.map(Figures.short) ?? "-") \(row.unit)  ")
    let (word, style) = Self.look(of: row.verdict, canvas)
    line.append("\(Self.percent(row.ratio)) \(word)", style)
    line.append(
      "  within \(canvas.sign(.plusMinus))\(Quantity.fixed(row.margin * 100, digits: 0))% is noise, runs "
        + "\(row.runsBefore)/\(row.runsAfter)", Style(.dim))
    return line
  }

  private func peer(_ peer: BenchReport.Baseline, of result: BenchReport.Result) -> StyledLine {
    var line = StyledLine("peer  ", Style(.dim))
    line.append("\(peer.name) \(Figures.short(peer.value)) \(result.unit)")
    line.append("  ours is x\(Quantity.fixed(peer.ratio, digits: 2))", Style(.dim))
    return line
  }

  /// Every run a column, the newest right, and what they were between.
  private func drawHistory(of result: BenchReport.Result, into canvas: inout Canvas, area: Rect) {
    let history = history(of: result)
    let values = history.map(\.result.value)
    guard area.height > 1, let least = values.min(), let most = values.max() else { return }
    let middle = BenchComparison.median(values)
    let times = [history.first, history.last].map { entry in
      entry?.report.map { String(Timestamp.clock($0.timeMilliseconds).prefix(5)) } ?? "now"
    }
    let span = values.count > 1 ? "\(times[0]) to \(times[1])" : times[0]
    let text =
      "history  \(Figures.counted(values.count, "run")), \(span)   least \(Figures.short(least))  median "
      + "\(Figures.short(middle))  most \(Figures.short(most)) \(result.unit)"
    canvas.write(DisplayText(text), x: area.x, y: area.y, style: Style(.dim), maxWidth: area.width)
    // Two cells a run, so that neighbours are told apart.
    let columns = values.suffix(max(1, area.width / 2)).flatMap { [$0, 0.0] }
    Histogram(buckets: columns, scaleMax: 1.5 * middle, height: area.height - 1)
      .draw(into: &canvas, x: area.x, y: area.y + 1, width: area.width)
  }
}
