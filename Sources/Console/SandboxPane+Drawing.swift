internal import Base
internal import ControlPlane

extension SandboxPane {
  func summary(_ scene: Scene) -> DisplayText {
    guard let snapshot else { return knowledge == .nothing ? "…" : "not running" }
    let isNarrow = scene.size == .small || scene.size == .lines
    var parts: [DisplayText] = []
    if snapshot.backend == "none" { parts.append("▲ cannot run") }
    let running = DisplayText(Figures.grouped(snapshot.running))
    let most = DisplayText(Figures.grouped(snapshot.concurrencyMax))
    parts.append(isNarrow ? "\(running)/\(most)" : "\(running)/\(most) running")
    if snapshot.queued > 0 || !isNarrow {
      let queued = DisplayText(Figures.grouped(snapshot.queued))
      parts.append(isNarrow ? "q \(queued)" : "queue \(queued)")
    }
    guard scene.size == .large || scene.size == .single else { return parts.joined(separator: " · ") }
    parts.append("start p50 \(DisplayText(Figures.short(snapshot.startLatency.p50))) ms")
    parts.append("warm \(DisplayText(Figures.grouped(snapshot.warm)))")
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
    let table = Rect(x: area.x, y: area.y, width: area.width, height: plan.table)
    drawTable(snapshot, into: &canvas, area: table, hasHeader: plan.hasHeader, scene: scene)
    var y = table.maxY
    for line in facts(snapshot, canvas, width: area.width - 2).prefix(plan.facts) {
      canvas.write(line, x: area.x + 1, y: y, maxWidth: area.width - 2)
      y += 1
    }
    if plan.charts > 0 {
      let strip = Rect(x: area.x + 1, y: y, width: area.width - 2, height: plan.charts)
      let isBlock = plan.charts > ChartStrip.blockHeight
      charts(snapshot, isBlock: isBlock).draw(into: &canvas, area: isBlock ? strip.inset(dx: 0, dy: 1) : strip)
      y += plan.charts
    }
    guard plan.detail > 0 else { return }
    drawDetail(into: &canvas, area: Rect(x: area.x, y: y, width: area.width, height: plan.detail), now: scene.now)
  }

  // MARK: - Runs

  private func drawTable(
    _ snapshot: SandboxSnapshot, into canvas: inout Canvas, area: Rect, hasHeader: Bool, scene: Scene
  ) {
    guard !area.isEmpty else { return }
    guard !runs.isEmpty else {
      let isFiltered = !(snapshot.active.isEmpty && snapshot.recent.isEmpty)
      let missing = snapshot.languages.compactMap(\.missing).first
      let text: DisplayText =
        isFiltered
        ? "no run fits /\(DisplayText(filter))"
        : snapshot.backend == "none"
          ? "\(canvas.sign(.warning)) nothing can be run here: \(DisplayText(missing ?? "signalbox doctor tells why"))"
          : area.width < 56 ? "no runs yet: x runs a program" : "no runs yet: x runs a program, or signalbox run FILE"
      let style = snapshot.backend == "none" ? Style(.warn) : Style(.dim)
      canvas.write(text, x: area.x + 1, y: area.y, style: style, maxWidth: area.width - 2)
      return
    }
    let table = Table(
      columns: Self.columns(width: area.width),
      rows: runs.map { fields($0, canvas, now: scene.now, width: area.width) },
      cursor: cursor, isFocused: scene.isFocused, hasHeader: hasHeader, sorting: sorting)
    table.draw(into: &canvas, area: area)
  }

  private static func columns(width: Int) -> [Table.Column] {
    [
      Table.Column(title: "", width: 1, rank: 0),
      Table.Column(title: "RUN", width: width >= 100 ? 16 : 8, rank: 4),
      Table.Column(title: width >= 56 ? "LANG" : "", width: width >= 56 ? 10 : 2, rank: 1),
      Table.Column(title: "PROGRAM", width: width >= 100 ? 24 : width >= 56 ? 16 : 12, isFlexible: true, rank: 1),
      Table.Column(title: "STATE", width: width >= 56 ? 9 : 8, rank: 0),
      Table.Column(title: "MEM", width: 5, alignment: .right, rank: 3),
      Table.Column(title: "TIME", width: 6, alignment: .right, rank: 2),
      Table.Column(title: "START", width: 6, alignment: .right, rank: 6),
      Table.Column(title: "QUEUE", width: 6, alignment: .right, rank: 8),
      Table.Column(title: "WHO", width: 16, rank: 5),
      Table.Column(title: "PROJECT", width: 12, rank: 9),
      Table.Column(title: "AT", width: 8, rank: 7),
    ]
  }

  private func fields(_ run: RunSummary, _ canvas: Canvas, now: Moment, width: Int) -> [Table.Field] {
    let (sign, style, word) = Self.look(of: run)
    let duration = Self.duration
    let isRunning = run.state == .running
    let time = isRunning ? max(0, now.wall - run.timeMilliseconds) : Int64(run.durationMilliseconds)
    return [
      list.isMarked(run) ? Table.mark(canvas) : .text(canvas.sign(sign), style),
      .text(DisplayText(String(run.id.prefix(width >= 100 ? 16 : 8)))),
      .text(width >= 56 ? DisplayText(run.language) : Self.shortName(of: run.language)),
      .text(Self.title(of: run)), .text(width < 56 && run.isCached ? "cached" : word, style),
      .text(DisplayText(run.memoryPeakBytes.map { Figures.bytes(Int64($0)) } ?? "-")),
      .text(run.state == .queued ? "-" : DisplayText(duration(time))),
      .text(DisplayText(run.state == .finished ? duration(Int64(run.startMilliseconds)) : "-"), Style(.dim)),
      .text(DisplayText(run.state == .queued ? "-" : duration(Int64(run.queueMilliseconds))), Style(.dim)),
      .text(DisplayText(run.actor), Style(.dim)), .text(DisplayText(run.project?.rawValue ?? ""), Style(.dim)),
      .text(DisplayText(String(Timestamp.clock(run.timeMilliseconds).prefix(8))), Style(.dim)),
    ]
  }

  /// As the files of such programs end.
  private static func shortName(of language: String) -> DisplayText {
    switch language {
    case "python": "py"
    case "javascript": "js"
    case "typescript": "ts"
    default: DisplayText(language)
    }
  }

  /// The program's first line; of a comment, what it says.
  static func title(of run: RunSummary) -> DisplayText {
    var title = run.title[...]
    let comment = title.hasPrefix("#!") ? nil : ["//", "#"].first { title.hasPrefix($0) }
    title = title.dropFirst(comment?.count ?? 0)
    let words = title.drop { $0 == " " }
    return DisplayText(String(words.isEmpty ? run.title[...] : words))
  }

  /// `41ms`, `1.2s`, `00:41`: five characters at most for an hour.
  static func duration(_ milliseconds: Int64) -> String {
    if milliseconds < 1_000 { return "\(milliseconds)ms" }
    if milliseconds < 10_000 { return Quantity.fixed(Double(milliseconds) / 1_000, digits: 1) + "s" }
    let seconds = milliseconds / 1_000
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(two(seconds / 60)):\(two(seconds % 60))"
  }

  static func look(of run: RunSummary) -> (GlyphSet.Sign, Style, DisplayText) {
    switch run.state {
    case .queued: return (.idle, Style(.dim), "queued")
    case .running: return (.running, Style(.busy), "running")
    case .finished: break
    }
    switch run.outcome {
    case .succeeded: return (.ok, Style(.ok), run.isCached ? "ok cached" : "ok")
    case .failed:
      if let signal = run.signal { return (.failed, Style(.err), DisplayText(signal)) }
      return (.failed, Style(.err), DisplayText(run.exitCode.map { "exit \($0)" } ?? "failed"))
    case .timedOut: return (.limit, Style(.warn), "timeout")
    case .outOfMemory: return (.limit, Style(.err), "oom")
    case .blocked: return (.closed, Style(.warn), "blocked")
    case .killed: return (.closed, Style(.dim), "killed")
    case .error, nil: return (.failed, Style(.err), "error")
    }
  }

  // MARK: - Figures

  private func charts(_ snapshot: SandboxSnapshot, isBlock: Bool) -> ChartStrip {
    let start = Chart.latency(title: "start", summary: snapshot.startLatency)
    let run = Chart.latency(title: "run", summary: snapshot.latency)
    return ChartStrip(charts: isBlock ? [.trend("runs", ended), start, run] : [start, run])
  }

  private func facts(_ snapshot: SandboxSnapshot, _ canvas: Canvas, width: Int) -> [StyledLine] {
    var totals = StyledLine("all ", Style(.dim))
    totals.append(DisplayText(Figures.short(Double(snapshot.total))))
    totals.append("  ok ", Style(.dim))
    totals.append(
      DisplayText(snapshot.total == 0 ? "-" : CachePane.percent(snapshot.successRate)), Style(.ok))
    let counts: [(DisplayText, UInt64, Style)] = [
      ("failed", snapshot.failed, Style(.err)), ("timeout", snapshot.timedOut, Style(.warn)),
      ("oom", snapshot.outOfMemory, Style(.err)), ("blocked", snapshot.blocked, Style(.warn)),
      ("cached", snapshot.cached, Style(.hit)), ("errors", snapshot.errors, Style(.err)),
    ]
    for (name, count, style) in counts where totals.width + name.width + 8 <= width {
      totals.append("  \(name) ", Style(.dim))
      totals.append(DisplayText(Figures.short(Double(count))), count > 0 ? style : Style(.dim))
    }
    let whole = Self.languages(snapshot, canvas, hasVersions: true)
    return [totals, whole.width <= width ? whole : Self.languages(snapshot, canvas, hasVersions: false)]
  }

  private static func languages(_ snapshot: SandboxSnapshot, _ canvas: Canvas, hasVersions: Bool) -> StyledLine {
    var languages = StyledLine(DisplayText(snapshot.backend), Style(.dim))
    for language in snapshot.languages {
      languages.append("  ")
      if language.missing == nil {
        let version = DisplayText(hasVersions ? language.version.map { " \($0)" } ?? "" : "")
        let warm = language.warm > 0 ? " +\(language.warm)" : ""
        languages.append("\(canvas.sign(.ok)) \(DisplayText(language.name))\(version)\(DisplayText(warm))")
      } else {
        languages.append("\(canvas.sign(.idle)) \(DisplayText(language.name))", Style(.dim))
      }
    }
    return languages
  }
}
