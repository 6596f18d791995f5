/// Some lines of text being typed: a program.
struct TextArea: Sendable, Equatable {
  static let linesMax = 10_000
  static let bytesMax = 1 << 20

  private(set) var lines: [[Character]]
  private(set) var row = 0
  private(set) var column = 0
  private(set) var top = 0

  init(_ text: String = "") {
    lines = [[]]
    insert(text)
    (row, column, top) = (0, 0, 0)
  }

  var text: String { lines.map { String($0) }.joined(separator: "\n") }

  var isEmpty: Bool { lines.count == 1 && lines[0].isEmpty }

  /// Tabs stay; other control characters but the end of a line are left out.
  mutating func insert(_ text: String) {
    for character in text.prefix(Self.bytesMax) {
      if character == "\n" || character == "\r\n" || character == "\r" {
        breakLine()
      } else if character == "\t" || character.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) {
        lines[row].insert(character, at: column)
        column += 1
      }
    }
  }

  mutating func breakLine() {
    guard lines.count < Self.linesMax else { return }
    let rest = Array(lines[row][column...])
    lines[row].removeSubrange(column...)
    lines.insert(rest, at: row + 1)
    row += 1
    column = 0
  }

  /// Editing keys; false for a key that edits nothing.
  mutating func handle(_ chord: KeyChord) -> Bool {
    switch chord.key {
    case .character(let character):
      guard chord.modifiers.isEmpty else { return handle(control: character, chord) }
      insert(String(character))
    case .enter: breakLine()
    case .backspace: backspace()
    case .delete: delete()
    case .left: step(-1)
    case .right: step(1)
    case .up where row > 0: goTo(row - 1, column)
    case .down where row < lines.count - 1: goTo(row + 1, column)
    case .pageUp: goTo(row - 10, column)
    case .pageDown: goTo(row + 10, column)
    case .home: column = 0
    case .end: column = lines[row].count
    default: return false
    }
    return true
  }

  private mutating func handle(control character: Character, _ chord: KeyChord) -> Bool {
    guard chord.modifiers == .control else { return false }
    switch character {
    case "a": column = 0
    case "e": column = lines[row].count
    case "k": lines[row].removeSubrange(column...)
    case "u": self = TextArea()
    default: return false
    }
    return true
  }

  private mutating func goTo(_ row: Int, _ column: Int) {
    self.row = max(0, min(row, lines.count - 1))
    self.column = min(column, lines[self.row].count)
  }

  private mutating func step(_ distance: Int) {
    if distance < 0, column == 0 {
      if row > 0 { goTo(row - 1, .max) }
    } else if distance > 0, column == lines[row].count {
      if row < lines.count - 1 { goTo(row + 1, 0) }
    } else {
      column += distance
    }
  }

  private mutating func backspace() {
    if column > 0 {
      column -= 1
      lines[row].remove(at: column)
    } else if row > 0 {
      let rest = lines.remove(at: row)
      row -= 1
      column = lines[row].count
      lines[row] += rest
    }
  }

  private mutating func delete() {
    if column < lines[row].count {
      lines[row].remove(at: column)
    } else if row < lines.count - 1 {
      lines[row] += lines.remove(at: row + 1)
    }
  }

  /// Scrolls as little as shows the cursor.
  mutating func settle(height: Int) {
    if row < top { top = row }
    if row >= top + max(1, height) { top = row - max(1, height) + 1 }
  }
}
