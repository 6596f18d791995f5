internal import Base
internal import ControlPlane

/// Projects and how far their index is. The node knows its projects even when no engine indexes them.
struct IndexPane: EnginePane, ListPane {
  let id = PaneID.index

  static let purpose = "Projects: progress, files, searches."

  /// What is known of the engine.
  enum Knowledge: Equatable {
    case nothing, absent
    case present(IndexSnapshot)
  }

  /// What may be drawn: changes of anything else change no picture.
  private(set) var knowledge = Knowledge.nothing
  /// Known to a node that does not index them.
  private(set) var folders: [ProjectSummary] = []
  /// By id, so that no row jumps while it is indexed.
  var list = RowList(IndexPane.shape)

  /// Files read and searches answered in the last minute.
  private(set) var (files, searches) = (Series(), Series(least: 1))

  private var secondHand = SecondHand()
  private var queries: UInt64?

  /// Those that the filter lets through.
  var projects: [ProjectStatus] { list.rows }
  var cursor: ListCursor { list.cursor }

  var snapshot: IndexSnapshot? {
    if case .present(let snapshot) = knowledge { snapshot } else { nil }
  }

  var selected: ProjectStatus? { list.selected }

  var running: Int { snapshot?.projects.count { $0.state == .indexing } ?? 0 }

  // MARK: - News

  mutating func take(_ news: News, height: Int) -> Bool {
    switch news {
    case .snapshot(let snapshot): return take(snapshot, height: height)
    case .events(let events): return take(events, height: height)
    case .outcome(.reindex(let request), _): return unmark(request.project)
    case .outcome(.cancelReindex(let id), _): return unmark(id)
    default: return false
    }
  }

  private mutating func take(_ snapshot: Snapshot, height: Int) -> Bool {
    let old = (knowledge, folders)
    folders = snapshot.projects
    var isMoved = false
    if let index = snapshot.index {
      knowledge = .present(index.asShown)
      isMoved = addTrends(index, uptime: snapshot.uptimeSeconds)
    } else {
      knowledge = .absent
    }
    guard old != (knowledge, folders) else { return isMoved }
    sift(height: height)
    return true
  }

  private mutating func addTrends(_ index: IndexSnapshot, uptime: Double) -> Bool {
    if secondHand.isOver(at: uptime) { (files, searches, queries) = (Series(), Series(least: 1), nil) }
    guard let seconds = secondHand.advance(to: uptime) else { return false }
    let asked = Double(index.queries - min(queries ?? index.queries, index.queries)) / seconds
    queries = index.queries
    let read = index.projects.reduce(0) { $0 + ($1.state == .indexing ? $1.filesPerSecond : 0) }
    let changed = [
      files.add(read, seconds: Int(seconds.rounded())), searches.add(asked, seconds: Int(seconds.rounded())),
    ]
    return changed.contains(true)
  }

  /// What moves between two snapshots.
  private mutating func take(_ events: [Event], height: Int) -> Bool {
    guard var index = snapshot else { return false }
    for event in events {
      guard case .indexProgress(let progress) = event.body,
        let row = index.projects.firstIndex(where: { $0.id == progress.project })
      else { continue }
      index.projects[row].state = .indexing
      index.projects[row].progress =
        progress.filesTotal == 0 ? 0 : Double(progress.filesDone) / Double(progress.filesTotal)
      index.projects[row].filesPerSecond = progress.filesPerSecond
      index.projects[row].etaSeconds = progress.etaSeconds
      index.projects[row].currentFile = progress.currentFile
    }
    let shown = Knowledge.present(index.asShown)
    guard shown != knowledge else { return false }
    knowledge = shown
    sift(height: height)
    return true
  }

  private mutating func unmark(_ id: ProjectID) -> Bool {
    guard list.marks.contains(id.rawValue) else { return false }
    list.unmark(id.rawValue)
    return true
  }

  private mutating func sift(height: Int) {
    list.set((snapshot?.projects ?? []).sorted { $0.id < $1.id })
    settle(height: height)
  }

  // MARK: - Rows

  /// The selected project when something is wrong with it, else the first that has failed.
  var trouble: ProjectStatus? {
    if let selected, selected.state != .indexing, selected.error != nil { return selected }
    return projects.first { $0.state == .failed && $0.error != nil }
  }

  func plan(height: Int) -> IndexPlan {
    IndexPlan(
      height: height, projects: projects.count, extra: (running > 0 ? 1 : 0) + (trouble == nil ? 0 : 1))
  }

  func tableRows(_ height: Int) -> Int {
    let plan = plan(height: height)
    return Table.rowsMax(height: plan.table, count: projects.count, hasHeader: plan.hasHeader)
  }

  func tableTop(_ height: Int) -> Int { plan(height: height).hasHeader ? 1 : 0 }

  var selectedText: String? { selected.map { "\($0.id)\t\($0.path)" } }
}

/// Which lines of the pane a height has room for.
struct IndexPlan: Equatable {
  let hasHeader: Bool
  let table: Int
  /// Lines of figures: what is wrong, queries, embeddings, disk, the file that is read.
  let facts: Int
  /// Lines of charts: how files and searches went, and how long a search takes.
  let charts: Int
  /// An empty line before the lists.
  let gap: Int
  /// Lines of the last runs and journeys, heading included.
  let below: Int

  /// `extra`: lines of figures beyond the three that are always there; the charts say one of those better.
  init(height: Int, projects: Int, extra: Int) {
    hasHeader = height >= 4
    charts = height >= 32 ? 7 : height >= 13 ? 2 : 0
    facts = height >= 10 ? (charts > 0 ? 2 : 3) + extra : height >= 6 ? 1 : 0
    let rest = max(0, height - facts - charts)
    let wanted = max(2, projects) + (hasHeader ? 1 : 0)
    let least = height >= 12 ? rest / 3 : 0
    table = min(rest - least, max(wanted, height < 12 ? rest : 0))
    gap = rest - table > 2 && charts < 3 ? 1 : 0
    below = rest - table - gap
  }
}

extension IndexSnapshot {
  /// Without what no picture shows, so that an idle index stays equal to itself.
  var asShown: IndexSnapshot {
    var shown = self
    func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
    shown.queryLatency = queryLatency.rounded(digits: 2)
    for row in shown.projects.indices {
      shown.projects[row].progress = rounded(shown.projects[row].progress)
      shown.projects[row].filesPerSecond = shown.projects[row].filesPerSecond.rounded()
      shown.projects[row].etaSeconds = shown.projects[row].etaSeconds?.rounded()
    }
    return shown
  }
}
