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
    for record in AuditFile.read(path, query: AuditQuery(limit: Self.kept)) { queue.append(record) }
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

/// Reading the audit without a node.
public enum AuditFile {
  /// At most this much of the newest file is read.
  private static let maxBytes = 64 << 20

  /// The newest records of the file that fit the query, oldest first. Lines that are no records are passed over: a
  /// machine that lost power may have left half of one.
  public static func read(_ path: String, query: AuditQuery) -> [AuditRecord] {
    // An unreadable audit has no records to show; writing it is where its failure is reported.
    guard let bytes = (try? WholeFile.read(path, maxBytes: maxBytes)) ?? nil else { return [] }
    let decoder = JSONDecoder()
    var records: [AuditRecord] = []
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let record = try? decoder.decode(AuditRecord.self, from: Data(line)) else { continue }  // as said above
      if record.timeMilliseconds >= query.sinceMilliseconds ?? .min { records.append(record) }
    }
    return Array(records.suffix(max(1, query.limit)))
  }
}
