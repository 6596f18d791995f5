internal import Base
internal import ControlPlane

/// The selected socket under the table, while the pane has the screen to itself: facts and rooms, and the last events
/// beside them or, where that is too narrow, below.
extension GatewayPane {
  private static let besideFrom = 110

  func drawDetail(into canvas: inout Canvas, area: Rect, now: Moment) {
    // Beyond both ends, where the frame is: the line goes through to it.
    canvas.hline(x: area.x - 1, y: area.y, length: area.width + 2)
    let inner = Rect(x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 1)
    guard let socket = selected else {
      canvas.write("no socket is selected", x: inner.x, y: inner.y, style: Style(.dim), maxWidth: inner.width)
      return
    }
    canvas.write(
      " \(Self.name(of: socket)) ", x: area.x + 2, y: area.y, style: Style(.title, on: .background, .bold),
      maxWidth: area.width - 4)
    guard let detail, detail.socket.id == socket.id else {
      let text: DisplayText = detailRefusal.map { "\(canvas.sign(.warning)) \($0)" } ?? "… asking for this socket"
      let style = detailRefusal == nil ? Style(.dim) : Style(.warn)
      canvas.write(text, x: inner.x, y: inner.y, style: style, maxWidth: inner.width)
      return
    }
    guard inner.width >= Self.besideFrom else {
      let facts = facts(detail, canvas, width: inner.width)
      let rooms = max(1, min(detail.rooms.count, (inner.height - facts.count) / 3))
      var y = draw(facts, into: &canvas, inner)
      y = draw(Self.rooms(detail, lines: rooms), into: &canvas, inner, from: y)
      draw(Self.events(detail, lines: inner.maxY - y, width: inner.width), into: &canvas, inner, from: y)
      return
    }
    let half = inner.width / 2
    let left = Rect(x: inner.x, y: inner.y, width: half - 1, height: inner.height)
    let right = Rect(x: inner.x + half, y: inner.y, width: inner.width - half, height: inner.height)
    let y = draw(facts(detail, canvas, width: left.width), into: &canvas, left)
    draw(Self.rooms(detail, lines: left.maxY - y), into: &canvas, left, from: y)
    draw(Self.events(detail, lines: right.height, width: right.width), into: &canvas, right)
  }

  /// Returns the first line that is still free.
  @discardableResult
  private func draw(_ lines: [StyledLine], into canvas: inout Canvas, _ area: Rect, from start: Int? = nil) -> Int {
    var y = start ?? area.y
    for line in lines where y < area.maxY {
      canvas.write(line, x: area.x, y: y, maxWidth: area.width)
      y += 1
    }
    return y
  }

  private func facts(_ detail: SocketDetail, _ canvas: Canvas, width: Int) -> [StyledLine] {
    let socket = detail.socket
    func line(_ pairs: [(DisplayText, DisplayText)]) -> StyledLine {
      var line = StyledLine()
      for (name, value) in pairs {
        if line.width > 0 { line.append("  ") }
        if !name.isEmpty { line.append("\(name) ", Style(.dim)) }
        line.append(value)
      }
      return line
    }
    func count(_ value: UInt64) -> DisplayText { Self.short(value) }
    func bytes(_ value: UInt64) -> DisplayText { DisplayText(Figures.bytes(Int64(clamping: value))) }
    let address: DisplayText = socket.address.isEmpty ? "not shown" : DisplayText(socket.address)
    let since = DisplayText(String(Timestamp.clock(socket.connectedAt).prefix(8)))
    var lines = [
      line([("id", DisplayText(socket.id)), ("by", Self.word(for: socket.transport))]),
      Self.isNamed(socket)
        ? line([
          ("user", DisplayText(socket.user)), ("", socket.isVerified ? "\(canvas.sign(.ok)) verified" : "unverified"),
        ]) : line([("user", "not said")]),
      line([
        ("from", address), ("since", since),
        ("idle", DisplayText(Figures.uptime(seconds: Double(socket.idleMilliseconds) / 1_000))),
      ]),
      line([
        ("in", "\(count(detail.eventsIn)) events \(bytes(detail.bytesIn))"),
        ("out", "\(count(detail.eventsOut)) events \(bytes(detail.bytesOut))"),
      ]),
      line([
        ("queue", DisplayText(Figures.bytes(Int64(socket.queuedBytes)))),
        ("in", DisplayText(Figures.counted(socket.queuedFrames, "frame"))),
        ("dropped", count(detail.dropped)),
      ]),
    ]
    if let expires = detail.expiresAt { lines.append(line([("token ends", DisplayText(Timestamp.iso8601(expires)))])) }
    return lines
  }

  private static func rooms(_ detail: SocketDetail, lines: Int) -> [StyledLine] {
    guard lines > 0 else { return [] }
    let count = DisplayText(Figures.counted(detail.rooms.count, "room"))
    guard !detail.rooms.isEmpty else { return [StyledLine("no rooms", Style(.dim))] }
    // One line: the names one after another; more: one each, with the count above.
    guard lines > 2 else {
      var line = StyledLine("\(count)  ", Style(.dim))
      line.append(DisplayText(detail.rooms.joined(separator: "  ")))
      return [line]
    }
    let isWhole = detail.rooms.count < lines
    let shown = detail.rooms.prefix(isWhole ? lines - 1 : lines - 2)
    var all = [StyledLine("\(count)", Style(.dim))] + shown.map { StyledLine("  \($0)") }
    if !isWhole {
      all.append(StyledLine("  and \(Figures.grouped(detail.rooms.count - shown.count)) more", Style(.dim)))
    }
    return all
  }

  private static func events(_ detail: SocketDetail, lines: Int, width: Int) -> [StyledLine] {
    guard lines > 0 else { return [] }
    guard !detail.recent.isEmpty else { return [StyledLine("no events seen since somebody looked", Style(.dim))] }
    var all = lines > 1 ? [StyledLine("LAST EVENTS", Style(.dim))] : []
    for activity in detail.recent.prefix(lines - all.count) {
      var line = StyledLine(DisplayText(String(Timestamp.clock(activity.timeMilliseconds).prefix(8))), Style(.dim))
      line.append(activity.direction == .in ? "  in  " : "  out ", Style(activity.direction == .in ? .info : .accent))
      line.append(DisplayText(Figures.bytes(Int64(activity.bytes))).padded(to: 6, .right))
      line.append("  \(DisplayText(activity.event).truncated(to: max(8, width / 3)))")
      if let room = activity.room { line.append("  \(room)", Style(.dim)) }
      all.append(line)
    }
    return all
  }
}
