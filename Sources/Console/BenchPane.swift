internal import Base
internal import ControlPlane

/// The bench of this node: where a run is, its rows as they end, and every figure of the last one with its bound and
/// how it went before.
struct BenchPane: ListPane {
  let id = PaneID.bench
  /// Runs asked for: the length of a trend.
  static let historyMax = 20
  /// Rows of a run under way that are kept.
  static let rowsMax = 1_000

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

  /// A run under way, as far as it was heard of.
  struct Run: Equatable {
    var progress: BenchProgress
    /// By the node's clock; nil from a node that does not say how long it has been running.
    var beganMilliseconds: Int64?
    /// Those that have ended, in order.
    var rows: [Row] = []
  }

  /// Oldest first.
  private(set) var reports: [BenchReport] = []
  private(set) var run: Run?
  /// The last report against the one before it that is of another commit, or else just before.
  private(set) var base: (report: BenchReport, comparison: BenchComparison)?
  private(set) var isLoading = true
  var list = RowList(BenchPane.shape)

  var latest: BenchReport? { reports.last }

  /// What the table shows, as the filter lets it through: of a run under way what it has, otherwise the last run.
  var rows: [Row] { list.rows }
  var cursor: ListCursor { list.cursor }
  var selected: Row? { list.selected }

  private var everyRow: [Row] {
    if let run { return run.rows }
    return (latest?.results ?? []).map(Row.result) + (latest?.failures ?? []).map(Row.failed)
  }

  /// Of the suite that the selected row belongs to.
  var comparison: ComparisonSheet? {
    selected.flatMap { ComparisonSheet(suite: $0.suite, reports: reports) }
  }

  // MARK: - News

  mutating func take(_ news: News, height: Int) -> Bool {
    switch news {
    case .answer(.benchHistory, .success(.benchHistory(let history))):
      isLoading = false
      reports = history.sorted { $0.timeMilliseconds < $1.timeMilliseconds }.suffix(Self.historyMax)
      findBase()
    case .answer(.benchHistory, .failure):
      isLoading = false
    case .outcome(.runBench, .success(let outcome)):
      run = nil
      if case .bench(let report) = outcome.result { add(report) }
    case .outcome(.runBench, .failure(let failure)):
      // Another's run, for which ours was refused, goes on.
      if failure.code != .limit { run = nil }
    // What happens meanwhile is not heard; the next word of the run says where it is.
    case .link(let state) where state != .live:
      run = nil
    case .events(let events):
      guard take(events) else { return false }
    default:
      return false
    }
    list.set(everyRow)
    settle(height: height)
    return true
  }

  private mutating func take(_ events: [Event]) -> Bool {
    var isChanged = false
    for event in events {
      guard case .benchProgress(let now) = event.body else { continue }
      isChanged = true
      guard now.fraction < 1 else {
        run = nil
        continue
      }
      var following = run ?? Run(progress: now)
      following.progress = now
      following.beganMilliseconds = now.elapsedSeconds.map { event.timeMilliseconds - Int64($0 * 1_000) }
      if let row = now.finished.map(Row.result) ?? now.failed.map(Row.failed) { following.take(row) }
      // The newest row stays in sight until somebody looks at another.
      let isAtEnd = run == nil || cursor.selected >= rows.count - 1
      run = following
      list.set(everyRow)
      if isAtEnd { list.select(row: rows.count - 1, room: rows.count) }
    }
    return isChanged
  }

  private mutating func add(_ report: BenchReport) {
    reports.removeAll { $0.id == report.id }
    reports = (reports + [report]).suffix(Self.historyMax)
    findBase()
    list.selectFirst()
  }

  /// As the node counts regressions: against the last other commit that ran some of these suites as thoroughly. With
  /// none, against the run before.
  private mutating func findBase() {
    base = nil
    guard let latest else { return }
    let suites = Set(latest.results.map(\.suite))
    let alike = reports.dropLast().reversed().filter { report in
      (report.isQuick ?? false) == (latest.isQuick ?? false) && report.results.contains { suites.contains($0.suite) }
    }
    let other = alike.first { $0.commit != latest.commit || $0.commit.hasSuffix("-dirty") }
    guard let report = other ?? alike.first else { return }
    let before = other == nil ? [report] : BenchComparison.runs(like: report, in: alike)
    let after = other == nil ? [latest] : BenchComparison.runs(like: latest, in: alike)
    base = (report, BenchComparison(before: before, after: after))
  }

  /// Of the row in the last report.
  func change(of result: BenchReport.Result) -> BenchComparison.Row? {
    guard run == nil else { return nil }
    return base?.comparison.rows.first {
      $0.suite == result.suite && $0.name == result.name && $0.unit == result.unit && $0.before != nil
    }
  }

  /// The figures of a row through all runs alike, oldest first, with the run under way, which is taken for a whole one.
  func history(of result: BenchReport.Result) -> [(report: BenchReport?, result: BenchReport.Result)] {
    let isQuick = run == nil && latest?.isQuick ?? false
    var history: [(report: BenchReport?, result: BenchReport.Result)] = []
    for report in reports where (report.isQuick ?? false) == isQuick {
      guard let past = report.results.first(where: { $0.suite == result.suite && $0.name == result.name }) else {
        continue
      }
      history.append((report, past))
    }
    if run != nil { history.append((nil, result)) }
    return history
  }

  // MARK: - Selection

  func plan(height: Int) -> BenchPlan { BenchPlan(height: height, isRunning: run != nil) }

  func tableRows(_ height: Int) -> Int {
    let plan = plan(height: height)
    return Table.rowsMax(height: plan.table, count: rows.count, hasHeader: plan.hasHeader)
  }

  func tableTop(_ height: Int) -> Int {
    let plan = plan(height: height)
    return plan.progress + (plan.hasHeader ? 1 : 0)
  }

  var selectedText: String? {
    switch selected {
    case .result(let result): "\(result.suite) \(result.name) \(result.value) \(result.unit)"
    case .failed(let failed): "\(failed.suite) \(failed.name) failed: \(failed.reason)"
    case nil: nil
    }
  }
}

extension BenchPane.Run {
  /// A row that is measured several times ends several times: its last word counts.
  fileprivate mutating func take(_ row: BenchPane.Row) {
    if let place = rows.firstIndex(where: { $0.suite == row.suite && $0.name == row.name }) {
      rows[place] = row
    } else if rows.count < BenchPane.rowsMax {
      rows.append(row)
    }
  }
}

/// Which lines of the pane a height has room for.
struct BenchPlan: Equatable {
  /// Lines that say where a run is.
  let progress: Int
  let table: Int
  let hasHeader: Bool
  /// Lines of the selected row's detail.
  let detail: Int

  init(height: Int, isRunning: Bool) {
    let height = max(0, height)
    progress = isRunning ? (height >= 3 ? 2 : min(height, 1)) : 0
    let rest = height - progress
    detail = rest >= 16 ? 8 : 0
    table = rest - detail
    hasHeader = table >= 5
  }
}
