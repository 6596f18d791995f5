/// What can be run. TypeScript and Go need a step before the run and are not here yet.
public enum Language: String, Sendable, Codable, CaseIterable, Hashable {
  case python, javascript

  /// The language whose interpreter runs it in the end.
  var runtime: Language { self }

  /// Name of the file that holds the program, in the work folder.
  var programName: String { self == .python ? "main.py" : "main.js" }

  /// Programs to look for, best first.
  var programs: [String] {
    switch self {
    case .python: ["python3", "python3.13", "python3.12", "python3.11"]
    case .javascript: ["node", "nodejs"]
    }
  }

  /// The arguments that run a program file.
  func arguments(memoryBytes: Int) -> [String] {
    switch self {
    case .python: ["-u"]
    // V8 has its own idea of how much memory there is; three quarters leave room for buffers and the program's code.
    case .javascript: ["--max-old-space-size=\(max(16, memoryBytes / 4 * 3 >> 20))"]
    }
  }
}
