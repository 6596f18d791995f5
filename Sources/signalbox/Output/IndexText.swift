internal import Base
internal import ControlPlane

/// The index's figures, reports and results, for people.
enum IndexText {
  private static let snippetLinesMax = 12

  /// One line of `status`.
  static func summary(_ index: IndexSnapshot) -> String {
    let files = index.projects.reduce(0) { $0 + $1.files }
    let chunks = index.projects.reduce(0) { $0 + $1.chunks }
    let latency = index.queryLatency
    let times = [latency.p50, latency.p95, latency.p99].map { Quantity.fixed($0, digits: 1) }.joined(separator: "/")
    return "\(files) files  \(chunks) chunks  \(Quantity.describe(bytes: Int64(index.bytes)))  "
      + "\(DisplayText(index.embedder).truncated(to: 80)), \(DisplayText(index.store).truncated(to: 80))  "
      + "queries \(index.queries)  p50/p95/p99 \(times) ms"
  }

  /// What follows a project's id and path.
  static func state(_ status: ProjectStatus) -> String {
    var text = status.state.rawValue
    if status.state == .indexing {
      text +=
        " \(Quantity.fixed(status.progress * 100, digits: 0)) %, "
        + "\(Quantity.fixed(status.filesPerSecond, digits: 0)) files/s"
    }
    if let dirty = status.dirty { text += " \(dirty.text)" }
    if let error = status.error { text += ": \(DisplayText(error).truncated(to: 200))" }
    return text
  }

  static func report(_ report: ReindexReport) -> String {
    let at = report.commit.map { " at \(DisplayText(String($0.prefix(12))))" } ?? ""
    let seconds = Quantity.fixed(report.durationSeconds, digits: 2)
    guard report.mode != .unchanged else {
      let line =
        "\(report.project)\(at): unchanged, \(report.filesUnchanged) files, \(report.chunks) chunks, \(seconds) s"
      return ([line] + notes(report).map { DisplayText($0).truncated(to: 300).text }).joined(separator: "\n")
    }
    let rate = Quantity.fixed(report.filesPerSecond, digits: 0)
    let deleted = report.filesDeleted.map { "\($0) deleted, " } ?? ""
    var lines = [
      "\(report.project)\(at): \(report.mode.rawValue), \(report.filesIndexed) files indexed, \(deleted)"
        + "\(report.filesUnchanged) unchanged, \(report.filesSkippedCount) skipped, \(report.filesFailed.count) failed",
      "\(report.chunks) chunks, \(report.embeddingsComputed) embeddings computed, "
        + "\(report.embeddingsFromCache) known, in \(seconds) s, \(rate) files/s",
    ]
    let reasons = Dictionary(grouping: report.filesSkipped, by: \.reason).map { (reason: $0, count: $1.count) }
    let most = reasons.sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
    lines += most.map { "skipped \($0.count): \(DisplayText($0.reason).truncated(to: 120))" }
    lines += notes(report).map { DisplayText($0).truncated(to: 300).text }
    lines += report.filesFailed.map { "failed  \(DisplayText($0.path)): \(DisplayText($0.error).truncated(to: 200))" }
    return lines.joined(separator: "\n")
  }

  private static func notes(_ report: ReindexReport) -> [String] { report.notes ?? [] }

  static func nothing(_ reply: SearchReply) -> String {
    reply.note.map { DisplayText($0).truncated(to: 300).text } ?? "nothing found"
  }

  /// Each with the place in the form that editors open, and its best lines.
  static func hits(_ hits: [SearchHit]) -> String { hits.map(hit).joined(separator: "\n\n") }

  private static func hit(_ hit: SearchHit) -> String {
    let symbol = hit.symbol.isEmpty ? "" : "  \(DisplayText(hit.symbol).truncated(to: 120))"
    let place = "\(DisplayText(hit.path)):\(hit.startLine)-\(hit.endLine)"
    let head = "\(place)\(symbol)  \(hit.language)  \(hit.project)  \(Quantity.fixed(hit.score, digits: 3))"
    let lines = DisplayText.lines(of: hit.snippet, max: snippetLinesMax).map { "    \($0.truncated(to: 200))" }
    return ([head] + lines).joined(separator: "\n")
  }
}
