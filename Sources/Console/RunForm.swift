internal import Base
internal import ControlPlane

/// `x`: a program for the sandbox, typed, pasted or read from a file of the operator's machine.
struct RunForm {
  enum Row: CaseIterable {
    case language, file, program, arguments, timeout, memory, profile

    var name: DisplayText {
      switch self {
      case .language: "Language"
      case .file: "File"
      case .program: "Program"
      case .arguments: "Arguments"
      case .timeout: "Timeout"
      case .memory: "Memory"
      case .profile: "Profile"
      }
    }
  }

  /// A line under the rows.
  enum Note: Equatable {
    case none
    /// The file is being read.
    case reading(String)
    case complaint(String)
  }

  static let languages = ["python", "javascript", "typescript", "go"]
  static let profiles = ["strict", "standard", "off"]
  static let lengthMax = 2_048
  /// What the palette's command word takes.
  static let usage = "[LANGUAGE PROGRAM]"

  private(set) var language: String
  private(set) var profile: String
  private(set) var program: TextArea
  private(set) var fields: [Row: TextField] = [:]
  private(set) var focused = Row.program
  var note = Note.none

  init(language: String = "python", program: String = "") {
    self.language = Self.languages.contains(language) ? language : "python"
    self.program = TextArea(program)
    profile = Self.profiles[0]
    for row in [Row.file, .arguments, .timeout, .memory] { fields[row] = TextField(lengthMax: Self.lengthMax) }
  }

  /// `python print(1)`: a language, and the rest is the program.
  init(command: String) throws(Failure) {
    let words = command.split(separator: " ", maxSplits: 1).map(String.init)
    guard words.count == 2, Self.languages.contains(words[0]) else {
      throw Failure(
        .invalid, "run: write LANGUAGE PROGRAM, the language being one of \(Self.languages.joined(separator: ", "))")
    }
    self.init(language: words[0], program: words[1])
  }

  /// Esc and what submits are the model's.
  mutating func handle(_ chord: KeyChord, programRows: Int) {
    note = .none
    switch (focused, chord.key) {
    case (_, .tab): move(1)
    case (_, .backtab): move(-1)
    case (.language, .left), (.language, .right), (.language, .character(" ")):
      language = Self.next(language, in: Self.languages, chord.key == .left ? -1 : 1)
    case (.profile, .left), (.profile, .right), (.profile, .character(" ")):
      profile = Self.next(profile, in: Self.profiles, chord.key == .left ? -1 : 1)
    case (.program, _):
      if !program.handle(chord) { step(chord) }
      program.settle(height: programRows)
    case (_, .up), (_, .down): step(chord)
    default: _ = fields[focused]?.handle(chord)
    }
  }

  mutating func insert(_ text: String, programRows: Int) {
    note = .none
    if focused == .program {
      program.insert(text)
      program.settle(height: programRows)
    } else {
      fields[focused]?.insert(text)
    }
  }

  mutating func focus(_ row: Row) { focused = row }

  private mutating func step(_ chord: KeyChord) {
    if chord.key == .up { move(-1) }
    if chord.key == .down { move(1) }
  }

  private mutating func move(_ distance: Int) {
    let rows = Row.allCases
    let index = rows.firstIndex(of: focused) ?? 0
    focused = rows[(index + distance + rows.count) % rows.count]
  }

  private static func next(_ value: String, in all: [String], _ distance: Int) -> String {
    let index = all.firstIndex(of: value) ?? 0
    return all[(index + distance + all.count) % all.count]
  }

  private func text(_ row: Row) -> String { fields[row]?.text ?? "" }

  /// The file that has the program; nil when it is typed here.
  var path: String? { text(.file).isEmpty ? nil : text(.file) }

  /// `code`: what the file held. Throws `invalid`, naming what is missing or wrong.
  func request(code: String? = nil) throws(Failure) -> RunRequest {
    let code = code ?? program.text
    guard code.contains(where: { !$0.isWhitespace }) else {
      throw Failure(.invalid, "write a program, or name a file")
    }
    var request = RunRequest(
      language: language, code: code, arguments: text(.arguments).split(separator: " ").map(String.init),
      profile: profile)
    if !text(.timeout).isEmpty {
      guard let milliseconds = Quantity.milliseconds(text(.timeout)) else {
        throw Failure(.invalid, "the timeout is a time such as 500ms, 30s or 5m")
      }
      request.timeoutMilliseconds = Int(milliseconds)
    }
    if !text(.memory).isEmpty {
      guard let bytes = Quantity.bytes(text(.memory)) else {
        throw Failure(.invalid, "the memory is a size such as 256M")
      }
      request.memoryBytes = Int(bytes)
    }
    return request
  }
}
