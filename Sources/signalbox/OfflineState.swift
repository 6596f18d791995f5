internal import Base
internal import ControlPlane

/// What can be said from the files of the state folder when no node runs. Each function that has no file to read yet
/// throws `.unavailable`, as if there were no such fallback.
struct OfflineState {
  let folder: String
  /// What was thrown when the node was asked; the answer of everything that needs one.
  let noNode: Failure

  func projects() throws(Failure) -> [ProjectSummary] { throw noNode }

  func addProject(path: String, id: ProjectID?) throws(Failure) -> ProjectSummary { throw noNode }

  func removeProject(id: ProjectID) throws(Failure) { throw noNode }

  func logs(_ query: LogQuery) throws(Failure) -> [LogRecord] { throw noNode }

  /// The records of `audit/audit.log`, oldest first, the newest `query.limit` of them.
  func audit(_ query: AuditQuery) throws(Failure) -> [AuditRecord] {
    switch FileTail.lines(of: "\(folder)/audit/audit.log") {
    case .absent: throw noNode
    case .unreadable(let reason): throw Failure(.denied, "cannot read the audit file: \(reason)")
    case .lines(let lines): return AuditText.records(lines, query: query)
    }
  }
}

/// Asks the node, and the state folder when there is no node.
func withNodeOrState<T: Sendable>(
  _ settings: Settings, node: (any ControlPlane) async throws -> T, offline: (OfflineState) throws -> T
) async throws -> T {
  do {
    return try await withNode(settings, node)
  } catch let failure as Failure where failure.code == .unavailable {
    return try offline(OfflineState(folder: settings.stateFolder, noNode: failure))
  }
}
