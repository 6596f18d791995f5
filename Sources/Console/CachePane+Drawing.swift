internal import Base
internal import ControlPlane

extension CachePane {
  func summary(_ scene: Scene) -> DisplayText {
    guard let snapshot else { return knowledge == .nothing ? "…" : "not running" }
    let reads = snapshot.hits + snapshot.misses
    let hit: DisplayText = reads == 0 ? "no reads yet" : "hit \(Self.percent(snapshot.hitRate))"
    var parts: [DisplayText] = []
    if isAway { parts.append("▲ \(Self.outage(snapshot.redis, now: scene.now))") }
    // The narrow border has room for one thing, and an outage is the one.
    if !isAway || scene.size != .small { parts.append(hit) }
    let isNarrow = scene.size == .small || scene.size == .lines || (scene.size == .medium && isAway)
    guard !isNarrow else { return parts.joined(separator: " · ") }
    parts.append("\(Figures.bytes(Int64(snapshot.l1.bytes)))/\(Figures.bytes(Int64(snapshot.l1.bytesMax)))")
    if scene.size != .medium, !isAway { parts.append(Self.linkWord(snapshot.redis)) }
    return parts.joined(separator: " · ")
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
    let width = area.width - 2
    var y = area.y
    func line(_ line: StyledLine) {
      canvas.write(line, x: area.x + 1, y: y, maxWidth: width)
      y += 1
    }
    drawTrend(into: &canvas, x: area.x + 1, y: y, width: width)
    y += 1
    line(split(snapshot, width: width))
    if plan.hasLink { line(link(snapshot.redis, canvas: canvas, width: width, now: scene.now)) }
    if plan.hasMemory { line(memory(snapshot, width: width)) }
    if plan.hasLatency { line(latencies(snapshot, width: width)) }
    if plan.charts > 0 {
      let latency =
        snapshot.redis.state == .embedded
        ? Chart.latency(title: "write", summary: snapshot.writeLatency)
        : Chart.latency(title: "L2 read", summary: snapshot.readLatency)
      let strip = Rect(x: area.x + 1, y: y + 1, width: width, height: plan.charts - 2)
      ChartStrip(charts: [
        .trend("reads", trend.reads), .trend("evictions", trend.evictions, style: Style(.graphMiddle)), latency,
      ]).draw(into: &canvas, area: strip)
      y += plan.charts
    }
    let table = Rect(x: area.x, y: y, width: area.width, height: plan.table)
    drawNamespaces(into: &canvas, area: table, hasHeader: plan.hasHeader, isFocused: scene.isFocused)
    let below = Rect(x: area.x, y: table.maxY + plan.gap, width: area.width, height: plan.below)
    drawInvalidations(into: &canvas, area: below)
  }

  // MARK: - Lines

  /// `hit  97.8% ⣤⣶⣿⣿  60 s   1.2k reads/s`
  private func drawTrend(into canvas: inout Canvas, x: Int, y: Int, width: Int) {
    let isWide = width >= 44
    var column = x
    if isWide { column = canvas.write("hit   ", x: column, y: y, style: Style(.dim)) }
    let rate = trend.hitRate.map(Self.percent).map { DisplayText($0) } ?? "-"
    column = canvas.write(
      rate.padded(to: 6, .right), x: column, y: y, style: Style(.foreground, on: .background, .bold))
    let reads = DisplayText(Figures.short(trend.readsPerSecond.rounded())).padded(to: 5, .right)
    let tail: DisplayText = isWide ? " \(reads) reads/s" : ""
    let room = x + width - column - 1 - 5 - tail.width
    let cells = max(0, min(CacheTrend.length / canvas.glyphs.valuesPerCell, room))
    let seconds = cells * canvas.glyphs.valuesPerCell
    Sparkline(values: trend.heights(seconds), scaleMax: 1, style: Style(.spark))
      .draw(into: &canvas, x: column + 1, y: y, width: cells)
    column += 1 + cells
    column = canvas.write(DisplayText("\(seconds)s").padded(to: 4, .right), x: column, y: y, style: Style(.dim))
    canvas.write(tail, x: column, y: y)
  }

  /// Shares of all reads since the node's start.
  private func split(_ snapshot: CacheSnapshot, width: Int) -> StyledLine {
    let reads = Double(snapshot.hits + snapshot.misses)
    func share(_ count: UInt64) -> DisplayText {
      DisplayText(reads > 0 ? Self.percent(Double(count) / reads) : "-").padded(to: 6, .right)
    }
    var line = StyledLine("L1 ", Style(.dim))
    line.append(share(snapshot.l1Hits), Style(.hit))
    line.append("  L2 ", Style(.dim))
    line.append(share(snapshot.l2Hits), Style(.hit))
    line.append(width >= 34 ? "  miss " : " miss ", Style(.dim))
    line.append(share(snapshot.misses), Style(.miss))
    guard width >= 51 else { return line }
    line.append("  \(DisplayText(Figures.short(Double(snapshot.sets))).padded(to: 5, .right)) sets")
    guard width >= 70 else { return line }
    let errors = DisplayText(Figures.short(Double(snapshot.errors))).padded(to: 5, .right)
    line.append("  \(errors) errors", snapshot.errors > 0 ? Style(.warn, on: .background, .bold) : .plain)
    return line
  }

  private func memory(_ snapshot: CacheSnapshot, width: Int) -> StyledLine {
    let used = DisplayText(Figures.bytes(Int64(snapshot.l1.bytes))).padded(to: 4, .right)
    let most = DisplayText(Figures.bytes(Int64(snapshot.l1.bytesMax)))
    let evictions = DisplayText(Figures.short(trend.evictionsPerSecond.rounded())).padded(to: 4, .right)
    let expirations = DisplayText(Figures.short(trend.expirationsPerSecond.rounded())).padded(to: 4, .right)
    var line = StyledLine("mem ", Style(.dim))
    line.append("\(used)/\(most)")
    if width >= 70 {
      let share = snapshot.l1.bytesMax > 0 ? Double(snapshot.l1.bytes) / Double(snapshot.l1.bytesMax) : 0
      line.append(" \(DisplayText(Self.percent(share)).padded(to: 6, .right))")
    }
    line.append("  evict ", Style(.dim))
    line.append("\(evictions)/s")
    guard width >= 44 else { return line }
    line.append("  expire ", Style(.dim))
    line.append("\(expirations)/s")
    guard width >= 70 else { return line }
    line.append("  keys ", Style(.dim))
    line.append(DisplayText(Figures.short(Double(snapshot.l1.entries))).padded(to: 4, .right))
    return line
  }

  private func latencies(_ snapshot: CacheSnapshot, width: Int) -> StyledLine {
    var line = StyledLine(width >= 70 ? "p50/p99 ms" : "ms", Style(.dim))
    let all = [
      ("read", snapshot.readLatency), ("write", snapshot.writeLatency), ("invalidate", snapshot.invalidateLatency),
    ]
    for (name, latency) in all where name != "invalidate" || width >= 70 {
      let p50 = DisplayText(Figures.short(latency.p50)).padded(to: 4, .right)
      let p99 = DisplayText(Figures.short(latency.p99)).padded(to: 4)
      line.append("  \(name) ", Style(.dim))
      line.append("\(p50)/\(p99)")
    }
    return line
  }

  // MARK: - Redis

  static func outage(_ redis: CacheSnapshot.Redis, now: Moment) -> DisplayText {
    let age = DisplayText(Figures.age(milliseconds: now.wall - redis.since))
    return redis.connects == 0 ? "redis not reached \(age)" : "redis down \(age)"
  }

  private static func linkWord(_ redis: CacheSnapshot.Redis) -> DisplayText {
    switch redis.state {
    case .embedded: "● embedded"
    case .connected: "● redis \(latency(redis)) ms"
    case .away: "▲ redis down"
    }
  }

  private static func latency(_ redis: CacheSnapshot.Redis) -> DisplayText {
    let text = redis.latencyMilliseconds.map { Quantity.fixed($0, digits: 1) } ?? "-"
    return DisplayText(text).padded(to: 4, .right)
  }

  /// How the second level is, in the most words that fit.
  private func link(_ redis: CacheSnapshot.Redis, canvas: Canvas, width: Int, now: Moment) -> StyledLine {
    let queued = Figures.grouped(redis.outboxDepth)
    switch redis.state {
    case .embedded:
      let live = canvas.sign(.live)
      return fitting(
        ["\(live) embedded store: REDIS_URL is not set, no peers", "\(live) embedded store, no peers"],
        width: width, style: Style(.ok))
    case .connected:
      let base: DisplayText = "\(canvas.sign(.live)) redis \(Self.latency(redis)) ms"
      guard redis.outboxDepth == 0 else {
        return fitting(["\(base)  replaying \(queued) invalidations"], width: width, style: Style(.busy))
      }
      let since = DisplayText(String(Timestamp.clock(redis.since).prefix(8)))
      return fitting(
        ["\(base)  outbox 0  connected since \(since)", "\(base)  outbox 0"], width: width, style: Style(.ok))
    case .away:
      let outage = Self.outage(redis, now: now)
      let place = redis.isOutboxDurable ? "on disk" : "in memory only"
      let warning = canvas.sign(.warning)
      let short: DisplayText = "\(warning) L1 only, \(queued) queued"
      let long: DisplayText = "\(warning) \(outage): L1 only, \(queued) invalidations queued"
      var texts = ["\(long) \(place)", long, "\(warning) L1 only, \(queued) invalidations queued", short]
      if let reason = redis.reason { texts.insert("\(long) \(place): \(reason)", at: 0) }
      return fitting(texts, width: width, style: Style(.warn, on: .background, .bold))
    }
  }

  private func fitting(_ texts: [DisplayText], width: Int, style: Style) -> StyledLine {
    StyledLine(texts.first { $0.width <= width } ?? texts.last ?? .empty, style)
  }

  // MARK: - Namespaces

  /// What is over goes into the bars, and where they would become rulers, behind the last column.
  private static func columns(width: Int) -> [Table.Column] {
    let isVeryWide = width >= 130
    let columns = [
      Table.Column(title: "NAMESPACE", width: max(12, min(63, width / 4)), isFlexible: width < 44, rank: 0),
      Table.Column(title: "HIT", width: 6, alignment: .right, rank: 1),
      Table.Column(title: "", width: isVeryWide ? 40 : 8, isFlexible: width >= 44 && !isVeryWide, rank: 4),
      Table.Column(title: "KEYS", width: 5, alignment: .right, rank: 2),
      Table.Column(title: "BYTES", width: 5, alignment: .right, rank: 3),
      Table.Column(title: "SETS", width: 5, alignment: .right, rank: 5),
      Table.Column(title: "INVAL", width: 5, alignment: .right, rank: 6),
      Table.Column(title: "EVICT", width: 5, alignment: .right, rank: 7),
      Table.Column(title: "EXPIRE", width: 6, alignment: .right, rank: 8),
      Table.Column(title: "ERRORS", width: 6, alignment: .right, rank: 9),
    ]
    return isVeryWide ? columns + [Table.Column(title: "", width: 0, isFlexible: true, rank: 10)] : columns
  }

  private func drawNamespaces(into canvas: inout Canvas, area: Rect, hasHeader: Bool, isFocused: Bool) {
    guard !namespaces.isEmpty else {
      guard !area.isEmpty else { return }
      let isFiltered = namespaceCount > 0
      let none: DisplayText = "none of \(Figures.counted(namespaceCount, "namespace")) matches /\(filter)"
      let text: DisplayText = isFiltered ? none : "no values yet: signalbox cache set KEY VALUE"
      let short: DisplayText = isFiltered ? "none matches" : "no values yet"
      let shown = text.width <= area.width - 2 ? text : short
      canvas.write(shown, x: area.x + 1, y: area.y, style: Style(.dim), maxWidth: area.width - 2)
      return
    }
    let table = Table(
      columns: Self.columns(width: area.width), rows: namespaces.map(Self.fields), cursor: cursor,
      isFocused: isFocused, hasHeader: hasHeader, sorting: sorting)
    table.draw(into: &canvas, area: area)
  }

  private static func fields(_ namespace: CacheSnapshot.Namespace) -> [Table.Field] {
    func count(_ value: UInt64) -> Table.Field { .text(DisplayText(Figures.short(Double(value)))) }
    let hasReads = namespace.hits + namespace.misses > 0
    return [
      .text(DisplayText(namespace.name)),
      .text(DisplayText(hasReads ? percent(namespace.hitRate) : "-")),
      .meter(Bar(fraction: hasReads ? namespace.hitRate : 0, style: Style(.hit))),
      count(UInt64(max(0, namespace.entries))),
      .text(DisplayText(Figures.bytes(Int64(namespace.bytes)))),
      count(namespace.sets), count(namespace.invalidations), count(namespace.evictions), count(namespace.expirations),
      count(namespace.errors), .text(.empty),
    ]
  }

  // MARK: - Invalidations

  private func drawInvalidations(into canvas: inout Canvas, area: Rect) {
    guard area.height > 0 else { return }
    let width = area.width - 2
    let invalidations = shownInvalidations
    guard !invalidations.isEmpty else {
      canvas.write("nothing invalidated yet", x: area.x + 1, y: area.y, style: Style(.dim), maxWidth: width)
      return
    }
    var y = area.y
    if area.height > 1 {
      canvas.write("LAST INVALIDATIONS", x: area.x + 1, y: y, style: Style(.dim), maxWidth: width)
      y += 1
    }
    for done in invalidations.prefix(area.maxY - y) {
      canvas.write(Self.line(done, isAlone: area.height == 1, width: width), x: area.x + 1, y: y, maxWidth: width)
      y += 1
    }
  }

  /// `23:14:07   412 keys  default  pattern task:*`: figures first, since names may be long.
  private static func line(_ done: CacheInvalidated, isAlone: Bool, width: Int) -> StyledLine {
    var line = StyledLine(isAlone ? "last " : .empty, Style(.dim))
    line.append(DisplayText(String(Timestamp.clock(done.timeMilliseconds).prefix(8))), Style(.dim))
    line.append(" \(DisplayText(Figures.grouped(done.keysDeleted)).padded(to: 6, .right)) ")
    line.append(done.keysDeleted == 1 ? "key " : "keys")
    if width >= 70 { line.append(" \(DisplayText(Figures.bytes(Int64(done.bytes))).padded(to: 5, .right))") }
    line.append("  \(done.namespace) ", Style(.dim))
    line.append("\(done.strategy) \(done.object)")
    if done.durability != .committed { line.append(" \(done.durability.word)", Style(.warn)) }
    return line
  }

  /// `97.8%`; only all of them are `100.0%`.
  static func percent(_ share: Double) -> String {
    guard share.isFinite else { return "-" }
    let value = min(100, max(0, share * 100))
    return Quantity.fixed(value < 100 ? min(99.9, value) : value, digits: 1) + "%"
  }
}

extension CacheFinding.Durability {
  /// How far it reached, in a few words.
  var word: String {
    switch self {
    case .committed: "on every node"
    case .journalled: "queued for Redis"
    case .localOnly: "this node only"
    }
  }
}
