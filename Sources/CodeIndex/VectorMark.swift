internal import Base
internal import FoundationEssentials
internal import Glibc

/// Whose vectors a project's index has beside the built-in ones: what was in force at its last whole run.
struct VectorMark: Codable, Sendable, Equatable {
  /// `EmbeddingModel.identity`.
  var model: String
  /// `VectorStore.identity`.
  var store: String

  static func read(_ folder: IndexFolder, _ id: ProjectID) -> VectorMark? { SmallFile.read(folder, id, "vectors") }

  static func write(_ mark: VectorMark?, _ folder: IndexFolder, _ id: ProjectID) throws(IndexError) {
    guard let mark else { return remove(folder, id) }
    try SmallFile.write(mark, folder, id, "vectors")
  }

  static func remove(_ folder: IndexFolder, _ id: ProjectID) { SmallFile.remove(folder, id, "vectors") }
}

/// That somebody has said yes to sending a project's source to one server.
struct UploadConsent: Codable, Sendable, Equatable {
  /// The folder that was meant: another one under the same id is another question.
  var path: String
  var server: String

  static func read(_ folder: IndexFolder, _ id: ProjectID) -> UploadConsent? { SmallFile.read(folder, id, "upload") }

  func write(_ folder: IndexFolder, _ id: ProjectID) throws(IndexError) {
    try SmallFile.write(self, folder, id, "upload")
  }

  static func remove(_ folder: IndexFolder, _ id: ProjectID) { SmallFile.remove(folder, id, "upload") }
}

/// A few words about a project, in a file of its own beside its manifest. What cannot be read is not there: then
/// vectors are made again, and the question is asked again.
private enum SmallFile {
  static func read<Value: Decodable>(_ folder: IndexFolder, _ id: ProjectID, _ ending: String) -> Value? {
    FileManager.default.contents(atPath: path(folder, id, ending)).flatMap {
      try? JSONDecoder().decode(Value.self, from: $0)
    }
  }

  static func write(_ value: some Encodable, _ folder: IndexFolder, _ id: ProjectID, _ ending: String)
    throws(IndexError)
  {
    // Texts always have a JSON form.
    guard let data = try? JSONEncoder().encode(value) else { return }
    try folder.write([UInt8](data), to: path(folder, id, ending))
  }

  static func remove(_ folder: IndexFolder, _ id: ProjectID, _ ending: String) { unlink(path(folder, id, ending)) }

  private static func path(_ folder: IndexFolder, _ id: ProjectID, _ ending: String) -> String {
    "\(folder.path)/projects/\(id).\(ending)"
  }
}
