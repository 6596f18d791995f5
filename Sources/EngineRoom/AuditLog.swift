internal import Base
public import ControlPlane
internal import FoundationEssentials
internal import Synchronization
internal import Telemetry

/// Every command that changes something: one line before it runs, one with its outcome after. JSON lines in
/// `audit/audit.log`, rotated; the newest are also kept in memory for the console.
final class AuditLog: Sendable {
  /// Records kept in memory, and therefore the most a query returns while the node runs.
  static let kept = 2_000
  static let rotateBytes: Int64 = 16 << 20
  static let rotatedFiles = 8

  private let file: RotatingFile
  private let recent: Mutex<BoundedQueue<AuditRecord>>
  private let counter = Atomic<UInt64>(0)
  private let node: NodeID

  init(path: String, node: NodeID) {
    self.node = node
    file = RotatingFile(path: path, bytesMax: Self.rotateBytes, keep: Self.rotatedFiles)
    var queue = BoundedQueue<AuditRecord>(capacity: Self.kept)
    // An audit that cannot be read has no records to show; writing it is where its failure is reported.
    if case .lines(let lines) = FileTail.lines(of: path) {
      for record in AuditFile.records(lines, query: AuditQuery(limit: Self.kept)) { queue.append(record) }
    }
    recent = Mutex(queue)
  }

  /// A new id: the node's and a running number, so that two nodes' audits can be joined.
  func nextID() -> String {
    "\(node)-\(counter.wrappingAdd(1, ordering: .relaxed).newValue)"
  }

  /// Appends and returns once the line is with the kernel. Throws `unavailable` when it cannot be written.
  func append(_ record: AuditRecord) throws(Failure) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let line = try? encoder.encode(record) else {  // strings and numbers always encode
      throw Failure(.internal, "an audit record could not be encoded")
    }
    guard file.append(String(decoding: line, as: UTF8.self)) else {
      throw file.failure ?? Failure(.unavailable, "\(file.path): cannot be written")
    }
    recent.withLock { _ = $0.append(record) }
  }

  func query(_ query: AuditQuery) -> [AuditRecord] {
    let records = recent.withLock { Array($0.contents) }
    let wanted = records.filter { $0.timeMilliseconds >= query.sinceMilliseconds ?? .min }
    return Array(wanted.suffix(max(1, query.limit)))
  }

  /// For SIGHUP: somebody else may have moved the file.
  func reopen() { file.reopen() }
}

/// Reading the audit file, with or without a node.
public enum AuditFile {
  /// The newest records of JSON lines that fit the query, oldest first. A line that a crash cut short is no record and
  /// must not hide the others.
  public static func records(_ lines: [String], query: AuditQuery) -> [AuditRecord] {
    let decoder = JSONDecoder()
    var records: [AuditRecord] = []
    for line in lines.reversed() where records.count < query.limit {
      guard let record = try? decoder.decode(AuditRecord.self, from: Data(line.utf8)),  // as said above
        record.timeMilliseconds >= query.sinceMilliseconds ?? .min
      else { continue }
      records.append(record)
    }
    return records.reversed()
  }
}
