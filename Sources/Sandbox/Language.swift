/// What can be run. TypeScript needs a step before the run, which makes it JavaScript; Go one which makes it a program
/// of the machine.
public enum Language: String, Sendable, Codable, CaseIterable, Hashable {
  case python, javascript, typescript, go

  /// The language whose grammar and rules it is checked with.
  var checked: Language { self == .typescript ? .javascript : self }

  /// Name of the file that holds the program, in the work folder.
  var programName: String {
    switch self {
    case .python: "main.py"
    case .javascript, .typescript: "main.js"
    case .go: "main.go"
    }
  }

  /// Programs to look for, best first.
  var programs: [String] {
    switch self {
    case .python: ["python3", "python3.13", "python3.12", "python3.11"]
    case .javascript, .typescript: ["node", "nodejs"]
    case .go: ["go"]
    }
  }

  /// The arguments that run a program file.
  func arguments(memoryBytes: Int) -> [String] {
    switch self {
    case .python: ["-u"]
    // V8 has its own idea of how much memory there is; three quarters leave room for buffers and the program's code.
    case .javascript: ["--max-old-space-size=\(max(16, memoryBytes / 4 * 3 >> 20))"]
    case .typescript: Language.javascript.arguments(memoryBytes: memoryBytes) + ["--enable-source-maps"]
    case .go: []
    }
  }
}
