internal import Base
internal import ControlPlane

/// The selected run, whole: what it is, how it ended, what was proved, what it wrote.
extension SandboxPane {
  func drawDetail(into canvas: inout Canvas, area: Rect, now: Moment) {
    guard area.height > 1, let run = selected else { return }
    let rule = DisplayText(String(repeating: canvas.glyphs == .ascii ? "-" : "─", count: area.width))
    canvas.write(rule, x: area.x, y: area.y, style: Style(.border))
    let head: DisplayText = " \(DisplayText(run.id)) "
    canvas.write(head, x: area.x + 2, y: area.y, style: Style(.title), maxWidth: area.width - 4)
    let known = detail?.summary.id == run.id ? detail : nil
    let lines = Self.lines(run, known, output: output, refusal: detailRefusal, canvas, count: area.height - 1)
    for (index, line) in lines.prefix(area.height - 1).enumerated() {
      canvas.write(line, x: area.x + 1, y: area.y + 1 + index, maxWidth: area.width - 2)
    }
  }

  private static func lines(
    _ run: RunSummary, _ detail: RunDetail?, output: [UInt8], refusal: String?, _ canvas: Canvas, count: Int
  ) -> [StyledLine] {
    let (sign, style, word) = look(of: run)
    var first = StyledLine("\(canvas.sign(sign)) \(word)", style)
    first.append("  \(DisplayText(run.language)) in \(DisplayText(run.backend))  by \(DisplayText(run.actor))")
    var times: DisplayText = "queue \(DisplayText(duration(Int64(run.queueMilliseconds))))"
    times = "\(times)  start \(DisplayText(duration(Int64(run.startMilliseconds))))"
    if run.state == .finished { times = "\(times)  ran \(DisplayText(duration(Int64(run.durationMilliseconds))))" }
    if let peak = run.memoryPeakBytes { times = "\(times)  peak \(DisplayText(Figures.bytes(Int64(peak))))" }
    var lines = [first, StyledLine(times, Style(.dim))]
    if let reason = run.reason { lines.append(StyledLine(DisplayText(reason), Style(.err))) }
    if let refusal { return lines + [StyledLine("\(canvas.sign(.warning)) \(DisplayText(refusal))", Style(.warn))] }
    guard let result = detail?.result else {
      if let detail, run.state != .finished { lines += program(detail, most: max(1, (count - lines.count) / 2)) }
      return lines + text("OUTPUT SO FAR", String(decoding: output, as: UTF8.self), isTail: true, most: count)
    }
    lines += result.violations.prefix(6).map { violation($0) }
    var facts = proof(result, canvas)
    if !result.files.isEmpty {
      let names = result.files.prefix(6).map { "\($0.path) \(Figures.bytes(Int64($0.bytes)))" }.joined(separator: "  ")
      facts.append(StyledLine("files  \(DisplayText(names))", Style(.dim)))
    }
    // What it wrote comes first; the rest takes what is left of the lines.
    let left = max(4, count - lines.count - facts.count)
    let errors = text("STDERR", result.stderr, isTail: true, most: result.stdout.isEmpty ? left : left / 2)
    lines += text("STDOUT", result.stdout, isTail: false, most: left - errors.count) + errors + facts
    if let detail { lines += program(detail, most: max(0, count - lines.count)) }
    return lines
  }

  private static func program(_ detail: RunDetail, most: Int) -> [StyledLine] {
    text("PROGRAM", detail.code, isTail: false, most: most)
  }

  /// `✓ network ✓ rootfs ✗ memory 512M, not 1G`.
  private static func proof(_ result: RunResult, _ canvas: Canvas) -> [StyledLine] {
    guard !result.verified.isEmpty else { return [] }
    var line = StyledLine("proved ", Style(.dim))
    for (name, check) in result.verified.sorted(by: { $0.key < $1.key }) {
      line.append(" \(canvas.sign(check.ok ? .ok : .failed)) ", Style(check.ok ? .ok : .err))
      line.append(check.ok ? DisplayText(name) : "\(DisplayText(name)): \(DisplayText(check.actual))")
    }
    let limits = result.limits
    let words =
      "limits  \(Figures.bytes(Int64(limits.memoryBytes))) memory  \(limits.cpuPercent)% cpu  "
      + "\(duration(Int64(limits.timeoutMilliseconds)))  \(limits.processes) processes  by \(limits.enforcedBy)"
    return [line, StyledLine(DisplayText(words), Style(.dim))]
  }

  private static func violation(_ violation: RunResult.Violation) -> StyledLine {
    let isCritical = violation.severity == .critical
    var line = StyledLine("\(violation.line):\(violation.column) ", Style(.dim))
    line.append(DisplayText(violation.rule), isCritical ? Style(.err) : Style(.warn))
    line.append("  \(DisplayText(violation.message))")
    if !violation.suggestion.isEmpty { line.append("  \(DisplayText(violation.suggestion))", Style(.info)) }
    return line
  }

  private static func text(_ title: DisplayText, _ text: String, isTail: Bool, most: Int) -> [StyledLine] {
    guard most > 1, !text.isEmpty else { return [] }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last?.isEmpty ?? false { lines.removeLast() }
    let shown = isTail ? lines.suffix(most - 1) : lines.prefix(most - 1)
    let rest = lines.count - shown.count
    let head: DisplayText = rest > 0 ? "\(title)  \(DisplayText(Figures.grouped(rest))) lines more" : title
    return [StyledLine(head, Style(.dim))] + shown.map { StyledLine("  \(DisplayText(String($0)))") }
  }
}
