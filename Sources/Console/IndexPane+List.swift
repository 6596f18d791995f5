internal import Base
internal import ControlPlane

/// What the projects are filtered and sorted by.
extension IndexPane {
  static let markNoun: String? = "project"

  var filterHint: DisplayText { "state=failed files>9 !not re:REGEX Enter Esc" }

  static let shape = RowList<ProjectStatus>.Shape(
    [
      .init("project", "PROJECT", text: { $0.id.rawValue }), .init("ref", "REF", text: { $0.ref ?? "" }),
      .init(RowField("state") { $0.state.rawValue }, "PROGRESS", .number { urgency(of: $0.state) }),
      .init("done", "DONE", number: { $0.progress * 100 }), .init("files", "FILES", number: { Double($0.files) }),
      .init("rate", "RATE", number: { $0.state == .indexing ? $0.filesPerSecond : nil }),
      .init("eta", "ETA", number: { $0.state == .indexing ? $0.etaSeconds : nil }),
      .init("chunks", "CHUNKS", number: { Double($0.chunks) }),
      .init("hit", "HIT", number: { $0.embedCacheHitRate.map { $0 * 100 } }),
      .init("path", "PATH", text: { $0.path }),
    ], more: [RowField("commit") { $0.commit }, RowField("error") { $0.error }], id: { $0.id.rawValue },
    line: { project in
      [project.id.rawValue, project.ref, project.commit, project.state.rawValue, project.path, project.error]
        .compactMap(\.self).joined(separator: " ")
    })

  /// What needs an eye is the greatest, so that the order of the largest first begins with it.
  private static func urgency(of state: ProjectStatus.State) -> Double {
    switch state {
    case .ready: 0
    case .indexing: 1
    case .stale: 2
    case .failed: 3
    }
  }

  /// Whether the lists under the table show what concerns a project: the filter is theirs too.
  func isShown(_ id: ProjectID) -> Bool { filter.isEmpty || projects.contains { $0.id == id } }
}
