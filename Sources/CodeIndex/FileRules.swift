/// Why a file is not in the index. The raw value is what reports say.
public enum SkipReason: UInt8, Sendable, CaseIterable, Codable {
  case notSource = 1
  case vendored = 2
  case generated = 3
  case ignored = 4
  case binary = 5
  case tooLarge = 6
  case minified = 7
  case symbolicLink = 8
  case submodule = 9
  case outsideProject = 10
  case unreadable = 11
  case tooManyFiles = 12
  /// In the commit and not in the work tree that lies over it.
  case deleted = 13

  public var text: String {
    switch self {
    case .notSource: "not a source file"
    case .vendored: "vendored"
    case .generated: "generated"
    case .ignored: "ignored by .gitignore or .signalboxignore"
    case .binary: "binary"
    case .tooLarge: "larger than \(FileRules.bytesMax >> 10) KB"
    case .minified: "minified"
    case .symbolicLink: "symbolic link"
    case .submodule: "submodule"
    case .outsideProject: "path leaves the project"
    case .unreadable: "unreadable"
    case .deleted: "deleted in the work tree"
    case .tooManyFiles: "past the limit of \(FileRules.filesMax) files"
    }
  }
}

/// What is indexed, as far as the path and the first bytes tell.
enum FileRules {
  /// Larger files are data. Source files of a megabyte are written by programs.
  static let bytesMax = 1 << 20
  /// Files of one project.
  static let filesMax = 500_000
  static let pathBytesMax = 4_096
  /// git's own rule looks at as many bytes for a NUL.
  private static let binaryWindow = 8_000
  private static let headWindow = 1_500
  private static let lineAverageMax = 300
  private static let minifiedMin = 4_000

  private static let vendoredFolders: Set<String> = [
    "node_modules", "vendor", "third_party", "third-party", "thirdparty", "bower_components", "Pods", "Carthage",
    ".venv", "venv", "virtualenv", "__pycache__", ".tox", ".mypy_cache", ".gradle", ".build", "DerivedData", "_vendor",
    "jspm_packages", ".yarn", ".pnp", ".terraform", "dist-packages.egg-info",
  ]

  private static let generatedEndings = [
    ".min.js", ".min.css", ".min.mjs", ".bundle.js", ".chunk.js", ".pb.go", ".pb.gw.go", ".pb.swift", ".grpc.swift",
    ".pb.cc", ".pb.h", ".pb.c", "_pb2.py", "_pb2_grpc.py", "_pb2.pyi", ".g.dart", ".freezed.dart", ".designer.cs",
    ".g.cs", "_generated.go", ".generated.swift", ".generated.ts", ".pb.ts", "_string.go",
  ]

  /// What the path says; nil when the contents decide.
  static func skip(path: String) -> SkipReason? {
    guard isInside(path) else { return .outsideProject }
    guard Language.of(path: path) != nil else { return .notSource }
    let parts = path.split(separator: "/")
    if parts.dropLast().contains(where: { vendoredFolders.contains(String($0)) }) { return .vendored }
    let file = parts.last.map { $0.lowercased() } ?? ""
    if file.hasPrefix("zz_generated") || generatedEndings.contains(where: { file.hasSuffix($0) }) { return .generated }
    return nil
  }

  /// Relative, without a step that leads out or into git's own folder.
  static func isInside(_ path: String) -> Bool {
    guard !path.isEmpty, path.utf8.count <= pathBytesMax, !path.hasPrefix("/"), !path.utf8.contains(0) else {
      return false
    }
    return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0 != "." && $0 != ".." && $0.lowercased() != ".git"
    }
  }

  /// What the contents say.
  static func skip(contents: UnsafeBufferPointer<UInt8>) -> SkipReason? {
    if contents.count > bytesMax { return .tooLarge }
    if contents.prefix(binaryWindow).contains(0) { return .binary }
    if contents.count >= minifiedMin {
      var lines = 1
      for byte in contents where byte == UInt8(ascii: "\n") { lines += 1 }
      if contents.count / lines > lineAverageMax { return .minified }
    }
    return isGenerated(contents) ? .generated : nil
  }

  /// Looks in the comments at the top for what generators write there: `@generated`, or "generated" together with "do
  /// not edit" (the Go convention, which others follow).
  private static func isGenerated(_ contents: UnsafeBufferPointer<UInt8>) -> Bool {
    let head = String(decoding: contents.prefix(headWindow), as: UTF8.self).lowercased()
    var comments = ""
    for line in head.split(separator: "\n", omittingEmptySubsequences: true).prefix(20) {
      let text = line.drop { $0 == " " || $0 == "\t" }
      let isComment = ["//", "#", "/*", "*", "--", ";", "<!--", "%", "'"].contains { text.hasPrefix($0) }
      guard isComment else { break }
      comments += text + "\n"
    }
    if comments.contains("@generated") { return true }
    return comments.contains("generated") && comments.contains("do not edit")
  }

  /// UTF-8 of contents that begin with a UTF-16 mark; nil for all others, which are taken as they are.
  static func transcoded(_ contents: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard contents.count >= 2, contents.count <= bytesMax else { return nil }
    let isLittle = contents[0] == 0xFF && contents[1] == 0xFE
    guard isLittle || (contents[0] == 0xFE && contents[1] == 0xFF) else { return nil }
    let units = stride(from: 2, to: contents.count - 1, by: 2).map { index in
      let (first, second) = (UInt16(contents[index]), UInt16(contents[index + 1]))
      return isLittle ? second << 8 | first : first << 8 | second
    }
    return Array(String(decoding: units, as: UTF16.self).utf8)
  }

  /// FORMAT.md, Score: `(^|/)([Tt]ests?|[Bb]enchmarks?|\w*Tests)(/|$)|Tests?\.swift$|(^|/)test_|_test\.`
  static func isTest(path: String) -> Bool {
    if path.contains("_test.") || path.hasSuffix("Test.swift") || path.hasSuffix("Tests.swift") { return true }
    return path.split(separator: "/").contains { part in
      if part.hasPrefix("test_") { return true }
      if ["test", "tests", "Test", "benchmark", "benchmarks", "Benchmark", "Benchmarks"].contains(part) { return true }
      return part.hasSuffix("Tests") && part.utf8.allSatisfy(Declarations.isWord)
    }
  }
}
