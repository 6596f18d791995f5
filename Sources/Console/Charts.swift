internal import Base
internal import ControlPlane

/// What a chart shows, and how on one line or on several. Charts of all panes are these two.
enum Chart {
  /// How a figure went in the last minute: `unit` follows the figure and the scale's top.
  case trend(title: DisplayText, figure: DisplayText, series: Series, unit: DisplayText, style: Style)
  /// How long something takes: percentiles, and how often it took how long.
  case latency(title: DisplayText, summary: LatencySummary)

  static func trend(
    _ title: DisplayText, _ series: Series, unit: DisplayText = "/s", style: Style = Style(.spark)
  ) -> Chart {
    let figure = series.values.last.map { DisplayText(Figures.short($0 < 10 ? $0 : $0.rounded())) } ?? "-"
    return .trend(title: title, figure: figure, series: series, unit: unit, style: style)
  }
}

/// Charts in a pane: one below the other in a line each, or from `blockHeight` lines on beside each other.
struct ChartStrip {
  /// A heading, the picture, and an axis.
  static let blockHeight = 5
  private static let gap = 3
  /// Cells of a column of a histogram; of a minute, and its scale at the right.
  private static let (rangesMin, scaleWidth) = (8, 6)

  let charts: [Chart]

  func draw(into canvas: inout Canvas, area: Rect) {
    guard area.height >= Self.blockHeight, !charts.isEmpty else {
      for (line, chart) in charts.prefix(area.height).enumerated() {
        drawLine(chart, into: &canvas, x: area.x, y: area.y + line, width: area.width)
      }
      return
    }
    let width = (area.width - Self.gap * (charts.count - 1)) / charts.count
    for (column, chart) in charts.enumerated() {
      let x = area.x + column * (width + Self.gap)
      drawBlock(chart, into: &canvas, area: Rect(x: x, y: area.y, width: width, height: area.height))
    }
  }

  // MARK: - A line

  private static let titleWidth = 9

  /// `in        4.1k/s ⣀⣤⣶⣿⣿  60 s, top 5k/s`.
  private func drawLine(_ chart: Chart, into canvas: inout Canvas, x: Int, y: Int, width: Int) {
    switch chart {
    case .trend(let title, let figure, let series, let unit, let style):
      var column = canvas.write(title.padded(to: Self.titleWidth), x: x, y: y, style: Style(.dim), maxWidth: width)
      column = canvas.write("\(figure.padded(to: 5, .right))\(unit) ", x: column, y: y, maxWidth: x + width - column)
      let note: DisplayText = " 60 s, top \(Self.top(series))\(unit)"
      let cells = min(Series.length / canvas.glyphs.valuesPerCell, x + width - column - note.width)
      guard cells > 3 else { return }
      Sparkline(values: series.values, scaleMax: series.top, style: style)
        .draw(into: &canvas, x: column, y: y, width: cells)
      canvas.write(note, x: column + cells, y: y, style: Style(.dim), maxWidth: note.width)
    case .latency(let title, let summary):
      var column = canvas.write(title.padded(to: Self.titleWidth), x: x, y: y, style: Style(.dim), maxWidth: width)
      guard let ranges = Ranges(summary) else {
        canvas.write("none yet", x: column, y: y, style: Style(.dim), maxWidth: x + width - column)
        return
      }
      column = canvas.write(Self.percentiles(summary), x: column, y: y, maxWidth: x + width - column)
      let (first, last) = ranges.ends(canvas)
      column = canvas.write("  \(first) ", x: column, y: y, style: Style(.dim), maxWidth: x + width - column)
      guard x + width - column > ranges.counts.count + last.width else { return }
      Histogram(buckets: ranges.counts, scaleMax: ranges.largest)
        .draw(into: &canvas, x: column, y: y, width: ranges.counts.count)
      canvas.write(" \(last)", x: column + ranges.counts.count, y: y, style: Style(.dim))
    }
  }

  /// `p50 0.41  p95 1.20  p99 1.90 ms`, and in seconds from one on.
  static func percentiles(_ summary: LatencySummary, isShort: Bool = false) -> DisplayText {
    let isLong = summary.p99 >= 1_000
    func short(_ value: Double) -> DisplayText {
      DisplayText(Figures.short(isLong ? value / 1_000 : value)).padded(to: 4, .right)
    }
    let unit: DisplayText = isLong ? "s " : "ms"
    let middle: DisplayText = isShort ? "" : "p95 \(short(summary.p95))  "
    return "p50 \(short(summary.p50))  \(middle)p99 \(short(summary.p99)) \(unit)"
  }

  /// The scale's top is a round number: `5k` and not `5.0k`.
  private static func top(_ series: Series) -> DisplayText {
    DisplayText(Figures.short(series.top).replacing(".0", with: ""))
  }

  // MARK: - A block

  private func drawBlock(_ chart: Chart, into canvas: inout Canvas, area: Rect) {
    let picture = Rect(x: area.x, y: area.y + 1, width: area.width, height: area.height - 2)
    switch chart {
    case .trend(let title, let figure, let series, let unit, let style):
      let x = canvas.write("\(title)  ", x: area.x, y: area.y, style: Style(.dim), maxWidth: area.width)
      canvas.write("\(figure)\(unit)", x: x, y: area.y, maxWidth: area.maxX - x)
      let cells = max(0, min(Series.length / canvas.glyphs.valuesPerCell, area.width - Self.scaleWidth))
      AreaChart(values: series.values, scaleMax: series.top, height: picture.height, style: style)
        .draw(into: &canvas, x: picture.x, y: picture.y, width: cells)
      let scaleX = area.x + cells + 1
      canvas.write(Self.top(series), x: scaleX, y: picture.y, style: Style(.dim), maxWidth: Self.scaleWidth - 1)
      canvas.write("0", x: scaleX, y: picture.maxY - 1, style: Style(.dim))
      drawAxis("60 s", "now", into: &canvas, x: area.x, y: picture.maxY, width: cells)
    case .latency(let title, let summary):
      let x = canvas.write("\(title)  ", x: area.x, y: area.y, style: Style(.dim), maxWidth: area.width)
      guard let ranges = Ranges(summary) else {
        canvas.write("none yet", x: x, y: area.y, style: Style(.dim), maxWidth: area.maxX - x)
        return
      }
      let whole = Self.percentiles(summary)
      let fits = x + whole.width <= area.maxX
      canvas.write(
        fits ? whole : Self.percentiles(summary, isShort: true), x: x, y: area.y, maxWidth: area.maxX - x)
      let breadth = max(1, min(3, area.width / ranges.counts.count))
      let width = ranges.counts.count * breadth
      Histogram(buckets: ranges.counts, scaleMax: ranges.largest, height: picture.height, breadth: breadth)
        .draw(into: &canvas, x: picture.x, y: picture.y, width: width)
      let (first, last) = ranges.ends(canvas)
      drawAxis(first, last, into: &canvas, x: area.x, y: picture.maxY, width: width)
    }
  }

  /// Two ends and the line between them.
  private func drawAxis(
    _ first: DisplayText, _ last: DisplayText, into canvas: inout Canvas, x: Int, y: Int, width: Int
  ) {
    let line = width - first.width - last.width - 2
    guard line >= 0 else { return }
    let dash: DisplayText = canvas.glyphs == .ascii ? "-" : "─"
    canvas.write("\(first) \(dash.repeated(line)) \(last)", x: x, y: y, style: Style(.dim), maxWidth: width)
  }

  /// The ranges of a summary between the first and the last that holds something, at least `rangesMin`.
  private struct Ranges {
    let first: Int
    let counts: [Double]
    var largest: Double { counts.max() ?? 0 }

    /// Nil when nothing was counted.
    init?(_ summary: LatencySummary) {
      guard let all = summary.counts, let first = all.firstIndex(where: { $0 > 0 }) else { return nil }
      // Where nothing was, there is room for what comes: the picture moves seldom.
      let start = max(0, min(first, all.count - ChartStrip.rangesMin))
      let missing = max(0, ChartStrip.rangesMin - (all.count - start))
      self.first = start
      counts = all[start...].map(Double.init) + Array(repeating: 0, count: missing)
    }

    /// Where the first range begins and the last one ends.
    func ends(_ canvas: Canvas) -> (DisplayText, DisplayText) {
      let start = first == 0 ? "0" : Self.time(LatencySummary.end(ofRange: first - 1), canvas)
      return (start, Self.time(LatencySummary.end(ofRange: first + counts.count - 1), canvas))
    }

    /// `64 µs`, `4 ms`, `1 s`: powers of two come close enough.
    private static func time(_ milliseconds: Double, _ canvas: Canvas) -> DisplayText {
      if milliseconds < 1 {
        return "\(DisplayText(Quantity.fixed(milliseconds * 1_000, digits: 0))) \(canvas.sign(.micro))s"
      }
      if milliseconds < 1_000 { return DisplayText("\(Quantity.fixed(milliseconds, digits: 0)) ms") }
      return DisplayText("\(Quantity.fixed(milliseconds / 1_000, digits: 0)) s")
    }
  }
}
