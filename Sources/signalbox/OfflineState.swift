internal import Base
internal import ControlPlane
internal import EngineRoom
internal import FoundationEssentials

/// What can be said and done with the state folder when no node runs. What a node must answer throws the failure that
/// asking it gave.
struct OfflineState {
  let folder: String
  /// What was thrown when the node was asked; the answer of everything that needs one.
  let noNode: Failure

  func projects() throws(Failure) -> [ProjectSummary] { try ProjectRegistry(stateFolder: folder).all }

  /// Under the folder's lock, so that a node that starts meanwhile does not lose the change.
  func addProject(path: String, id: ProjectID?) async throws(Failure) -> ProjectSummary {
    let lock = try await StateFolder.forCommand(path: folder)
    let project = try ProjectRegistry(stateFolder: folder).add(path: path, id: id)
    _ = consume lock
    return project
  }

  func removeProject(id: ProjectID) async throws(Failure) {
    let lock = try await StateFolder.forCommand(path: folder)
    _ = try ProjectRegistry(stateFolder: folder).remove(id: id)
    StateFolder.removeIndex(of: id, in: folder)
    _ = consume lock
  }

  /// What the last background node wrote, oldest first, the newest `query.limit` of it.
  func logs(_ query: LogQuery) throws(Failure) -> [LogRecord] {
    switch FileTail.lines(of: StateFolder.logFile(in: folder)) {
    case .absent: throw noNode
    case .unreadable(let reason): throw Failure(.denied, "cannot read the log file: \(reason)")
    case .lines(let lines):
      let decoder = JSONDecoder()
      // A line that is no record is half of one, left by a full disk or a lost machine.
      let records = lines.compactMap { try? decoder.decode(LogRecord.self, from: Data($0.utf8)) }
      return Array(records.filter(query.matches).suffix(query.limit))
    }
  }

  /// The records of the audit, oldest first, the newest `query.limit` of them.
  func audit(_ query: AuditQuery) throws(Failure) -> [AuditRecord] {
    switch FileTail.lines(of: StateFolder.auditFile(in: folder)) {
    case .absent: throw noNode
    case .unreadable(let reason): throw Failure(.denied, "cannot read the audit file: \(reason)")
    case .lines(let lines): return AuditFile.records(lines, query: query)
    }
  }
}

/// Asks the node, and the state folder when there is no node.
func withNodeOrState<T: Sendable>(
  _ settings: Settings, node: (any ControlPlane) async throws -> T, offline: (OfflineState) async throws -> T
) async throws -> T {
  try await withNode(socket: settings.socket, operatorName: settings.operatorName, node) { failure in
    try await offline(OfflineState(folder: settings.stateFolder, noNode: failure))
  }
}
