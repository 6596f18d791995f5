internal import ArgumentParser
internal import Base
internal import ControlPlane

struct ProjectsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "projects", abstract: "List, add and remove the folders the node knows.",
    subcommands: [List.self, Add.self, Remove.self])

  struct List: Verb {
    static let configuration = CommandConfiguration(abstract: "List the projects.")

    @Flag(help: "One JSON document.")
    var json = false

    func perform(_ call: Invocation) async throws {
      let rows = try await withNodeOrState(try call.settings()) { node in
        let snapshot = try await node.snapshot()
        let indexed = snapshot.index?.projects ?? []
        return snapshot.projects.map { project in
          ProjectText.Row(project, indexed.first { $0.id == project.id })
        }
      } offline: {
        try $0.projects().map { ProjectText.Row($0) }
      }
      try StandardOutput.say(json ? try JSONText.of(rows) : ProjectText.table(rows))
    }
  }

  struct Add: Verb {
    static let configuration = CommandConfiguration(abstract: "Make a folder known.")

    @Argument(help: "The folder.", completion: .directory)
    var path: String

    @Option(help: "Its name; the folder's own when left out.")
    var id: String?

    @Flag(help: "One JSON document.")
    var json = false

    func perform(_ call: Invocation) async throws {
      let id = try id.map { text throws(Failure) in try ProjectText.id(text) }
      let folder = try FolderArguments.resolve(path)
      let project = try await withNodeOrState(try call.settings()) { node in
        guard case .project(let project) = try await node.perform(.addProject(path: folder, id: id)).result else {
          throw Failure.wrongAnswer
        }
        return project
      } offline: {
        try await $0.addProject(path: folder, id: id)
      }
      try StandardOutput.say(json ? try JSONText.of(project) : "added \(project.id)  \(DisplayText(project.path))")
    }
  }

  struct Remove: Verb {
    static let configuration = CommandConfiguration(abstract: "Forget a project; its files stay as they are.")

    @Argument(help: "Its id.")
    var id: String

    func perform(_ call: Invocation) async throws {
      let id = try ProjectText.id(id)
      try await withNodeOrState(try call.settings()) { node in
        _ = try await node.perform(.removeProject(id: id))
      } offline: {
        try await $0.removeProject(id: id)
      }
      try StandardOutput.say("removed \(id)")
    }
  }
}

extension Failure {
  /// A node that answers another question than the one that was asked is of another version, or broken.
  static let wrongAnswer = Failure(.internal, "the node gave an answer of another kind than was asked for")
}
