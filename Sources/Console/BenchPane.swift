internal import Base
internal import ControlPlane

/// The last bench of this node: every figure with its bound and how it went before.
struct BenchPane: ListPane {
  let id = PaneID.bench
  /// Runs asked for: the length of a trend.
  static let historyMax = 20

  /// Newest last.
  private(set) var reports: [BenchReport] = []
  private(set) var progress: BenchProgress?
  private(set) var isLoading = true
  var list = RowList(BenchPane.shape)

  /// One line of the table.
  enum Row: Equatable {
    case result(BenchReport.Result)
    case failed(BenchReport.Failed)

    var suite: String {
      switch self {
      case .result(let result): result.suite
      case .failed(let failed): failed.suite
      }
    }

    var name: String {
      switch self {
      case .result(let result): result.name
      case .failed(let failed): failed.name
      }
    }
  }

  static let actions = [
    Action(
      id: "bench.run", title: "Run the benches of this node", keys: [.character("b")],
      hint: .init(group: .act, label: "bench", rank: 7, home: .bench), verb: "bench", argument: "[SUITE …]",
      changesNode: true,
      refusal: { $0.isBenchRunning ? "a bench is running" : nil },
      run: { model, input in model.askForBench(input) }),
    Action(
      id: "bench.compare", title: "Compare the last two runs of the selected row's suite", keys: [.character("c")],
      scope: .panes([.bench]), hint: .init(group: .act, label: "compare", rank: 9, home: .bench), verb: "compare",
      refusal: { model in
        (model.panes[.bench] as? BenchPane)?.comparison == nil ? "the suite has not been run twice" : nil
      },
      run: { model, _ in model.compareBenches() }),
  ]

  var latest: BenchReport? { reports.last }

  /// Of the suite that the selected row belongs to.
  var comparison: ComparisonSheet? {
    guard let suite = list.selected?.suite else { return nil }
    return ComparisonSheet(suite: suite, reports: reports)
  }

  mutating func take(_ news: News, height: Int) -> Bool {
    switch news {
    case .answer(.benchHistory, .success(.benchHistory(let history))):
      isLoading = false
      reports = history.sorted { $0.timeMilliseconds < $1.timeMilliseconds }.suffix(Self.historyMax)
    case .answer(.benchHistory, .failure):
      isLoading = false
    case .outcome(.runBench, .success(let outcome)):
      progress = nil
      if case .bench(let report) = outcome.result { add(report) }
    case .outcome(.runBench, .failure):
      progress = nil
    case .link(.live):
      // What happened meanwhile was not heard; the next word of a run says where it is.
      progress = nil
    case .events(let events):
      return take(events)
    default:
      return false
    }
    list.set((latest?.results ?? []).map(Row.result) + (latest?.failures ?? []).map(Row.failed))
    settle(height: height)
    return true
  }

  private mutating func take(_ events: [Event]) -> Bool {
    var isChanged = false
    for event in events {
      guard case .benchProgress(let now) = event.body else { continue }
      progress = now.fraction < 1 ? now : nil
      isChanged = true
    }
    return isChanged
  }

  private mutating func add(_ report: BenchReport) {
    reports.removeAll { $0.id == report.id }
    reports = (reports + [report]).suffix(Self.historyMax)
  }

  func tableRows(_ height: Int) -> Int {
    let height = height - (progress == nil ? 0 : 1)
    return Table.rowsMax(height: height, count: list.rows.count, hasHeader: height >= 5)
  }

  func tableTop(_ height: Int) -> Int {
    let above = progress == nil ? 0 : 1
    return above + (height - above >= 5 ? 1 : 0)
  }

  func summary(_ scene: Scene) -> DisplayText {
    if let progress {
      let left: DisplayText = progress.etaSeconds.map { " · \(Self.left($0)) left" } ?? ""
      return "running \(Quantity.fixed(progress.fraction * 100, digits: 0))%\(left)"
    }
    guard let latest else { return isLoading ? "…" : "no run yet" }
    let missed = latest.missed
    let clock = Timestamp.clock(latest.timeMilliseconds).prefix(5)
    return "last run \(clock) · \(missed == 0 ? "all met" : "\(missed) missed")"
  }

  func draw(into canvas: inout Canvas, area: Rect, scene: Scene) {
    var area = area
    if let progress { area = draw(progress, into: &canvas, area: area) }
    guard latest != nil else {
      guard progress == nil else { return }
      let none: DisplayText = "no bench has run on this node\(scene.isReadOnly ? "" : ": b runs one")"
      let text: DisplayText = isLoading ? "… asking the node for its last bench" : none
      canvas.write(text, x: area.x + 1, y: area.y, style: Style(.dim), maxWidth: area.width - 2)
      return
    }
    guard !list.rows.isEmpty else {
      canvas.write(
        "none of \(Figures.counted(list.all.count, "row")) fits /\(filter)", x: area.x + 1, y: area.y,
        style: Style(.dim), maxWidth: area.width - 2)
      return
    }
    let rows = list.rows.map { row in
      switch row {
      case .result(let result): fields(of: result, glyphs: canvas.glyphs)
      case .failed(let failed): Self.fields(of: failed, glyphs: canvas.glyphs)
      }
    }
    let table = Table(
      columns: Self.columns, rows: rows, cursor: list.cursor, isFocused: scene.isFocused, hasHeader: area.height >= 5,
      sorting: sorting)
    table.draw(into: &canvas, area: area)
  }

  private func draw(_ progress: BenchProgress, into canvas: inout Canvas, area: Rect) -> Rect {
    let barWidth = min(30, area.width / 3)
    Bar(fraction: progress.fraction, style: Style(.busy)).draw(into: &canvas, x: area.x + 1, y: area.y, width: barWidth)
    let percent = DisplayText(Quantity.fixed(progress.fraction * 100, digits: 0)).padded(to: 4, .right)
    var what: DisplayText = "\(percent)%  \(canvas.sign(.running)) "
    if let number = progress.number, let count = progress.count { what = "\(what)\(number)/\(count) " }
    // The time left keeps its place: a long name gives way.
    let left: DisplayText = progress.etaSeconds.map { "  \(Self.left($0)) left" } ?? ""
    let room = max(0, area.width - barWidth - 2 - left.width)
    let x = area.x + 1 + barWidth
    canvas.write("\(what)\(progress.suite) \(progress.workload)", x: x, y: area.y, style: Style(.busy), maxWidth: room)
    canvas.write(left, x: x + room, y: area.y, style: Style(.dim), maxWidth: left.width)
    return Rect(x: area.x, y: area.y + 1, width: area.width, height: area.height - 1)
  }

  /// `8 s`, `4 min`: about, by the pace so far.
  private static func left(_ seconds: Double) -> DisplayText {
    DisplayText("~" + Figures.age(milliseconds: Int64(min(max(0, seconds), 1e6) * 1_000)))
  }

  private static let columns = [
    Table.Column(title: "NAME", width: 23, isFlexible: true, rank: 0),
    Table.Column(title: "VALUE", width: 9, alignment: .right, rank: 1),
    Table.Column(title: "TARGET", width: 10, alignment: .right, rank: 3),
    Table.Column(title: "OF TARGET", width: 9, rank: 4),
    Table.Column(title: "P50", width: 6, alignment: .right, rank: 7),
    Table.Column(title: "P99", width: 6, alignment: .right, rank: 6),
    Table.Column(title: "TREND", width: 8, rank: 5),
    Table.Column(title: "VERDICT", width: 8, rank: 2),
  ]

  private func fields(of result: BenchReport.Result, glyphs: GlyphSet) -> [Table.Field] {
    let bound = result.target.map { "\(result.isLowerBetter ? "<=" : ">=") \(Figures.short($0)) \(result.unit)" } ?? "-"
    return [
      .text("\(result.suite) \(result.name)"),
      .text("\(Figures.short(result.value)) \(result.unit)"),
      .text(DisplayText(bound), Style(.dim)),
      Self.share(of: result),
      .text(DisplayText(result.p50.map(Figures.short) ?? "-")),
      .text(DisplayText(result.p99.map(Figures.short) ?? "-")),
      .meter(trend(of: result)),
      Self.verdict(of: result, glyphs: glyphs),
    ]
  }

  /// How much of its bound a figure uses up: full is at the bound, and past it red.
  private static func share(of result: BenchReport.Result) -> Table.Field {
    guard let target = result.target, let met = result.met else { return .text("-", Style(.dim)) }
    let (part, whole) = result.isLowerBetter ? (result.value, target) : (target, result.value)
    let fraction = met ? (whole > 0 ? part / whole : 0) : 1
    return .meter(Bar(fraction: fraction, style: Style(met ? .graphLow : .err)))
  }

  private static func fields(of failed: BenchReport.Failed, glyphs: GlyphSet) -> [Table.Field] {
    let none = Table.Field.text("-", Style(.dim))
    return [
      .text("\(failed.suite) \(failed.name): \(failed.reason)", Style(.err)), none, none, none, none, none, none,
      .text("\(glyphs.sign(.failed)) failed", Style(.err, .bold)),
    ]
  }

  private static func verdict(of result: BenchReport.Result, glyphs: GlyphSet) -> Table.Field {
    switch result.met {
    case true: .text("\(glyphs.sign(.ok)) met", Style(.ok))
    case false: .text("\(glyphs.sign(.failed)) missed", Style(.err, .bold))
    case nil: .text("\(glyphs.sign(.separator)) none", Style(.dim))
    }
  }

  /// The runs so far; half of the height is their median, so that a line that stays is flat and a jump is seen.
  private func trend(of result: BenchReport.Result) -> Sparkline {
    let values = reports.compactMap { report in
      report.results.first { $0.suite == result.suite && $0.name == result.name }?.value
    }
    let sorted = values.sorted()
    return Sparkline(values: values, scaleMax: sorted.isEmpty ? nil : 2 * sorted[sorted.count / 2])
  }

  var selectedText: String? {
    switch list.selected {
    case .result(let result): "\(result.suite) \(result.name) \(result.value) \(result.unit)"
    case .failed(let failed): "\(failed.suite) \(failed.name) failed: \(failed.reason)"
    case nil: nil
    }
  }
}
