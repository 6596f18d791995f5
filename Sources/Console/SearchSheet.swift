internal import Base
internal import ControlPlane

/// `f`: a question about the code, its answers, and the lines of the selected one.
struct SearchSheet {
  /// Results asked for.
  static let limit = 30
  static let lengthMax = 2_048

  /// A line under the field.
  enum Note: Equatable {
    case none
    case asking(SearchQuery)
    case complaint(String)
    case remark(String)
  }

  private(set) var field: TextField
  private(set) var hits: [SearchHit] = []
  private(set) var cursor = ListCursor()
  private(set) var note = Note.none
  /// The keys go to the places, and not to the question: the selected one is shown at length.
  private(set) var isReading = false
  /// The text that `hits` answer; nil before the first answer.
  private(set) var answered: String?

  init(_ text: String) { field = TextField(text, lengthMax: Self.lengthMax) }

  /// Whether what stands in the field has been answered: Enter takes the result then, and asks otherwise.
  var isAnswered: Bool { answered == field.text && !hits.isEmpty }

  var selected: SearchHit? { hits.indices.contains(cursor.selected) ? hits[cursor.selected] : nil }

  mutating func read(_ isReading: Bool) { self.isReading = isReading && selected != nil }

  mutating func handle(_ chord: KeyChord) {
    if field.handle(chord), case .complaint = note { note = .none }
  }

  mutating func insert(_ text: String) { field.insert(text) }

  mutating func move(by distance: Int, height: Int) { cursor.move(by: distance, count: hits.count, height: height) }

  mutating func select(_ row: Int, height: Int) { cursor.select(row, count: hits.count, height: height) }

  /// `lang:swift path:Sources/** project:api` narrow it, wherever they stand; the rest is the question.
  mutating func ask() -> [Effect] {
    var query = SearchQuery("", limit: Self.limit)
    var words: [String] = []
    for word in field.text.split(separator: " ") {
      let parts = word.split(separator: ":", maxSplits: 1).map(String.init)
      switch (parts.first, parts.count) {
      case ("lang", 2), ("language", 2): query.language = parts[1].lowercased()
      case ("path", 2): query.path = parts[1]
      case ("project", 2):
        guard let id = ProjectID(rawValue: parts[1]) else {
          note = .complaint("a project id is \(ProjectID.rule)")
          return []
        }
        query.projects = (query.projects ?? []) + [id]
      default: words.append(String(word))
      }
    }
    query.text = words.joined(separator: " ")
    guard !query.text.isEmpty else {
      note = .complaint("write what to look for: words, a name, a question")
      return []
    }
    note = .asking(query)
    return [.ask(.search(query))]
  }

  /// False when it answers something else.
  mutating func take(_ query: SearchQuery, _ result: Result<Answer, Failure>) -> Bool {
    guard note == .asking(query) else { return false }
    switch result {
    case .success(.search(let reply)):
      hits = reply.hits
      cursor = ListCursor()
      isReading = false
      answered = field.text
      note = reply.note.map { .remark($0) } ?? (hits.isEmpty ? .remark("nothing fits") : .none)
    case .success: note = .complaint("the node gave another kind of answer than was asked for")
    case .failure(let failure): note = .complaint(failure.line)
    }
    return true
  }
}
