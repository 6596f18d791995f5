internal import Base
internal import ControlPlane

/// Projects as a table, and their ids from the command line.
enum ProjectText {
  static func table(_ projects: [ProjectSummary]) -> String {
    guard !projects.isEmpty else { return "no project" }
    return Table.render(header: ["ID", "PATH"], rows: projects.map { [$0.id.rawValue, $0.path] })
  }

  static func id(_ text: String) throws(Failure) -> ProjectID {
    guard let id = ProjectID(rawValue: text) else {
      throw Failure(.invalid, "'\(DisplayText(text).truncated(to: 80))' is no project id: \(ProjectID.rule)")
    }
    return id
  }
}
