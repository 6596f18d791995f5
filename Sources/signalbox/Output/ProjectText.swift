internal import Base
internal import ControlPlane

/// Projects as a table, and their ids from the command line.
enum ProjectText {
  /// A project and, when a node with an index is there to say it, how its index is.
  struct Row: Encodable {
    var id: ProjectID
    var path: String
    var state: ProjectStatus.State?
    var ref: String?
    var commit: String?
    var files: Int?
    var chunks: Int?
    var error: String?
    var dirty: ProjectStatus.Dirty?

    init(_ project: ProjectSummary, _ status: ProjectStatus? = nil) {
      (id, path) = (project.id, project.path)
      state = status?.state
      ref = status?.ref
      commit = status?.commit
      files = status?.files
      chunks = status?.chunks
      error = status?.error
      dirty = status?.dirty
    }
  }

  static func table(_ rows: [Row]) -> String {
    guard !rows.isEmpty else { return "no project" }
    guard rows.contains(where: { $0.state != nil }) else {
      return Table.render(header: ["ID", "PATH"], rows: rows.map { [$0.id.rawValue, $0.path] })
    }
    return Table.render(
      header: ["ID", "STATE", "FILES", "CHUNKS", "REF", "COMMIT", "PATH"],
      rows: rows.map { row in
        [
          row.id.rawValue, row.state?.rawValue ?? "-", row.files.map(String.init) ?? "-",
          row.chunks.map(String.init) ?? "-", row.ref ?? "-", String((row.commit ?? "-").prefix(12)), row.path,
        ]
      })
  }

  static func id(_ text: String) throws(Failure) -> ProjectID {
    guard let id = ProjectID(rawValue: text) else {
      throw Failure(.invalid, "'\(DisplayText(text).truncated(to: 80))' is no project id: \(ProjectID.rule)")
    }
    return id
  }
}
