import FoundationEssentials

/// A text file of the repository, or a sample in a test.
struct SourceFile {
  /// From the root, such as `Sources/Base/Glob.swift`.
  let path: String
  let text: String
  /// Read once: every rule looks at it.
  let code: SwiftCode

  init(path: String, text: String) {
    self.path = path
    self.text = text
    code = SwiftCode(path.hasSuffix(".swift") ? text : "")
  }

  var name: String { path.split(separator: "/").last.map(String.init) ?? path }
  /// `Base` for `Sources/Base/Glob.swift`.
  var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
  var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
}

/// What a rule objects to: `Sources/Base/Glob.swift:12: …`.
struct Finding: Equatable, CustomStringConvertible {
  var path: String
  var line: Int
  var message: String
  var description: String { "\(path):\(line): \(message)" }
}

/// The working tree these tests were built from.
enum Repository {
  static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

  static let sources = swiftFiles("Sources")
  static let tests = swiftFiles("Tests")

  /// Names in a folder, sorted; none when there is no such folder.
  static func names(_ folder: String) -> [String] {
    // A folder that is not there has no names; the tests below check that the ones they need are there.
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)")) ?? []).sorted()
  }

  static func file(_ path: String) -> SourceFile? {
    guard let data = FileManager.default.contents(atPath: "\(root)/\(path)") else { return nil }
    return SourceFile(path: path, text: String(decoding: data, as: UTF8.self))
  }

  static func isFolder(_ path: String) -> Bool {
    var isFolder: Bool = false
    return FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isFolder) && isFolder
  }

  /// Rooms written in Swift: everything in `Sources` but the C targets, which have an `include` folder, and the
  /// programs that are only C.
  static var rooms: [String] {
    names("Sources").filter { room in
      isFolder("Sources/\(room)") && !isFolder("Sources/\(room)/include")
        && sources.contains { $0.target == room }
    }
  }

  private static func swiftFiles(_ folder: String) -> [SourceFile] {
    names(folder).flatMap { name -> [SourceFile] in
      let path = "\(folder)/\(name)"
      if isFolder(path) { return swiftFiles(path) }
      return name.hasSuffix(".swift") ? [file(path)].compactMap(\.self) : []
    }
  }
}
