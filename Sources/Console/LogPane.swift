internal import Base
internal import ControlPlane

/// The node's log and what operators did.
struct LogPane: Pane {
  let id = PaneID.log
  var book = LogBook()
  /// Nothing has been heard from the node yet.
  private(set) var isLoading = true
  /// Why the node did not show its log; nil when it did.
  private(set) var refusal: String?

  mutating func take(_ news: News, height: Int) -> Bool {
    switch news {
    case .events(let events):
      let records = events.compactMap(Self.record)
      guard !records.isEmpty else { return false }
      book.append(records, height: height)
      return true
    case .answer(.logs, .success(.logs(let records))):
      isLoading = false
      refusal = nil
      book.merge(unknown(records), height: height)
      return true
    case .answer(.logs, .failure(let failure)):
      isLoading = false
      refusal = failure.message
      return true
    default:
      return false
    }
  }

  /// Lines of the node's log in the console's words, without those whose event has come already.
  private func unknown(_ records: [LogRecord]) -> [LogRecord] {
    let known = Set(book.records.filter { $0.label == OperatorLine.label }.compactMap { $0.metadata["id"] })
    return records.compactMap { record in
      guard let line = OperatorLine(record) else { return record }
      return known.contains(line.id) ? nil : line.record
    }
  }

  /// A line for what is worth one.
  private static func record(of event: Event) -> LogRecord? {
    switch event.body {
    case .log(let record):
      // Its own event says it too, and better.
      return OperatorLine(record) == nil ? record : nil
    case .command(let audit):
      return OperatorLine.record(of: audit, at: event.timeMilliseconds)
    case .cacheInvalidated(let done):
      let reach = done.durability == .committed ? "" : ", \(done.durability.word)"
      return LogRecord(
        timeMilliseconds: event.timeMilliseconds, level: done.durability == .localOnly ? .warning : .info,
        label: "cache",
        message:
          "\(Figures.counted(done.keysDeleted, "key")) dropped: \(done.namespace) \(done.strategy) \(done.object) "
          + "(\(Figures.bytes(Int64(done.bytes))), \(Figures.short(done.durationMilliseconds)) ms\(reach))")
    case .run(let run) where run.state == .finished: return record(of: run)
    case .dropped(let count):
      return LogRecord(
        timeMilliseconds: event.timeMilliseconds, level: .warning, label: "console",
        message: "\(count) events were lost: this console was too slow")
    default:
      return nil
    }
  }

  private static func record(of run: RunSummary) -> LogRecord {
    let time = SandboxPane.duration(Int64(run.durationMilliseconds))
    let whole = Int64(run.queueMilliseconds + run.startMilliseconds + run.durationMilliseconds)
    return LogRecord(
      timeMilliseconds: run.timeMilliseconds + whole, level: run.outcome == .succeeded ? .info : .warning,
      label: "sandbox",
      message: "\(run.id.prefix(8)) \(SandboxPane.look(of: run).2.text) after \(time), \(run.language) by \(run.actor)"
        + (run.reason.map { ": \($0)" } ?? ""))
  }

  func summary(_ scene: Scene) -> DisplayText {
    var parts: [DisplayText] = []
    parts.append(book.level == .trace ? "all levels" : "\(book.level.word.lowercased())+")
    if let filter = book.filter {
      parts.append("/\(DisplayText(filter.source).truncated(to: 24))")
    } else if scene.isWide {
      parts.append("filter: none")
    }
    parts.append(
      book.isFollowing ? "following" : "\(Figures.grouped(book.cursor.selected + 1)) of \(Figures.grouped(book.count))")
    if scene.size == .large || scene.size == .single { parts.append("\(Figures.grouped(book.records.count)) kept") }
    return parts.joined(separator: " · ")
  }

  func draw(into canvas: inout Canvas, area: Rect, scene: Scene) {
    guard !book.visible.isEmpty else { return drawEmpty(into: &canvas, area: area) }
    var y = area.y
    for index in book.visible.indices.dropFirst(book.cursor.top).prefix(area.height) {
      let line = Self.line(book.records[book.visible[index]], isWide: scene.isWide || area.width >= 150)
      canvas.write(line, x: area.x + 1, y: y, maxWidth: area.width - 2)
      // While following, the newest line is no choice of the reader and stays unmarked.
      if scene.isFocused, !book.isFollowing, index == book.cursor.selected { canvas.select(row: y, in: area) }
      y += 1
    }
  }

  private func drawEmpty(into canvas: inout Canvas, area: Rect) {
    let text: DisplayText
    if isLoading {
      text = "… asking the node for its log"
    } else if let refusal, book.records.isEmpty {
      text = "\(canvas.sign(.warning)) no log here: \(refusal)"
    } else if book.records.isEmpty {
      text = "no lines yet"
    } else if let filter = book.filter {
      text = "none of \(Figures.grouped(book.records.count)) lines matches /\(filter.source)"
    } else {
      text = "no line of this level among \(Figures.grouped(book.records.count))"
    }
    canvas.write(text, x: area.x + 1, y: area.y, style: Style(.dim), maxWidth: area.width - 2)
  }

  private static func line(_ record: LogRecord, isWide: Bool) -> StyledLine {
    let clock = Timestamp.clock(record.timeMilliseconds)
    var line = StyledLine(DisplayText(String(isWide ? clock : String(clock.prefix(8)))), Style(.dim))
    line.append(" ")
    line.append(DisplayText(record.level.word).padded(to: 5), style(of: record.level))
    line.append(" ")
    line.append(DisplayText(record.label).fitted(to: isWide ? 12 : 8), Style(.accent))
    line.append(" ")
    line.append(DisplayText(record.message))
    // Where there is little room, what was done is more than the number under which the audit has it.
    let metadata = isWide || record.label != OperatorLine.label ? record.metadata : [:]
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      line.append("  \(key)=\(shortened(value))", Style(.dim))
    }
    return line
  }

  /// Of a commit, as much as tells it from others.
  private static func shortened(_ value: String) -> String {
    value.utf8.count == 40 && value.allSatisfy(\.isHexDigit) ? String(value.prefix(7)) : value
  }

  static func style(of level: LogLevel) -> Style {
    switch level {
    case .trace, .debug: Style(.logDebug)
    case .info, .notice: Style(.logInfo)
    case .warning: Style(.logWarn, .bold)
    case .error, .critical: Style(.logError, .bold)
    }
  }

  mutating func move(_ motion: Motion, height: Int) {
    let page = max(1, height - 1)
    switch motion {
    case .up: book.move(by: -1, height: height)
    case .down: book.move(by: 1, height: height)
    case .pageUp: book.move(by: -page, height: height)
    case .pageDown: book.move(by: page, height: height)
    case .first: book.move(by: -book.count, height: height)
    case .last: book.move(by: book.count, height: height)
    case .scroll(let lines): book.scroll(by: lines, height: height)
    }
  }

  mutating func select(line: Int, height: Int) { book.select(row: book.cursor.top + line, height: height) }

  var filter: String { book.filter?.source ?? "" }
  var filterHint: DisplayText { "level=warn engine=cache !not re:REGEX Enter Esc" }
  /// The title says it in a place of its own.
  var listNote: DisplayText? { nil }
  var sorting: ListOrder? { nil }
  var sortRefusal: String? { "the log is in the order of time" }

  mutating func setFilter(_ text: String, height: Int) throws(Failure) {
    book.setFilter(try LogFilter.parse(text), height: height)
  }

  mutating func moveMatch(by distance: Int, height: Int) { book.move(by: distance, height: height) }
  mutating func sort(by column: String?, height: Int) throws(Failure) {}
  mutating func reverseSort(height: Int) {}

  var selectedText: String? { book.selected.map { "\(Timestamp.iso8601($0.timeMilliseconds)) \($0.plainLine)" } }
}
