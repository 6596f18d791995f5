internal import Base
internal import ControlPlane

/// `i`: what to invalidate. Enter asks the node what that would touch; only the question that follows, with the answer
/// in it, can do it.
struct InvalidateForm {
  enum Strategy: String, CaseIterable {
    case pattern, tag, event, key
  }

  enum Row: Equatable {
    case strategy, event, namespace, value, paths
  }

  /// A line under the rows.
  enum Note: Equatable {
    case none
    /// The node is looking.
    case asking(CacheSelection)
    case found(String)
    case complaint(String)
  }

  /// Characters of an input: more than the bytes of the longest key, so that no pasted key is cut to another one.
  static let lengthMax = 2_048
  /// What the palette's command word takes.
  static let usage = "[pattern|tag|event|key VALUE [in NAMESPACE]]"

  private(set) var strategy = Strategy.pattern
  private(set) var event = CacheSelection.Event.gitCommit
  private(set) var namespace: TextField
  private(set) var paths = TextField(lengthMax: InvalidateForm.lengthMax)
  /// One for each strategy, so that a pattern never becomes a key by a slip on another row.
  private var values: [Strategy: TextField] = [:]
  private(set) var focused = Row.value
  var note = Note.none

  init(namespace: String) { self.namespace = TextField(namespace, lengthMax: Self.lengthMax) }

  var rows: [Row] {
    switch (strategy, event) {
    case (.event, .fileChange): [.strategy, .event, .namespace, .value, .paths]
    case (.event, .gitCommit): [.strategy, .event, .namespace, .value]
    default: [.strategy, .namespace, .value]
    }
  }

  var value: TextField { values[strategy] ?? TextField(lengthMax: Self.lengthMax) }

  func field(_ row: Row) -> TextField? {
    switch row {
    case .strategy, .event: nil
    case .namespace: namespace
    case .value: value
    case .paths: paths
    }
  }

  // MARK: - Keys

  /// Enter and Esc are the model's.
  mutating func handle(_ chord: KeyChord) {
    switch chord.key {
    case .up, .backtab: move(-1)
    case .down, .tab: move(1)
    default: edit(chord)
    }
  }

  mutating func insert(_ text: String) {
    change { $0.insert(text) }
  }

  mutating func focus(_ row: Row) {
    if rows.contains(row) { focused = row }
  }

  private mutating func move(_ distance: Int) {
    let rows = rows
    let index = rows.firstIndex(of: focused) ?? 0
    focused = rows[(index + distance + rows.count) % rows.count]
  }

  private mutating func edit(_ chord: KeyChord) {
    let distance: Int
    switch chord {
    case KeyChord(.left): distance = -1
    case KeyChord(.right), .character(" "): distance = 1
    default: distance = 0
    }
    switch focused {
    case .strategy: strategy = cycled(strategy, distance)
    case .event: event = cycled(event, distance)
    default: change { $0.handle(chord) }
    }
  }

  private mutating func cycled<Choice: CaseIterable & Equatable>(_ choice: Choice, _ distance: Int) -> Choice {
    let all = Array(Choice.allCases)
    guard distance != 0, let index = all.firstIndex(of: choice) else { return choice }
    note = .none
    return all[(index + distance + all.count) % all.count]
  }

  private mutating func change(_ body: (inout TextField) -> Void) {
    switch focused {
    case .strategy, .event: return
    case .namespace: body(&namespace)
    case .paths: body(&paths)
    case .value:
      var field = value
      body(&field)
      values[strategy] = field
    }
    note = .none
  }

  // MARK: - What it says

  /// What is asked for; throws `invalid` for what is missing. The node knows the rest of the rules.
  func selection() throws(Failure) -> CacheSelection {
    guard !namespace.text.isEmpty else { throw Failure(.invalid, "name the namespace") }
    let text = value.text
    if strategy != .event, text.isEmpty { throw Failure(.invalid, "type the \(strategy.rawValue) to invalidate") }
    let asked: CacheSelection.Strategy =
      switch strategy {
      case .pattern: .pattern(text)
      case .tag: .tags(Self.list(text))
      case .key: .key(text)
      case .event:
        .event(event, project: text.isEmpty ? nil : text, paths: event == .fileChange ? Self.list(paths.text) : [])
      }
    return CacheSelection(namespace: namespace.text, asked)
  }

  private static func list(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

  /// `pattern 'task:*' in plans`, `event git-commit api`: the palette's words.
  mutating func read(command: String) throws(Failure) {
    var words = try Self.words(of: command)
    if words.count >= 3, words[words.count - 2] == "in" {
      namespace = TextField(words[words.count - 1], lengthMax: Self.lengthMax)
      words.removeLast(2)
    }
    guard let first = words.first, let strategy = Strategy(rawValue: first) else { throw Self.misread }
    self.strategy = strategy
    words.removeFirst()
    if strategy == .event {
      guard let name = words.first, let event = CacheSelection.Event(rawValue: name) else { throw Self.misread }
      self.event = event
      words.removeFirst()
    }
    if strategy == .event, event == .fileChange, words.count > 1 {
      paths = TextField(words.removeLast(), lengthMax: Self.lengthMax)
    }
    guard words.count <= 1, strategy == .event || words.count == 1 else { throw Self.misread }
    values[strategy] = TextField(words.first ?? "", lengthMax: Self.lengthMax)
  }

  private static let misread = Failure(
    .invalid,
    "invalidate: write pattern 'task:*', tag A,B, key K, event git-commit [PROJECT] or event file-change "
      + "PROJECT [PATH,…]; in NAMESPACE may follow")

  /// Words at spaces; quotes keep them together.
  private static func words(of text: String) throws(Failure) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in text {
      if let open = quote {
        if character == open { quote = nil } else { word?.append(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character == " " {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    guard quote == nil else { throw Failure(.invalid, "invalidate: a quote is not closed") }
    if let word { words.append(word) }
    return words
  }
}
