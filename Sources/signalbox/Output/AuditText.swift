internal import Base
internal import ControlPlane
internal import FoundationEssentials

/// The audit file as records and as a table.
enum AuditText {
  /// Reads JSON lines. A line that a crash cut short is no record and is left out.
  static func records(_ lines: [String], query: AuditQuery) -> [AuditRecord] {
    let decoder = JSONDecoder()
    var records: [AuditRecord] = []
    for line in lines.reversed() where records.count < query.limit {
      // A torn last line of a crashed node must not hide the others.
      guard let record = try? decoder.decode(AuditRecord.self, from: Data(line.utf8)),
        record.timeMilliseconds >= query.sinceMilliseconds ?? .min
      else { continue }
      records.append(record)
    }
    return records.reversed()
  }

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
