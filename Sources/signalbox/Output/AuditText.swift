internal import Base
internal import ControlPlane

/// The audit as a table.
enum AuditText {
  static func table(_ records: [AuditRecord]) -> String {
    guard !records.isEmpty else { return "no audited command" }
    return Table.render(
      header: ["TIME", "ACTOR", "ORIGIN", "ACTION", "TARGET", "OUTCOME"],
      rows: records.map { record in
        [
          Timestamp.iso8601(record.timeMilliseconds), record.actor, record.origin.rawValue, record.action,
          record.target, record.outcome ?? "began",
        ]
      })
  }
}
