/// `:`: every action by name, found by a few of its letters, or a command word with its argument.
struct Palette {
  /// A row of the list.
  struct Entry {
    let action: Action
    let argument: String?
  }

  private(set) var field = TextField()
  private(set) var entries: [Entry] = []
  private(set) var cursor = ListCursor()

  private let registry: ActionRegistry

  init(text: String = "", pane: PaneID, registry: ActionRegistry = .standard) {
    self.registry = registry
    field = TextField(text)
    search(pane: pane)
  }

  var selected: Entry? { entries.indices.contains(cursor.selected) ? entries[cursor.selected] : nil }

  mutating func handle(_ chord: KeyChord, pane: PaneID, height: Int) {
    switch chord.key {
    case .up, .backtab: cursor.move(by: -1, count: entries.count, height: height)
    case .down, .tab: cursor.move(by: 1, count: entries.count, height: height)
    case .pageUp: cursor.move(by: -height, count: entries.count, height: height)
    case .pageDown: cursor.move(by: height, count: entries.count, height: height)
    default:
      if field.handle(chord) { search(pane: pane) }
    }
  }

  mutating func insert(_ text: String, pane: PaneID) {
    field.insert(text)
    search(pane: pane)
  }

  /// Puts the command word of an action that wants an argument into the input.
  mutating func begin(_ action: Action, pane: PaneID) {
    field = TextField("\(action.verb ?? action.title) ")
    search(pane: pane)
  }

  private mutating func search(pane: PaneID) {
    entries = Self.entries(for: field.text, pane: pane, in: registry.actions)
    cursor = ListCursor()
  }

  /// A command word decides alone; otherwise all actions, best match first, those of the focused pane before others.
  static func entries(
    for text: String, pane: PaneID, in actions: [Action] = ActionRegistry.all
  ) -> [Entry] {
    let typed = text.drop { $0 == " " }
    if let entry = command(typed, actions) { return [entry] }
    var ranked: [(score: Int, offset: Int, action: Action)] = []
    for (offset, action) in actions.enumerated() {
      let isHere = action.scope != .everywhere && action.scope.contains(pane)
      guard let score = score(String(typed), action) else { continue }
      ranked.append((score + (isHere ? 2 : 0), offset, action))
    }
    ranked.sort { ($1.score, $0.offset) < ($0.score, $1.offset) }
    return ranked.map { Entry(action: $0.action, argument: nil) }
  }

  /// The longest command word that `text` is, or begins with before a space.
  private static func command(_ text: Substring, _ actions: [Action]) -> Entry? {
    let found = actions.filter { action in
      guard let verb = action.verb else { return false }
      return text == verb || (action.argument != nil && text.hasPrefix(verb + " "))
    }.max { ($0.verb?.count ?? 0) < ($1.verb?.count ?? 0) }
    guard let found, let verb = found.verb else { return nil }
    let rest = text.dropFirst(verb.count).drop { $0 == " " }
    let trimmed = rest.reversed().drop { $0 == " " }.reversed()
    return Entry(action: found, argument: rest.isEmpty ? nil : String(trimmed))
  }

  private static func score(_ typed: String, _ action: Action) -> Int? {
    guard !typed.isEmpty else { return 0 }
    let verb = action.verb.flatMap { FuzzyMatch.score(typed, in: $0) }.map { $0 + 4 }
    let names = [FuzzyMatch.score(typed, in: action.title), FuzzyMatch.score(typed, in: action.id), verb]
    return names.compactMap { $0 }.max()
  }
}
