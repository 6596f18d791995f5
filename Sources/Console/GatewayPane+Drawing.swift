internal import Base
internal import ControlPlane

extension GatewayPane {
  func summary(_ scene: Scene) -> DisplayText {
    guard let snapshot else { return knowledge == .nothing ? "…" : "not running" }
    let isNarrow = scene.size == .small || scene.size == .lines
    var parts: [DisplayText] = []
    if isAway { parts.append("▲ \(Self.outage(snapshot.redis, now: scene.now))") }
    let open = DisplayText(Figures.grouped(snapshot.connections))
    parts.append(isNarrow ? open : "\(open) open")
    // The narrow border has room for two things, and what the operator did is the second.
    if snapshot.slow > 0, !isNarrow || (filter.isEmpty && marks.isEmpty) {
      parts.append("\(DisplayText(Figures.grouped(snapshot.slow))) slow")
    }
    if !marks.isEmpty { parts.append("\(DisplayText(Figures.grouped(marks.count))) marked") }
    if !filter.isEmpty {
      let count = page.map { " \(Figures.grouped($0.matching))" } ?? ""
      parts.append("/\(DisplayText(filter).truncated(to: isNarrow ? 10 : 24))\(DisplayText(count))")
    }
    if let sorting, !sorting.isUsual { parts.append("sort \(sorting.text)") }
    guard !isNarrow else { return parts.joined(separator: " · ") }
    if !isAway || scene.size != .medium {
      let rates = "in \(Figures.short(snapshot.inPerSecond))/s out \(Figures.short(snapshot.outPerSecond))/s"
      parts.append(DisplayText(rates))
    }
    if scene.size != .medium, snapshot.dropped + snapshot.cut > 0 {
      parts.append("dropped \(Self.short(snapshot.dropped)) cut \(Self.short(snapshot.cut))")
    }
    // What the operator filters and marks needs the room.
    if scene.size != .medium, filter.isEmpty, marks.isEmpty {
      parts.append("p99 \(DisplayText(Figures.short(snapshot.latency.p99))) ms")
    }
    return parts.joined(separator: " · ")
  }

  static func short(_ count: UInt64) -> DisplayText { DisplayText(Figures.short(Double(count))) }

  static func outage(_ redis: GatewaySnapshot.Redis, now: Moment) -> DisplayText {
    "redis down \(DisplayText(Figures.age(milliseconds: now.wall - redis.since)))"
  }

  func draw(into canvas: inout Canvas, area: Rect, scene: Scene) {
    guard let snapshot else {
      if knowledge == .absent {
        drawAbsence(into: &canvas, area: area)
      } else {
        canvas.write("… asking the node", x: area.x + 1, y: area.y, style: Style(.dim), maxWidth: area.width - 2)
      }
      return
    }
    let plan = plan(height: area.height)
    if plan.notice > 0 { drawNotice(snapshot, into: &canvas, area: area, now: scene.now) }
    let table = Rect(x: area.x, y: area.y + plan.notice, width: area.width, height: plan.table)
    drawTable(snapshot, into: &canvas, area: table, plan: plan, scene: scene)
    if plan.charts > 0 {
      let strip = Rect(x: area.x + 1, y: table.maxY, width: area.width - 2, height: plan.charts)
      // Beside each other they stand apart from what is above and below.
      let isBlock = plan.charts > ChartStrip.blockHeight
      charts(snapshot).draw(into: &canvas, area: isBlock ? strip.inset(dx: 0, dy: 1) : strip)
    }
    guard plan.detail > 0 else { return }
    let detail = Rect(x: area.x, y: table.maxY + plan.charts, width: area.width, height: plan.detail)
    drawDetail(into: &canvas, area: detail, now: scene.now)
  }

  private func charts(_ snapshot: GatewaySnapshot) -> ChartStrip {
    ChartStrip(charts: [
      .trend("in", eventsIn), .trend("out", eventsOut), .latency(title: "delivery", summary: snapshot.latency),
    ])
  }

  private func drawNotice(_ snapshot: GatewaySnapshot, into canvas: inout Canvas, area: Rect, now: Moment) {
    let sign = canvas.sign(.warning)
    let waiting = Figures.grouped(snapshot.redis.waiting)
    let outage = Self.outage(snapshot.redis, now: now)
    let texts: [DisplayText] = [
      "\(sign) \(outage): events reach the sockets of this node only, \(waiting) wait for the others",
      "\(sign) \(outage): this node only, \(waiting) events wait", "\(sign) this node only, \(waiting) wait",
    ]
    let shown = texts.first { $0.width <= area.width - 2 } ?? texts[2]
    canvas.write(shown, x: area.x + 1, y: area.y, style: Style(.warn), maxWidth: area.width - 2)
  }

  private func drawTable(
    _ snapshot: GatewaySnapshot, into canvas: inout Canvas, area: Rect, plan: GatewayPlan, scene: Scene
  ) {
    guard !area.isEmpty else { return }
    if let text = emptiness(snapshot, canvas) {
      for (line, words) in text.enumerated() where line < area.height {
        let style = refusal == nil ? Style(.dim) : Style(.warn)
        canvas.write(words, x: area.x + 1, y: area.y + line, style: style, maxWidth: area.width - 2)
      }
      return
    }
    let table = Table(
      columns: Self.columns(width: area.width),
      rows: (page?.sockets ?? []).map { fields($0, canvas, now: scene.now, width: area.width) },
      first: page?.offset ?? 0, count: matching, cursor: cursor, isFocused: scene.isFocused, hasHeader: plan.hasHeader,
      sorting: sorting)
    table.draw(into: &canvas, area: area)
  }

  /// What stands in the table's place when it has no rows.
  private func emptiness(_ snapshot: GatewaySnapshot, _ canvas: Canvas) -> [DisplayText]? {
    if let refusal { return ["\(canvas.sign(.warning)) no list here: \(refusal)"] }
    guard let page else { return snapshot.connections == 0 ? Self.noSockets(snapshot) : ["… asking for the sockets"] }
    guard page.matching == 0 else { return nil }
    if page.total == 0 { return Self.noSockets(snapshot) }
    return ["none of \(DisplayText(Figures.grouped(page.total))) sockets fits /\(filter)"]
  }

  private static func noSockets(_ snapshot: GatewaySnapshot) -> [DisplayText] {
    let port = "\(snapshot.port)"
    return ["no sockets yet: connect to", "ws://127.0.0.1:\(port)/socket.io/", "ws://127.0.0.1:\(port)/ws"]
  }

  // MARK: - Columns

  /// The head of an order's column.
  static func title(of order: SocketQuery.Order) -> DisplayText {
    switch order {
    case .user: "AGENT"
    case .transport: "VIA"
    case .in: "IN/S"
    case .out: "OUT/S"
    default: DisplayText(order.rawValue.uppercased())
    }
  }

  private static func columns(width: Int) -> [Table.Column] {
    let title = Self.title(of:)
    let isVeryWide = width >= Self.wholeIDFrom
    return [
      Table.Column(title: "", width: 1, rank: 0),
      Table.Column(title: title(.id), width: isVeryWide ? 27 : Self.idWidth, rank: 5),
      Table.Column(title: title(.user), width: 12, isFlexible: true, rank: 1),
      Table.Column(title: title(.rooms), width: isVeryWide ? 52 : width >= 100 ? 20 : 13, rank: 8),
      Table.Column(title: title(.transport), width: 4, rank: 9),
      Table.Column(title: title(.state), width: 6, rank: 2),
      Table.Column(title: title(.rtt), width: 6, alignment: .right, rank: 4),
      Table.Column(title: title(.in), width: 5, alignment: .right, rank: 9),
      Table.Column(title: title(.out), width: 6, alignment: .right, rank: 7),
      Table.Column(title: title(.queue), width: 6, alignment: .right, rank: 3),
      Table.Column(title: title(.age), width: 8, alignment: .right, rank: 6),
      Table.Column(title: "RTT 60s", width: 8, rank: 10),
      Table.Column(title: title(.idle), width: 6, alignment: .right, rank: 11),
      Table.Column(title: "FROM", width: 21, rank: 12),
    ]
  }

  private func fields(_ socket: SocketRecord, _ canvas: Canvas, now: Moment, width: Int) -> [Table.Field] {
    let (sign, style) = Self.look(of: socket.state)
    let mark: GlyphSet.Sign = marks.contains(socket.id) ? .mark : sign
    let isFar = socket.rttMilliseconds ?? 0 > RoundTrips.scaleMaxMilliseconds
    let more = socket.roomCount - socket.rooms.count
    var rooms = DisplayText(socket.rooms.joined(separator: " "))
    if more > 0 { rooms = rooms.isEmpty ? "\(more)" : "\(rooms) +\(more)" }
    return [
      .text(canvas.sign(mark), marks.contains(socket.id) ? Style(.accent, on: .background, .bold) : style),
      .text(Self.shortID(socket.id, canvas, width: width)), .text(Self.name(of: socket)), .text(rooms, Style(.dim)),
      .text(Self.word(for: socket.transport)), .text(DisplayText(socket.state.rawValue), style),
      .text(DisplayText(socket.rttMilliseconds.map(Figures.roundTrip) ?? "-"), isFar ? Style(.warn) : .plain),
      .text(DisplayText(Self.whole(socket.inPerSecond))), .text(DisplayText(Self.whole(socket.outPerSecond))),
      .text(
        DisplayText(socket.queuedBytes == 0 ? "0" : Figures.bytes(Int64(socket.queuedBytes))),
        socket.state == .slow ? Style(.warn) : .plain),
      .text(DisplayText(Figures.uptime(seconds: Double(now.wall - socket.connectedAt) / 1_000))),
      .meter(
        Sparkline(
          values: roundTrips[socket.id], scaleMax: RoundTrips.scaleMaxMilliseconds,
          style: Style(isFar ? .warn : .spark))),
      .text(DisplayText(Figures.uptime(seconds: Double(socket.idleMilliseconds) / 1_000))),
      .text(DisplayText(socket.address), Style(.dim)),
    ]
  }

  /// From this width on an id has room as a whole.
  private static let wholeIDFrom = 150
  private static let idWidth = 8

  /// Ids begin alike, with where their socket is, and differ at their end.
  private static func shortID(_ id: String, _ canvas: Canvas, width: Int) -> DisplayText {
    guard width < wholeIDFrom, id.count > idWidth else { return DisplayText(id) }
    return "\(canvas.sign(.ellipsis))\(DisplayText(String(id.suffix(idWidth - 1))))"
  }

  /// Whole numbers from 1 on: a figure that trembles in its last digit is no news. What is less than 1 is not nothing.
  private static func whole(_ value: Double) -> String {
    value > 0 && value < 1 ? "<1" : Figures.short(value.rounded())
  }

  static func look(of state: SocketRecord.State) -> (sign: GlyphSet.Sign, style: Style) {
    switch state {
    case .live: (.live, Style(.ok))
    case .idle: (.idle, Style(.dim))
    case .slow: (.slow, Style(.warn))
    case .closing: (.closed, Style(.err))
    }
  }

  /// Who it is. A question mark: nobody has vouched for that.
  static func name(of socket: SocketRecord) -> DisplayText {
    if socket.isVerified {
      guard let agent = socket.agent, agent != socket.user else { return DisplayText(socket.user) }
      return "\(socket.user)/\(agent)"
    }
    if let agent = socket.agent { return "\(agent)?" }
    return isNamed(socket) ? "\(socket.user)?" : "-"
  }

  /// Whether it said who it is: else its id stands there.
  static func isNamed(_ socket: SocketRecord) -> Bool { socket.isVerified || socket.user != socket.id }

  static func word(for transport: SocketRecord.Transport) -> DisplayText {
    switch transport {
    case .polling: "poll"
    case .websocket: "ws"
    case .raw: "raw"
    }
  }
}
