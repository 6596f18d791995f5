internal import Base
internal import ControlPlane

/// What `reindex` was given: a project's id, or a folder.
enum ReindexTarget {
  /// The project that is meant. A folder that no project is yet becomes one, unless `isAdding` is false.
  static func project(
    _ text: String?, workingFolder: String, isAdding: Bool = true, on plane: any ControlPlane
  ) async throws -> ProjectID {
    guard case .projects(let known) = try await plane.ask(.projects) else { throw Failure.wrongAnswer }
    guard let text else { return try enclosing(workingFolder, known) }
    if let id = ProjectID(rawValue: text), known.contains(where: { $0.id == id }) { return id }
    guard FolderArguments.isFolder(text) else {
      let near = Suggestion.clause(for: text, in: known.map(\.id.rawValue))
      throw Failure(.invalid, "'\(DisplayText(text).truncated(to: 200))' is neither a project nor a folder\(near)")
    }
    let folder = try FolderArguments.resolve(text)
    if let project = known.first(where: { $0.path == folder }) { return project.id }
    guard isAdding else { throw Failure(.notFound, "\(DisplayText(folder)) is no project of this node") }
    guard case .project(let project) = try await plane.perform(.addProject(path: folder, id: nil)).result else {
      throw Failure.wrongAnswer
    }
    return project.id
  }

  /// The project with the working folder in it; the innermost of several.
  private static func enclosing(_ folder: String, _ known: [ProjectSummary]) throws(Failure) -> ProjectID {
    let holders = known.filter { folder == $0.path || folder.hasPrefix($0.path == "/" ? "/" : "\($0.path)/") }
    guard let innermost = holders.max(by: { $0.path.utf8.count < $1.path.utf8.count }) else {
      throw Failure(
        .invalid, "this folder belongs to no project",
        hint: "name a project or a folder: signalbox reindex . makes this one a project")
    }
    return innermost.id
  }
}
