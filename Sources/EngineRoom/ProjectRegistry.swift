public import Base
public import ControlPlane
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// The folders this node knows, kept in `projects.json` of the state folder. Every change is on disk before it is
/// answered.
public final class ProjectRegistry: Sendable {
  /// More than this many projects are refused.
  public static let limit = 1_000
  private static let maxFileBytes = 4 << 20

  private struct Document: Codable {
    var version = 1
    var projects: [ProjectSummary] = []
  }

  private let file: String
  private let projects: Mutex<[ProjectSummary]>

  /// Reads the registry of a state folder. Throws when the file is there and is not a registry of this version: an
  /// operator's list is never replaced by an empty one.
  public init(stateFolder: String) throws(Failure) {
    file = StateFolder.projectsFile(in: stateFolder)
    projects = Mutex(try Self.load(file))
  }

  public var all: [ProjectSummary] { projects.withLock { $0 } }

  /// Makes a folder known. The same folder under the same id is no change and no error; a taken id is refused, naming
  /// both paths (CONTRACT, Words).
  public func add(path: String, id: ProjectID?) throws(Failure) -> ProjectSummary {
    let folder = try Self.canonicalFolder(path)
    let wanted = id ?? ProjectID(folderName: folder.split(separator: "/").last.map(String.init) ?? "root")
    return try change { list throws(Failure) in
      if let same = list.first(where: { $0.path == folder && (id == nil || $0.id == id) }) { return same }
      if let taken = list.first(where: { $0.id == wanted }) {
        throw Failure(
          .conflict, "project id \(wanted) is taken: it names \(taken.path), and you asked for \(folder)",
          hint: "give another with --id")
      }
      if let known = list.first(where: { $0.path == folder }) {
        throw Failure(.conflict, "\(folder) is known already, as project \(known.id)")
      }
      guard list.count < Self.limit else {
        throw Failure(.limit, "a node knows at most \(Self.limit) projects", hint: "remove one first")
      }
      let project = ProjectSummary(id: wanted, path: folder)
      list.append(project)
      list.sort { $0.id < $1.id }
      return project
    }
  }

  /// Forgets a project. Throws `notFound` when there is none of that name.
  public func remove(id: ProjectID) throws(Failure) -> ProjectSummary {
    try change { list throws(Failure) in
      guard let index = list.firstIndex(where: { $0.id == id }) else {
        let known = list.isEmpty ? "there are none" : list.map(\.id.rawValue).joined(separator: ", ")
        throw Failure(.notFound, "no project \(id)", hint: "known: \(known)")
      }
      return list.remove(at: index)
    }
  }

  private func change<Value: Sendable>(
    _ body: (inout [ProjectSummary]) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try projects.withLock { list throws(Failure) -> Value in
      var changed = list
      let value = try body(&changed)
      if changed != list {
        try Self.store(changed, file)
        list = changed
      }
      return value
    }
  }

  private static func canonicalFolder(_ path: String) throws(Failure) -> String {
    guard let resolved = realpath(path, nil) else {
      throw Failure(.invalid, "\(path): \(String(cString: strerror(errno)))", hint: "give a folder that exists")
    }
    defer { free(resolved) }
    var facts = stat()
    guard stat(resolved, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else {
      throw Failure(.invalid, "\(path): is not a folder", hint: "give the folder that holds the project")
    }
    guard access(resolved, R_OK | X_OK) == 0 else {
      throw Failure(.invalid, "\(path): cannot be read: \(String(cString: strerror(errno)))")
    }
    return String(cString: resolved)
  }

  private static func load(_ file: String) throws(Failure) -> [ProjectSummary] {
    guard let bytes = try WholeFile.read(file, maxBytes: maxFileBytes) else { return [] }
    let document: Document
    do { document = try JSONDecoder().decode(Document.self, from: Data(bytes)) } catch {
      throw Failure(.invalid, "\(file): is not a list of projects", hint: "mend it, or move it away to start afresh")
    }
    guard document.version == 1 else {
      throw Failure(.invalid, "\(file): has version \(document.version), and this signalbox reads version 1")
    }
    return document.projects
  }

  private static func store(_ projects: [ProjectSummary], _ file: String) throws(Failure) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try WholeFile.replace(file, with: Array(encoder.encode(Document(projects: projects))))
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure(.internal, "the list of projects could not be encoded")
    }
  }
}
