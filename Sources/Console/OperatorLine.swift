internal import ControlPlane

/// What somebody did, as one line of the log: `kris cache.invalidate plans tag week:6: ok`. The node tells it
/// twice, as an event and as a line of its own log; the console shows it once.
struct OperatorLine {
  static let label = "operator"
  /// What takes so long that its beginning is worth a line.
  private static let slowActions: Set<String> = ["bench.run", "index.reindex", "node.drain"]

  /// What has an event of its own that names who did it.
  private static let toldActions: Set<String> = ["sandbox.run"]

  let id: String
  let record: LogRecord

  /// Nil for a line of the log that tells of something else.
  init?(_ record: LogRecord) {
    guard record.label == Self.label, let id = record.metadata["id"] else { return nil }
    self.id = id
    self.record = record
  }

  /// Nil for a beginning whose end is about to come, and for an end that is told already.
  static func record(of audit: AuditRecord, at time: Int64) -> LogRecord? {
    let isTold =
      audit.outcome == nil
      ? !slowActions.contains(audit.action) : audit.outcome == "ok" && toldActions.contains(audit.action)
    guard !isTold else { return nil }
    return line("\(audit.actor) \(audit.action) \(audit.target)", outcome: audit.outcome, id: audit.id, at: time)
  }

  private static func line(_ text: String, outcome: String?, id: String, at time: Int64) -> LogRecord {
    let failed = outcome.map { $0 != "ok" } ?? false
    return LogRecord(
      timeMilliseconds: time, level: failed ? .warning : .info, label: label,
      message: "\(text)\(outcome.map { ": \($0)" } ?? " …")", metadata: ["id": id])
  }
}
