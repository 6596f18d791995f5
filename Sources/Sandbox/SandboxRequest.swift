/// One program to run.
public struct SandboxRequest: Sendable, Equatable {
  /// A file that the program finds in its work folder.
  public struct File: Sendable, Equatable, Codable {
    /// Relative, without `..`.
    public var path: String
    public var content: [UInt8]

    public init(path: String, content: [UInt8]) {
      self.path = path
      self.content = content
    }
  }

  public enum Profile: String, Sendable, Codable, CaseIterable { case strict, standard, off }

  public static let codeBytesMax = 1 << 20
  public static let filesMax = 64
  public static let argumentsMax = 256

  public var language: Language
  public var code: String
  public var files: [File]
  public var input: [UInt8]
  public var arguments: [String]
  public var limits: SandboxLimits
  public var profile: Profile
  /// Whom the fair queue counts this run for.
  public var owner: String
  /// What a compiler has made of `code`, to be run in its place.
  var compiled: [UInt8]?

  public init(
    language: Language, code: String, files: [File] = [], input: [UInt8] = [], arguments: [String] = [],
    limits: SandboxLimits = SandboxLimits(), profile: Profile = .strict, owner: String = ""
  ) {
    self.language = language
    self.code = code
    self.files = files
    self.input = input
    self.arguments = arguments
    self.limits = limits
    self.profile = profile
    self.owner = owner
  }

  /// The program, and the files that come with it.
  var allFiles: [File] { [File(path: language.programName, content: Array(code.utf8))] + files }

  /// Whether the kernel keeps the program from starting processes: where the rules do not let it say so either.
  var isConfined: Bool { profile != .off }

  /// What is wrong with it; nil when it can be run.
  public var objection: String? {
    if code.utf8.count > Self.codeBytesMax { return "the program has more than \(Self.codeBytesMax) bytes" }
    if code.utf8.contains(0) { return "the program has a zero byte" }
    if files.count > Self.filesMax { return "more than \(Self.filesMax) files" }
    if arguments.count > Self.argumentsMax { return "more than \(Self.argumentsMax) arguments" }
    if arguments.contains(where: { $0.utf8.contains(0) }) { return "an argument has a zero byte" }
    if arguments.reduce(0, { $0 + $1.utf8.count }) > 128 << 10 { return "the arguments have more than 128 KiB" }
    if input.count > limits.tmpBytes { return "the input has more than \(limits.tmpBytes) bytes" }
    if files.reduce(0, { $0 + $1.content.count }) > limits.tmpBytes {
      return "the files have more than \(limits.tmpBytes) bytes"
    }
    if Set(files.map(\.path)).count != files.count { return "two files have the same path" }
    for file in files {
      if let objection = pathObjection(file.path) { return objection }
    }
    // A name cannot be a file and the folder of another one.
    let names = Set(allFiles.map(\.path))
    for path in names {
      for end in path.indices where path[end] == "/" && names.contains(String(path[..<end])) {
        return "a file lies in \(path[..<end]), which is a file itself"
      }
    }
    return limits.objection
  }

  private func pathObjection(_ path: String) -> String? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let isPlain = parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 255 }
    guard isPlain, path.utf8.count <= 1_024, path.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }), parts.count <= 8 else {
      return "a file's path is relative, at most 8 folders deep, without `.`, `..` and control characters"
    }
    return path == language.programName ? "\(path) is the name of the program itself" : nil
  }
}
