internal import Base
internal import ControlPlane

/// Programs of agents: those that wait and run, then those that ended.
struct SandboxPane: EnginePane, ListPane {
  let id = PaneID.sandbox

  static let purpose = "Runs of agents' programs: language, state, memory, time, and what stopped them."
  /// Bytes of live output kept for the run that is looked at.
  static let outputMax = 64 << 10

  /// What is known of the engine.
  enum Knowledge: Equatable {
    case nothing, absent
    case present(SandboxSnapshot)
  }

  /// What may be drawn: changes of anything else change no picture.
  private(set) var knowledge = Knowledge.nothing
  /// Active ones first, then ended ones, newest first.
  var list = RowList(SandboxPane.shape)
  /// Of the selected run, while the pane has the screen to itself.
  private(set) var detail: RunDetail?
  private(set) var detailRefusal: String?
  /// What the selected run has written so far, while it runs.
  private(set) var output: [UInt8] = []
  /// Whether the pane is zoomed, or the only one there is room for: then the selection stays with its run.
  var isAlone = false
  /// Whether there is room for what the selected run is and wrote.
  var showsDetail = false
  /// Runs that ended, a second, in the last minute.
  private(set) var ended = Series(least: 1)

  private var secondHand = SecondHand()
  private var total: UInt64?
  private var asked: String?
  /// The run that `detail` and `output` are of.
  private var shownID: String?
  private var isDetailDue = false

  var snapshot: SandboxSnapshot? {
    if case .present(let snapshot) = knowledge { snapshot } else { nil }
  }

  /// Those that the filter lets through.
  var runs: [RunSummary] { list.rows }
  var cursor: ListCursor { list.cursor }
  var selected: RunSummary? { list.selected }

  func run(_ id: String) -> RunSummary? {
    guard let snapshot else { return nil }
    return (snapshot.active + snapshot.recent).first { $0.id == id }
  }

  // MARK: - News

  mutating func take(_ news: News, height: Int) -> Bool {
    switch news {
    case .snapshot(let snapshot): return take(snapshot, height: height)
    case .events(let events): return take(events, height: height)
    case .answer(.run(let id), let result): return take(id, result)
    case .outcome(.killRun(let id), _) where marks.contains(id):
      list.unmark(id)
      return true
    case .link(.live):
      asked = nil
      isDetailDue = true
      return false
    default: return false
    }
  }

  private mutating func take(_ snapshot: Snapshot, height: Int) -> Bool {
    let old = knowledge
    knowledge = snapshot.sandbox.map { .present($0.asShown) } ?? .absent
    let isMoved = snapshot.sandbox.map { addTrend($0, uptime: snapshot.uptimeSeconds) } ?? false
    guard old != knowledge else { return isMoved }
    sift(height: height)
    return true
  }

  private mutating func addTrend(_ sandbox: SandboxSnapshot, uptime: Double) -> Bool {
    if secondHand.isOver(at: uptime) { (ended, total) = (Series(least: 1), nil) }
    guard let seconds = secondHand.advance(to: uptime) else { return false }
    let count = Double(sandbox.total - min(total ?? sandbox.total, sandbox.total))
    total = sandbox.total
    return ended.add(count / seconds, seconds: Int(seconds.rounded()))
  }

  /// Runs that come and go between two snapshots, and what the selected one writes.
  private mutating func take(_ events: [Event], height: Int) -> Bool {
    guard var sandbox = snapshot else { return false }
    var isChanged = false
    for event in events {
      switch event.body {
      case .run(let run):
        sandbox.take(run)
        if run.id == selected?.id { isDetailDue = true }
        isChanged = true
      case .runOutput(let piece) where piece.id == selected?.id:
        output = Array((output + piece.bytes.bytes).suffix(Self.outputMax))
        isChanged = isChanged || showsDetail
      default: break
      }
    }
    guard isChanged else { return false }
    knowledge = .present(sandbox)
    sift(height: height)
    return true
  }

  private mutating func take(_ id: String, _ result: Result<Answer, Failure>) -> Bool {
    if asked == id { asked = nil }
    guard selected?.id == id else { return false }
    let old = (detail, detailRefusal)
    switch result {
    case .success(.run(let new)): (detail, detailRefusal) = (new, nil)
    case .failure(let failure): (detail, detailRefusal) = (nil, failure.message)
    case .success: break
    }
    return old != (detail, detailRefusal)
  }

  /// What the node should be asked now; `height` is 0 while the pane is hidden.
  mutating func questions(height: Int) -> [Query] {
    guard height > 0, showsDetail, plan(height: height).detail > 0, let run = selected, asked == nil else { return [] }
    let isOther = detail?.summary.id != run.id && detailRefusal == nil
    guard isOther || isDetailDue else { return [] }
    asked = run.id
    isDetailDue = false
    return [.run(id: run.id)]
  }

  // MARK: - Rows

  private mutating func sift(height: Int) {
    let all = (snapshot?.active.reversed() ?? []) + (snapshot?.recent ?? [])
    list.set(all, staysFirst: !isAlone)
    settle(height: height)
  }

  mutating func selectionMoved() {
    guard list.selectedID != shownID else { return }
    shownID = list.selectedID
    output = []
    detailRefusal = nil
    if detail?.summary.id != shownID { detail = nil }
  }

  func plan(height: Int) -> SandboxPlan { SandboxPlan(height: height, showsDetail: showsDetail) }

  func tableRows(_ height: Int) -> Int {
    let plan = plan(height: height)
    return Table.rowsMax(height: plan.table, count: runs.count, hasHeader: plan.hasHeader)
  }

  func tableTop(_ height: Int) -> Int { plan(height: height).hasHeader ? 1 : 0 }

  var selectedText: String? { selected.map { "\($0.id)\t\($0.language)\t\($0.title)" } }
}

/// Which lines of the pane a height has room for.
struct SandboxPlan: Equatable {
  let hasHeader: Bool
  let table: Int
  /// Lines of figures: outcomes, languages.
  let facts: Int
  /// Lines of charts: how runs went, and how long starts and programs take.
  let charts: Int
  /// Lines about the selected run, its rule included.
  let detail: Int

  init(height: Int, showsDetail: Bool) {
    hasHeader = height >= 4
    charts = height >= 32 ? 7 : height >= 21 ? 2 : 0
    detail = showsDetail && height >= 16 ? (height >= 40 ? height / 2 : height * 11 / 20) - charts / 2 : 0
    facts = height >= 8 ? 2 : 0
    table = max(0, height - detail - facts - charts)
  }
}

extension SandboxSnapshot {
  /// Puts a run where its state says it belongs.
  mutating func take(_ run: RunSummary) {
    active.removeAll { $0.id == run.id }
    recent.removeAll { $0.id == run.id }
    if run.state == .finished {
      recent = [run] + recent.prefix(Self.recentMax - 1)
    } else {
      active.append(run)
    }
    running = active.count { $0.state == .running }
    queued = active.count { $0.state == .queued }
  }

  /// Without what no picture shows, so that an idle sandbox stays equal to itself.
  var asShown: SandboxSnapshot {
    var shown = self
    shown.latency = latency.rounded(digits: 1)
    shown.startLatency = startLatency.rounded(digits: 1)
    for row in shown.active.indices {
      shown.active[row].durationMilliseconds = shown.active[row].durationMilliseconds / 1_000 * 1_000
    }
    return shown
  }
}
