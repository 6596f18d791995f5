internal import Base
internal import ControlPlane

/// Agents' sockets. The node has thousands; the pane knows the page it shows and a little around it, and asks for
/// another when the selection, the order or the filter leaves that one, or when a snapshot says that time has passed.
struct GatewayPane: EnginePane {
  let id = PaneID.sockets

  static let markNoun: String? = "socket"
  static let purpose = "Sockets of agents: who, where, round trip, messages a second, bytes waiting."

  /// What is known of the engine.
  enum Knowledge: Equatable {
    case nothing, absent
    case present(GatewaySnapshot)
  }

  /// A question on its way. One at a time, so that a slow node is asked less often.
  private struct Pending: Equatable {
    var query: SocketQuery
    var since: Int64
    /// Rows on the screen are missing until it is answered.
    var isUrgent: Bool
  }

  /// Milliseconds after which a question counts as lost.
  static let patience: Int64 = 5_000
  /// Sockets that can be marked.
  static let marksMax = PublishRule.kickedMax

  /// What may be drawn: changes of anything else change no picture.
  private(set) var knowledge = Knowledge.nothing
  private(set) var page: SocketPage?
  /// What `page` answers.
  private(set) var answered: SocketQuery?
  /// Why the node shows no list; nil when it does.
  private(set) var refusal: String?
  private(set) var filter = ""
  private(set) var order = SocketQuery.Order.queue
  private(set) var isDescending = true
  private(set) var cursor = ListCursor()
  private(set) var marks: Set<String> = []
  /// Of the selected socket, while the pane has the screen to itself.
  private(set) var detail: SocketDetail?
  private(set) var detailRefusal: String?
  /// Whether the pane is zoomed, or the only one there is room for.
  var isAlone = false
  /// Events of the last minute, from clients and to them.
  private(set) var (eventsIn, eventsOut) = (Series(), Series())
  /// Of the sockets on the page.
  private(set) var roundTrips = RoundTrips()

  private var secondHand = SecondHand()
  private var pending: Pending?
  /// Its answer is marked, and not shown.
  private var marking: SocketQuery?
  private var pendingDetail: String?
  private var isDue = false
  private var isDetailDue = false

  var snapshot: GatewaySnapshot? {
    if case .present(let snapshot) = knowledge { snapshot } else { nil }
  }

  var isAway: Bool { snapshot?.redis.state == .away }

  /// Nil while its page is on its way.
  var selected: SocketRecord? { record(at: cursor.selected) }

  func record(at index: Int) -> SocketRecord? {
    guard let page, page.sockets.indices.contains(index - page.offset) else { return nil }
    return page.sockets[index - page.offset]
  }

  var matching: Int { page?.matching ?? 0 }

  // MARK: - News

  mutating func take(_ news: News, height: Int) -> Bool {
    switch news {
    case .snapshot(let snapshot): return take(snapshot)
    case .answer(.sockets(let query), let result): return take(query, result, height: height)
    case .answer(.socket(let id), let result): return take(id, result)
    case .outcome(.kickSockets(let ids), .success):
      marks.subtract(ids)
      isDue = true
      isDetailDue = true
      return true
    case .link(.live):
      // Another node may answer now, or the same with other rights.
      pending = nil
      pendingDetail = nil
      refusal = nil
      isDue = true
      return false
    default: return false
    }
  }

  private mutating func take(_ snapshot: Snapshot) -> Bool {
    let old = knowledge
    isDue = true
    isDetailDue = true
    guard let gateway = snapshot.gateway else {
      knowledge = .absent
      page = nil
      answered = nil
      marks = []
      return old != .absent
    }
    knowledge = .present(gateway.asShown)
    roundTrips.uptime = snapshot.uptimeSeconds
    return addTrends(gateway, uptime: snapshot.uptimeSeconds) || knowledge != old
  }

  private mutating func addTrends(_ gateway: GatewaySnapshot, uptime: Double) -> Bool {
    if secondHand.isOver(at: uptime) { (eventsIn, eventsOut) = (Series(), Series()) }
    guard let seconds = secondHand.advance(to: uptime) else { return false }
    let changed = [
      eventsIn.add(gateway.inPerSecond, seconds: Int(seconds.rounded())),
      eventsOut.add(gateway.outPerSecond, seconds: Int(seconds.rounded())),
    ]
    return changed.contains(true)
  }

  private mutating func take(
    _ query: SocketQuery, _ result: Result<Answer, Failure>, height: Int
  ) -> Bool {
    if marking == query { return mark(result) }
    if pending?.query == query { pending = nil }
    // An answer to what is no longer wanted: the right one is on its way.
    guard query.filter == wantedFilter, query.sort == order, query.isDescending == isDescending else { return false }
    guard case .success(.sockets(let new)) = result else {
      let old = refusal
      if case .failure(let failure) = result, !failure.isRetriable { refusal = failure.message }
      return refusal != old
    }
    let wanted = selected?.id
    let isSame = new == page && refusal == nil
    refusal = nil
    answered = query
    page = new
    roundTrips.add(new.sockets)
    if let wanted, cursor.selected > 0 || isAlone, let row = new.sockets.firstIndex(where: { $0.id == wanted }) {
      // The selection is a socket, not a line; the first line stays the first while nothing was chosen.
      cursor.select(new.offset + row, count: matching, height: tableRows(height))
    } else {
      cursor.settle(count: matching, height: tableRows(height))
    }
    return !isSame
  }

  private mutating func take(_ id: String, _ result: Result<Answer, Failure>) -> Bool {
    if pendingDetail == id { pendingDetail = nil }
    guard selected?.id == id else { return false }
    let old = (detail, detailRefusal)
    switch result {
    case .success(.socket(let new)): (detail, detailRefusal) = (new, nil)
    case .failure(let failure): (detail, detailRefusal) = (nil, failure.message)
    case .success: break
    }
    return old != (detail, detailRefusal)
  }

  // MARK: - Questions

  private var wantedFilter: String? { filter.isEmpty ? nil : filter }

  /// The page around what is on the screen.
  private func wanted(_ height: Int) -> SocketQuery {
    let rows = max(1, tableRows(height))
    return SocketQuery(
      filter: wantedFilter, sort: order, isDescending: isDescending, offset: max(0, cursor.top - rows),
      limit: min(SocketQuery.limitMax, 3 * rows))
  }

  /// What the node should be asked now; `height` is 0 while the pane is hidden. `now`: milliseconds of a steady clock.
  mutating func questions(height: Int, now: Int64) -> [Query] {
    guard height > 0, snapshot != nil else { return [] }
    var queries: [Query] = []
    let wanted = wanted(height)
    if let pending, now - pending.since > Self.patience { self.pending = nil }
    if pending == nil, refusal == nil, isDue || !covers(wanted, height) {
      pending = Pending(query: wanted, since: now, isUrgent: !covers(wanted, height))
      isDue = false
      queries.append(.sockets(wanted))
    }
    guard isAlone, let id = selected?.id else { return queries }
    let isOther = detail?.socket.id != id && detailRefusal == nil
    if pendingDetail != id, isDetailDue || isOther {
      pendingDetail = id
      isDetailDue = false
      queries.append(.socket(id: id))
    }
    return queries
  }

  /// Whether the picture is incomplete without the answer, and not only old.
  func isAwaiting(_ query: Query) -> Bool {
    switch query {
    case .sockets: pending?.isUrgent ?? false
    case .socket(let id): detail?.socket.id != id
    default: true
    }
  }

  /// Whether the page that is there has every row on the screen.
  private func covers(_ query: SocketQuery, _ height: Int) -> Bool {
    guard let page, let answered, answered.filter == query.filter, answered.sort == query.sort,
      answered.isDescending == query.isDescending
    else { return false }
    let last = min(cursor.top + tableRows(height), page.matching)
    return cursor.top >= page.offset && last <= page.offset + page.sockets.count
  }

  // MARK: - Rows

  func plan(height: Int) -> GatewayPlan {
    GatewayPlan(height: height, isAlone: isAlone, hasNotice: isAway)
  }

  func tableRows(_ height: Int) -> Int {
    let plan = plan(height: height)
    return Table.rowsMax(height: plan.table, count: matching, hasHeader: plan.hasHeader)
  }

  mutating func move(_ motion: Motion, height: Int) {
    cursor.move(motion, count: matching, height: tableRows(height))
    forgetDetail()
  }

  mutating func select(line: Int, height: Int) {
    let plan = plan(height: height)
    let row = line - plan.notice - (plan.hasHeader ? 1 : 0)
    let room = tableRows(height)
    if (0..<room).contains(row), cursor.top + row < matching {
      cursor.select(cursor.top + row, count: matching, height: room)
      forgetDetail()
    }
  }

  mutating func settle(height: Int) { cursor.settle(count: matching, height: tableRows(height)) }

  /// What was refused of one socket says nothing of another.
  private mutating func forgetDetail() {
    if detail?.socket.id != selected?.id { detailRefusal = nil }
  }

  var selectedText: String? { selected.map(\.plainLine) }

  var filterHint: DisplayText { "state=slow queue>64K !not re:REGEX Enter Esc" }

  /// The title says it in places of its own.
  var listNote: DisplayText? { nil }

  // MARK: - What the keys change

  /// Throws `invalid` for text that is no filter; what was shown stays then.
  mutating func setFilter(_ text: String, height: Int) throws(Failure) {
    _ = try SocketFilter.parse(text)
    guard text != filter else { return }
    filter = text
    refusal = nil
    cursor.select(0, count: matching, height: tableRows(height))
  }

  mutating func sort(by column: String?, height: Int) throws(Failure) {
    let all = SocketQuery.Order.allCases
    let index = all.firstIndex(of: order) ?? 0
    switch column {
    case nil: take(all[(index + 1) % all.count])
    // The column beside it, and none beyond the edge.
    case "<": take(all[max(0, index - 1)])
    case ">": take(all[min(all.count - 1, index + 1)])
    case let column?:
      var query = SocketQuery()
      try query.sort(by: column)
      (order, isDescending) = (query.sort, query.isDescending)
    }
    refusal = nil
    cursor.select(0, count: matching, height: tableRows(height))
  }

  private mutating func take(_ order: SocketQuery.Order) {
    self.order = order
    // What is large needs an eye first; names begin at their beginning.
    isDescending = [.rooms, .state, .rtt, .in, .out, .queue].contains(order)
  }

  mutating func reverseSort(height: Int) {
    isDescending.toggle()
    cursor.select(0, count: matching, height: tableRows(height))
  }

  var sorting: ListOrder? {
    ListOrder(
      name: order.rawValue, title: Self.title(of: order), isDescending: isDescending,
      isUsual: order == .queue && isDescending)
  }

  mutating func moveMatch(by distance: Int, height: Int) {
    cursor.move(by: distance, count: matching, height: tableRows(height))
    forgetDetail()
  }

  mutating func toggleMark(height: Int) -> Bool {
    guard let id = selected?.id else { return true }
    if marks.remove(id) == nil {
      guard marks.count < Self.marksMax else { return false }
      marks.insert(id)
    }
    move(.down, height: height)
    return true
  }

  /// Those that are known; what the filter shows besides is asked for by `askForAll`.
  mutating func markAll() -> Bool { true }

  mutating func clearMarks() {
    marks = []
    marking = nil
  }

  /// The question whose answer is marked: what the filter shows, as much of it as can be marked.
  mutating func askForAll() -> SocketQuery {
    let query = SocketQuery(
      filter: wantedFilter, sort: order, isDescending: isDescending, limit: min(Self.marksMax, SocketQuery.limitMax))
    marking = query
    return query
  }

  private mutating func mark(_ result: Result<Answer, Failure>) -> Bool {
    marking = nil
    guard case .success(.sockets(let page)) = result else { return false }
    for socket in page.sockets where marks.count < Self.marksMax { marks.insert(socket.id) }
    return true
  }
}

/// Which lines of the pane a height has room for.
struct GatewayPlan: Equatable {
  /// 1 while something is wrong that a line must say.
  let notice: Int
  let hasHeader: Bool
  let table: Int
  /// Lines of charts: events in and out, and how long a delivery takes.
  let charts: Int
  /// Lines about the selected socket, its rule included.
  let detail: Int

  init(height: Int, isAlone: Bool, hasNotice: Bool) {
    notice = hasNotice && height >= 4 ? 1 : 0
    hasHeader = height >= 4
    charts = isAlone ? (height >= 32 ? 7 : 0) : height >= 18 ? 3 : 0
    detail = isAlone && height >= 14 ? max(7, min(16, height * 9 / 20)) : 0
    table = max(0, height - notice - detail - charts)
  }
}

/// The round trips of the sockets on one page in the last minute.
struct RoundTrips: Sendable, Equatable {
  /// Heartbeats come every few seconds.
  private static let intervalSeconds = 4.0
  static let length = 16
  /// What fills the full height: a person notices more than that.
  static let scaleMaxMilliseconds = 200.0

  /// Of the node, which is the clock.
  var uptime = 0.0
  private var takenAt = 0.0
  private var values: [String: [Double]] = [:]

  subscript(id: String) -> [Double] { values[id] ?? [] }

  /// Sockets that left the page are forgotten.
  mutating func add(_ sockets: [SocketRecord]) {
    let isDue = uptime < takenAt || uptime - takenAt >= Self.intervalSeconds
    if isDue { takenAt = uptime }
    var kept: [String: [Double]] = [:]
    for socket in sockets {
      let known = values[socket.id]
      kept[socket.id] =
        isDue || known == nil
        ? ((known ?? []) + [socket.rttMilliseconds ?? 0]).suffix(Self.length) : known
    }
    values = kept
  }
}

extension GatewaySnapshot {
  /// Without what no picture shows, so that an idle gateway stays equal to itself.
  var asShown: GatewaySnapshot {
    var shown = self
    func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
    shown.latency = latency.rounded(digits: 2)
    shown.inPerSecond = rounded(inPerSecond)
    shown.outPerSecond = rounded(outPerSecond)
    return shown
  }
}
