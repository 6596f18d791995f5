internal import Base
public import ControlPlane
internal import FoundationEssentials
internal import ServiceLifecycle
internal import Synchronization
internal import Telemetry

/// Every command that changes something: one line before it runs, one with its outcome after. JSON lines in
/// `audit/audit.log`, rotated; the newest are also kept in memory for the console.
///
/// Data traffic has one line, afterwards, and does not wait for it: `note` puts the record into a list that
/// `AuditWriter` writes out a batch at a time, at most a tenth of a second later. Whoever finds the list full writes
/// it, so that it is bounded and nothing is left out. Administration writes the list before its own line: the file has
/// them in order. A process that is killed loses what it had noted since the last batch.
final class AuditLog: Sendable {
  /// Records kept in memory, and therefore the most a query returns while the node runs.
  static let kept = 2_000
  static let rotateBytes: Int64 = 16 << 20
  static let rotatedFiles = 8

  /// Records of traffic that wait to be written, at most.
  static let notedMax = 4_096
  /// Records that go into the file in one write.
  static let batch = 256

  /// Yields when records wait.
  let news: AsyncStream<Void>
  private let tell: AsyncStream<Void>.Continuation
  private let noted = Mutex<[AuditRecord]>([])
  /// Held while lines go into the file, so that they keep their order.
  private let file: Mutex<RotatingFile>
  private let recent: Mutex<BoundedQueue<AuditRecord>>
  /// Apart, so that traffic does not push administration out of sight.
  private let recentTraffic = Mutex(BoundedQueue<AuditRecord>(capacity: AuditLog.kept))
  private let counter = Atomic<UInt64>(0)
  private let node: NodeID

  init(path: String, node: NodeID) {
    self.node = node
    file = Mutex(RotatingFile(path: path, bytesMax: Self.rotateBytes, keep: Self.rotatedFiles))
    (news, tell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
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
    try file.withLock { file throws(Failure) in
      try writeNoted(to: file)
      try Self.write([record][...], to: file)
    }
    recent.withLock { _ = $0.append(record) }
  }

  /// Notes a record of traffic, to be written soon.
  func note(_ record: AuditRecord) {
    recentTraffic.withLock { _ = $0.append(record) }
    let count = noted.withLock { noted in
      noted.append(record)
      return noted.count
    }
    if count == 1 { tell.yield() }
    // What cannot be written is the writer's to report, at its next turn.
    if count >= Self.notedMax { try? flush() }
  }

  /// Writes what is noted. Throws `unavailable` when it cannot; what was noted is then lost, and counted by the file.
  func flush() throws(Failure) {
    try file.withLock { file throws(Failure) in try writeNoted(to: file) }
  }

  private func writeNoted(to file: RotatingFile) throws(Failure) {
    let records = noted.withLock { noted in
      defer { noted.removeAll(keepingCapacity: true) }
      return noted
    }
    var failure: Failure?
    for start in stride(from: 0, to: records.count, by: Self.batch) {
      do throws(Failure) {
        try Self.write(records[start..<min(start + Self.batch, records.count)], to: file)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  private static func write(_ records: ArraySlice<AuditRecord>, to file: RotatingFile) throws(Failure) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let lines = records.compactMap { try? encoder.encode($0) }  // strings and numbers always encode
    guard file.append(lines.map { String(decoding: $0, as: UTF8.self) }) else {
      throw file.failure ?? Failure(.unavailable, "\(file.path): cannot be written")
    }
  }

  func query(_ query: AuditQuery) -> [AuditRecord] {
    let since = query.sinceMilliseconds ?? .min
    let administration = recent.withLock { $0.contents.filter { $0.timeMilliseconds >= since } }
    let traffic = recentTraffic.withLock { $0.contents.filter { $0.timeMilliseconds >= since } }
    guard !traffic.isEmpty else { return administration.suffix(max(1, query.limit)) }
    // The sort is stable: what happened in the same millisecond keeps its order.
    let all = (administration + traffic).sorted { $0.timeMilliseconds < $1.timeMilliseconds }
    return all.suffix(max(1, query.limit))
  }

  /// For SIGHUP: somebody else may have moved the file.
  func reopen() { file.withLock { $0.reopen() } }
}

/// Writes out what the audit has noted, in batches. It starts first and stops last.
struct AuditWriter: Service {
  /// The longest that a noted record waits.
  static let interval = Duration.milliseconds(100)

  let audit: AuditLog
  let health: HealthBoard

  func run() async {
    await cancelWhenGracefulShutdown { [self] in
      for await _ in audit.news {
        // Cancelled: what is left is written at once.
        do { try await Task.sleep(for: Self.interval) } catch { break }
        write()
      }
    }
    write()
  }

  func write() {
    do throws(Failure) {
      try audit.flush()
    } catch {
      health.set("audit", .degraded, reason: error.message)
    }
  }
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
