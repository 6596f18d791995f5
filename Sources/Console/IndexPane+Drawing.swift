internal import Base
internal import ControlPlane

extension IndexPane {
  func summary(_ scene: Scene) -> DisplayText {
    guard let snapshot else {
      if knowledge == .nothing { return "…" }
      return folders.isEmpty ? "not running" : DisplayText(Figures.counted(folders.count, "project"))
    }
    let isNarrow = scene.size == .small || scene.size == .lines
    let failed = snapshot.projects.count { $0.state == .failed }
    var parts: [DisplayText] = []
    parts.append(DisplayText(Figures.counted(snapshot.projects.count, "project")))
    if running > 0 { parts.append("\(DisplayText(Figures.grouped(running))) busy") }
    if failed > 0 { parts.append("\(DisplayText(Figures.grouped(failed))) failed") }
    guard !isNarrow else { return parts.joined(separator: " · ") }
    let chunks = snapshot.projects.reduce(0) { $0 + $1.chunks }
    parts.append("\(DisplayText(Figures.short(Double(chunks)))) \(chunks == 1 ? "chunk" : "chunks" as DisplayText)")
    if scene.size != .medium { parts.append(DisplayText(Figures.bytes(Int64(snapshot.bytes)))) }
    return parts.joined(separator: " · ")
  }

  func draw(into canvas: inout Canvas, area: Rect, scene: Scene) {
    guard let snapshot else {
      if knowledge == .absent {
        drawFolders(into: &canvas, area: area)
      } else {
        canvas.write("… asking the node", x: area.x + 1, y: area.y, style: Style(.dim), maxWidth: area.width - 2)
      }
      return
    }
    let plan = plan(height: area.height)
    let table = Rect(x: area.x, y: area.y, width: area.width, height: plan.table)
    drawTable(snapshot, into: &canvas, area: table, hasHeader: plan.hasHeader, isFocused: scene.isFocused)
    var y = table.maxY
    for line in facts(snapshot, canvas, hasCharts: plan.charts > 0).prefix(plan.facts) {
      canvas.write(line, x: area.x + 1, y: y, maxWidth: area.width - 2)
      y += 1
    }
    if plan.charts > 0 {
      let strip = Rect(x: area.x + 1, y: y, width: area.width - 2, height: plan.charts)
      let isBlock = plan.charts > ChartStrip.blockHeight
      charts(snapshot, isBlock: isBlock).draw(into: &canvas, area: isBlock ? strip.inset(dx: 0, dy: 1) : strip)
    }
    y = table.maxY + plan.facts + plan.charts + plan.gap
    for line in history(snapshot, canvas, lines: plan.below, width: area.width - 2) {
      canvas.write(line, x: area.x + 1, y: y, maxWidth: area.width - 2)
      y += 1
    }
  }

  /// A node without the engine still knows its projects.
  private func drawFolders(into canvas: inout Canvas, area: Rect) {
    var y = drawAbsence(into: &canvas, area: area, withPurpose: folders.isEmpty || area.height >= 8)
    if area.height >= 8 { y += 1 }
    for (index, project) in folders.enumerated() where y < area.maxY {
      if y == area.maxY - 1, index < folders.count - 1 {
        let rest = DisplayText("\(Figures.grouped(folders.count - index)) more")
        canvas.write("\(canvas.sign(.more)) \(rest)", x: area.x + 1, y: y, style: Style(.dim))
        return
      }
      canvas.write(canvas.sign(.idle), x: area.x + 1, y: y, style: Style(.dim))
      let name = DisplayText(project.id.rawValue).fitted(to: 16, repertoire: canvas.repertoire)
      canvas.write(name, x: area.x + 3, y: y, maxWidth: area.width - 4)
      canvas.write(
        DisplayText(project.path), x: area.x + 20, y: y, style: Style(.dim), maxWidth: max(0, area.width - 21))
      y += 1
    }
  }

  // MARK: - Projects

  private func drawTable(
    _ snapshot: IndexSnapshot, into canvas: inout Canvas, area: Rect, hasHeader: Bool, isFocused: Bool
  ) {
    guard !area.isEmpty else { return }
    guard !projects.isEmpty else {
      let isFiltered = !snapshot.projects.isEmpty
      let count = Figures.counted(snapshot.projects.count, "project")
      let none: DisplayText = "none of \(DisplayText(count)) fits /\(DisplayText(filter))"
      let text = isFiltered ? none : "no projects yet: signalbox projects add PATH, or :add PATH"
      let short: DisplayText = isFiltered ? "none fits" : "no projects yet: :add PATH"
      canvas.write(
        text.width <= area.width - 2 ? text : short, x: area.x + 1, y: area.y, style: Style(.dim),
        maxWidth: area.width - 2)
      return
    }
    let table = Table(
      columns: Self.columns(width: area.width), rows: projects.map { fields($0, canvas, width: area.width) },
      cursor: cursor, isFocused: isFocused, hasHeader: hasHeader, sorting: sorting)
    table.draw(into: &canvas, area: area)
  }

  private static let pathFrom = 110

  private static func columns(width: Int) -> [Table.Column] {
    let hasPath = width >= pathFrom
    let columns = [
      Table.Column(title: "", width: 1, rank: 0),
      Table.Column(title: "PROJECT", width: width >= 56 ? 14 : 10, rank: 0),
      Table.Column(title: "REF", width: width >= 70 ? 20 : 13, rank: 5),
      Table.Column(title: "PROGRESS", width: hasPath ? 24 : 8, isFlexible: !hasPath, rank: 1),
      Table.Column(title: "DONE", width: 4, alignment: .right, rank: 2),
      Table.Column(title: "FILES", width: width >= 40 ? 7 : 6, alignment: .right, rank: 3),
      Table.Column(title: "RATE", width: 6, alignment: .right, rank: 6),
      Table.Column(title: "ETA", width: 5, alignment: .right, rank: 4),
      Table.Column(title: "CHUNKS", width: 6, alignment: .right, rank: 7),
      Table.Column(title: "HIT", width: 6, alignment: .right, rank: 8),
    ]
    return hasPath ? columns + [Table.Column(title: "PATH", width: 20, isFlexible: true, rank: 9)] : columns
  }

  private func fields(_ project: ProjectStatus, _ canvas: Canvas, width: Int) -> [Table.Field] {
    let (sign, style) = Self.look(of: project.state)
    let isIndexing = project.state == .indexing
    let commit = project.commit.map { String($0.prefix(7)) } ?? "no git"
    let ref = project.ref.map { "\($0)@\(commit)" } ?? commit
    var fields: [Table.Field] = [
      list.isMarked(project) ? Table.mark(canvas) : .text(canvas.sign(sign), style),
      .text(DisplayText(project.id.rawValue)), .text(DisplayText(ref), Style(.dim)),
      isIndexing ? .meter(Bar(fraction: project.progress, style: Style(.busy))) : .text(Self.word(of: project), style),
      .text(isIndexing ? DisplayText("\(Int(project.progress * 100))%") : .empty),
      .text(DisplayText(Figures.grouped(project.files))),
      .text(isIndexing ? DisplayText("\(Figures.short(project.filesPerSecond))/s") : .empty, Style(.dim)),
      .text(isIndexing ? DisplayText(project.etaSeconds.map(Self.clock) ?? "-") : .empty),
      .text(DisplayText(Figures.short(Double(project.chunks)))),
      .text(DisplayText(project.embedCacheHitRate.map(CachePane.percent) ?? "-"), Style(.hit)),
    ]
    if width >= Self.pathFrom { fields.append(.text(DisplayText(project.path), Style(.dim))) }
    return fields
  }

  private static func word(of project: ProjectStatus) -> DisplayText {
    let error = DisplayText(project.error ?? "")
    switch project.state {
    case .ready: return project.dirty.map { DisplayText($0.text) } ?? "ok"
    case .indexing: return "indexing"
    case .stale: return error.isEmpty ? "stale" : "stale: \(error)"
    case .failed: return error.isEmpty ? "failed" : error
    }
  }

  private static func look(of state: ProjectStatus.State) -> (GlyphSet.Sign, Style) {
    switch state {
    case .ready: (.ok, Style(.ok))
    case .indexing: (.running, Style(.busy))
    case .stale: (.warning, Style(.warn))
    case .failed: (.failed, Style(.err))
    }
  }

  /// `0:05`, `1:48`.
  private static func clock(_ seconds: Double) -> String {
    let whole = Int(max(0, min(seconds, 35_999)).rounded())
    return "\(whole / 60):\(whole % 60 < 10 ? "0" : "")\(whole % 60)"
  }

  // MARK: - Figures

  /// Of two lines, the first is of what is going on.
  private func charts(_ snapshot: IndexSnapshot, isBlock: Bool) -> ChartStrip {
    let files = Chart.trend("files", files, style: Style(.busy))
    let searches = Chart.trend("searches", searches)
    let latency = Chart.latency(title: "query", summary: snapshot.queryLatency)
    return ChartStrip(charts: isBlock ? [files, searches, latency] : [running > 0 ? files : searches, latency])
  }

  private func facts(_ snapshot: IndexSnapshot, _ canvas: Canvas, hasCharts: Bool) -> [StyledLine] {
    var first: [StyledLine] = []
    if let trouble, let error = trouble.error {
      let (sign, style) = Self.look(of: trouble.state)
      first = [StyledLine("\(canvas.sign(sign)) \(DisplayText(trouble.id.rawValue)): \(DisplayText(error))", style)]
    }
    let figures = figures(snapshot)
    return first + (hasCharts ? Array(figures.dropFirst()) : figures)
  }

  private func figures(_ snapshot: IndexSnapshot) -> [StyledLine] {
    func line(_ label: DisplayText, _ text: DisplayText) -> StyledLine {
      var line = StyledLine(label.padded(to: 7), Style(.dim))
      line.append(text)
      return line
    }
    let latency = snapshot.queryLatency
    let asked = DisplayText(Figures.grouped(Int(clamping: snapshot.queries)))
    let query: DisplayText =
      snapshot.queries == 0
      ? "none yet: f searches"
      : "p50 \(Self.short(latency.p50)) ms  p99 \(Self.short(latency.p99)) ms  \(asked) asked"
    let all = snapshot.embeddingsComputed + snapshot.embeddingsFromCache
    let hits = all == 0 ? "-" : CachePane.percent(Double(snapshot.embeddingsFromCache) / Double(all))
    let computed = DisplayText(Figures.short(Double(snapshot.embeddingsComputed)))
    let embed: DisplayText =
      "cache \(DisplayText(hits))  \(computed) computed  model \(DisplayText(snapshot.embedder))"
    let most = snapshot.bytesMax > 0 ? " of \(Figures.bytes(Int64(snapshot.bytesMax)))" : ""
    let disk: DisplayText =
      "\(DisplayText(Figures.bytes(Int64(snapshot.bytes))))\(DisplayText(most))  store \(DisplayText(snapshot.store))"
    var lines = [line("query", query), line("embed", embed), line("disk", disk)]
    if let file = snapshot.projects.first(where: { $0.state == .indexing })?.currentFile, !file.isEmpty {
      lines.append(line("now", DisplayText(file)))
    }
    return lines
  }

  private static func short(_ value: Double) -> DisplayText { DisplayText(Figures.short(value)) }

  /// The last runs and the last journeys, with what there is room for.
  private func history(_ snapshot: IndexSnapshot, _ canvas: Canvas, lines: Int, width: Int) -> [StyledLine] {
    guard lines > 1 else { return [] }
    let runs = snapshot.lastRuns.filter { isShown($0.project) }
    let allJourneys = snapshot.journeys.filter { isShown($0.project) }
    let journeys = allJourneys.isEmpty ? 0 : min(allJourneys.count, max(1, (lines - 2) / 2))
    let hasJourneys = journeys > 0 && lines >= 4
    var all = [StyledLine("LAST RUNS", Style(.dim))]
    let room = lines - 1 - (hasJourneys ? journeys + 1 : 0)
    if runs.isEmpty { all.append(StyledLine("none yet: r reindexes the selected project", Style(.dim))) }
    all += runs.prefix(max(0, room)).map { Self.line($0, canvas) }
    guard hasJourneys else { return Array(all.prefix(lines)) }
    all.append(StyledLine("COMMIT TO BROADCAST", Style(.dim)))
    all += allJourneys.prefix(journeys).map { Self.line($0, canvas) }
    return Array(all.prefix(lines))
  }

  /// `23:14:07 ✓ api  41 files  1,204 chunks  0.42 s`.
  private static func line(_ ending: ReindexEnding, _ canvas: Canvas) -> StyledLine {
    var line = StyledLine(DisplayText(String(Timestamp.clock(ending.timeMilliseconds).prefix(8))), Style(.dim))
    guard let report = ending.report else {
      line.append(" \(canvas.sign(.failed)) ", Style(.err))
      line.append(DisplayText(ending.project.rawValue))
      line.append("  \(DisplayText(ending.failure?.message ?? "failed"))", Style(.err))
      return line
    }
    let isWhole = report.filesFailed.isEmpty
    line.append(" \(canvas.sign(isWhole ? .ok : .warning)) ", Style(isWhole ? .ok : .warn))
    line.append(DisplayText(report.project.rawValue))
    line.append("  \(DisplayText(Figures.counted(report.filesIndexed, "file")))")
    if let deleted = report.filesDeleted { line.append("  \(DisplayText(Figures.grouped(deleted))) deleted") }
    if !isWhole { line.append("  \(DisplayText(Figures.grouped(report.filesFailed.count))) failed", Style(.err)) }
    line.append("  \(DisplayText(Figures.duration(milliseconds: report.durationSeconds * 1_000)))", Style(.dim))
    line.append("  \(DisplayText(report.mode.rawValue))", Style(.dim))
    return line
  }

  /// `23:14:07 ✓ api  commit 9f31c2a  12 files  38 ms: detect 2, reindex 30`.
  private static func line(_ journey: PipelineJourney, _ canvas: Canvas) -> StyledLine {
    var line = StyledLine(DisplayText(String(Timestamp.clock(journey.timeMilliseconds).prefix(8))), Style(.dim))
    line.append(
      " \(canvas.sign(journey.isComplete ? .ok : .failed)) ", Style(journey.isComplete ? .ok : .err))
    line.append(DisplayText(journey.project.rawValue))
    line.append("  \(DisplayText(journey.trigger.rawValue))", Style(.dim))
    if let commit = journey.commit { line.append(" \(DisplayText(String(commit.prefix(7))))", Style(.dim)) }
    line.append("  \(DisplayText(Figures.counted(journey.filesChanged, "file")))")
    line.append("  \(DisplayText(Figures.short(journey.totalMilliseconds))) ms")
    let stages = journey.stages.map {
      "\($0.name) \(Figures.short($0.milliseconds))\($0.error == nil ? "" : " failed")"
    }
    if !stages.isEmpty { line.append("  \(DisplayText(stages.joined(separator: " ")))", Style(.dim)) }
    return line
  }
}
