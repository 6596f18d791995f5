internal import Base
internal import ControlPlane

/// The first line: who and where, how the link is, what the process needs, what time it is.
struct Header {
  /// What of a snapshot the header shows; two snapshots with equal facts look alike.
  struct Facts: Equatable {
    var node = ""
    var version = ""
    var cpu = ""
    var resident = ""
    var files = ""
    var trouble: String?
    /// Those that are not well.
    var components = ""
    /// Why, when it is one alone.
    var cause = ""
    var phase: Snapshot.Phase?
    var peers = ""
    /// Another version among them: nodes that differ should not for long.
    var isMixed = false
    var sockets = ""
    /// Nil without Redis; then the node has no peers either.
    var redis: CacheSnapshot.Redis.State?
    /// What its last PING took.
    var redisLatency = ""
    var redisSince: Int64 = 0
  }

  private struct Segment {
    let line: StyledLine
    /// Lower stays longer.
    let rank: Int
  }

  let model: ConsoleModel

  static func facts(of snapshot: Snapshot?) -> Facts {
    guard let snapshot else { return Facts() }
    var facts = Facts()
    facts.node = snapshot.node
    facts.version = snapshot.version
    facts.cpu = "\(Quantity.fixed(snapshot.process.cpuPercent, digits: 0))%"
    facts.resident = Figures.bytes(snapshot.process.residentBytes)
    facts.files = Figures.grouped(snapshot.process.openFiles)
    facts.phase = snapshot.phase
    if !snapshot.peers.isEmpty {
      facts.peers = Figures.counted(snapshot.peers.count, "peer")
      let others = Set(snapshot.peers.map(\.version)).subtracting([snapshot.version]).sorted()
      if let first = others.first {
        facts.isMixed = true
        facts.peers += others.count > 1 ? " of \(others.count + 1) versions" : ", \(first) too"
      }
    }
    facts.sockets = snapshot.gateway.map { Figures.grouped($0.connections) } ?? ""
    if let redis = snapshot.cache?.redis, redis.state != .embedded {
      facts.redis = redis.state
      facts.redisLatency = redis.latencyMilliseconds.map { Quantity.fixed($0, digits: 1) } ?? "-"
      facts.redisSince = redis.since
    }
    if snapshot.health != .ok {
      facts.trouble = snapshot.health.rawValue
      facts.components = snapshot.reasons.map(\.component).joined(separator: ", ")
      facts.cause = snapshot.reasons.count == 1 ? snapshot.reasons.map(\.reason).joined() : ""
    }
    return facts
  }

  func draw(into canvas: inout Canvas, area: Rect) {
    let bar = Style(on: .barBackground)
    canvas.fill(area, style: bar)
    let clock = clock(width: area.width)
    var segments = segments(canvas)
    let gap = area.width >= 180 ? 3 : 2
    func needed() -> Int { segments.reduce(1) { $0 + $1.line.width + gap } + clock.count + 1 }
    while needed() > area.width, segments.count > 1,
      let last = segments.indices.max(by: { segments[$0].rank < segments[$1].rank })
    {
      segments.remove(at: last)
    }
    var x = area.x + 1
    let clockX = area.maxX - 1 - clock.count
    let room = needed() > area.width && segments.count == 1 ? area.maxX : clockX
    for segment in segments {
      x = canvas.write(segment.line, x: x, y: area.y, maxWidth: max(0, room - x)) + gap
    }
    if room == clockX { canvas.write(DisplayText(clock), x: clockX, y: area.y, style: bar) }
  }

  private func clock(width: Int) -> String {
    let text = Timestamp.iso8601(model.now.wall)
    let time = text.dropFirst(11).prefix(8)
    return width >= 180 ? "\(text.prefix(10)) \(time)Z" : "\(time)Z"
  }

  private func segments(_ canvas: Canvas) -> [Segment] {
    let facts = Self.facts(of: model.snapshot)
    let plain = Style(on: .barBackground)
    let quiet = Style(.dim, on: .barBackground)
    var segments: [Segment] = []
    func add(_ text: DisplayText, _ style: Style, rank: Int) {
      if !text.isEmpty { segments.append(Segment(line: StyledLine(text, style), rank: rank)) }
    }
    // The state of the link, and what is wrong, need the room.
    let hasVersion = !facts.version.isEmpty && model.width >= (facts.trouble == nil ? 60 : 100)
    let version = hasVersion ? " \(facts.version)" : ""
    add("signalbox\(version)", Style(.title, on: .barBackground, .bold), rank: 0)
    add(DisplayText(facts.node), plain, rank: 2)
    if let path = model.options.nodePath { add(DisplayText(path), quiet, rank: 11) }
    let role = model.options.isReadOnly ? "read-only" : "operator"
    add("\(model.options.operatorLabel) (\(role))", plain, rank: model.options.isReadOnly ? 3 : 7)
    segments.append(Segment(line: link(canvas), rank: 1))
    if model.isPaused { add("\(canvas.sign(.paused)) paused", Style(.warn, on: .barBackground, .bold), rank: 1) }
    if let phase = facts.phase, phase != .ready {
      add("\(canvas.sign(.limit)) \(phase.rawValue)", Style(.warn, on: .barBackground, .bold), rank: 2)
    }
    if let trouble = facts.trouble {
      var text: DisplayText = "\(canvas.sign(.warning)) \(trouble)"
      if model.width >= 100, !facts.components.isEmpty { text = "\(text): \(DisplayText(facts.components))" }
      if model.width >= 180, !facts.cause.isEmpty { text = "\(text) \(DisplayText(facts.cause))" }
      add(text.truncated(to: max(18, model.width / 3)), Style(.warn, on: .barBackground, .bold), rank: 2)
    }
    guard let snapshot = model.snapshot else { return segments }
    if let redis = facts.redis { segments.append(self.redis(redis, facts, canvas)) }
    if !facts.sockets.isEmpty { add("ws \(DisplayText(facts.sockets).padded(to: 3, .right))", plain, rank: 6) }
    // Between two snapshots the console's own clock counts on; what a lost node does is not known.
    let age = model.isLinked && !model.isPaused ? model.dataAge ?? 0 : 0
    if !facts.peers.isEmpty {
      let style = facts.isMixed ? Style(.warn, on: .barBackground, .bold) : plain
      add(DisplayText(facts.peers).truncated(to: 40), style, rank: facts.isMixed ? 4 : 6)
    }
    add("up \(Figures.uptime(seconds: snapshot.uptimeSeconds + Double(age) / 1_000))", plain, rank: 5)
    add("cpu \(DisplayText(facts.cpu).padded(to: 4, .right))", plain, rank: 8)
    add("rss \(DisplayText(facts.resident).padded(to: 5, .right))", plain, rank: 9)
    add("fds \(DisplayText(facts.files).padded(to: 4, .right))", plain, rank: 10)
    return segments
  }

  /// `redis ● 0.4 ms`, `redis ▲ down 14 s`.
  private func redis(_ state: CacheSnapshot.Redis.State, _ facts: Facts, _ canvas: Canvas) -> Segment {
    var line = StyledLine("redis ", Style(on: .barBackground))
    guard state == .away else {
      line.append("\(canvas.sign(.live)) ", Style(.ok, on: .barBackground))
      line.append("\(DisplayText(facts.redisLatency).padded(to: 3, .right)) ms", Style(on: .barBackground))
      return Segment(line: line, rank: 4)
    }
    let age = DisplayText(Figures.age(milliseconds: model.now.wall - facts.redisSince))
    line.append("\(canvas.sign(.warning)) down \(age)", Style(.warn, on: .barBackground, .bold))
    return Segment(line: line, rank: 3)
  }

  private func link(_ canvas: Canvas) -> StyledLine {
    let frequency = frequency
    switch model.link {
    case .live where model.isStale:
      let age = DisplayText(Figures.age(milliseconds: model.dataAge ?? 0))
      return StyledLine("\(canvas.sign(.stale)) \(age) old", Style(.warn, on: .barBackground, .bold))
    case .live:
      var line = StyledLine("\(canvas.sign(.live)) live", Style(.ok, on: .barBackground, .bold))
      line.append(" \(frequency)", Style(.dim, on: .barBackground))
      return line
    case .connecting:
      return StyledLine("\(canvas.sign(.ellipsis)) connecting", Style(.busy, on: .barBackground, .bold))
    case .lost(let since, let retryAt, _):
      let wait = max(0, (retryAt - model.now.wall + 999) / 1_000)
      let age = Figures.age(milliseconds: model.dataAge ?? model.now.wall - since)
      return StyledLine(
        "\(canvas.sign(.closed)) link lost, retry in \(wait) s \(canvas.sign(.separator)) data \(age) old",
        Style(.err, on: .barBackground, .bold))
    case .refused(let failure):
      let text: DisplayText = "\(canvas.sign(.closed)) refused: \(failure.line)"
      return StyledLine(text.truncated(to: max(20, model.width - 30)), Style(.err, on: .barBackground, .bold))
    }
  }

  private var frequency: DisplayText {
    var clock = FrameClock()
    clock.setInterval(model.refresh)
    clock.setBenchRunning(model.slowsForBench)
    let hertz = 1_000 / Double(clock.effectiveInterval)
    let digits = hertz.rounded() == hertz ? 0 : 1
    return "\(Quantity.fixed(hertz, digits: digits)) Hz\(model.slowsForBench ? " (bench)" : "")"
  }
}
