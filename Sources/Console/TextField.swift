/// One line of input: the palette, the filter, a typed confirmation.
struct TextField: Sendable, Equatable {
  /// Characters; what is typed or pasted beyond is dropped.
  static let lengthMax = 256

  private(set) var characters: [Character] = []
  /// Characters left of the cursor.
  private(set) var cursor = 0

  private let most: Int

  /// `lengthMax`: characters it takes.
  init(_ text: String = "", lengthMax: Int = TextField.lengthMax) {
    most = lengthMax
    characters = Array(text.prefix(lengthMax))
    cursor = characters.count
  }

  var text: String { String(characters) }

  /// Inserts the first line of `text`; control characters are left out.
  mutating func insert(_ text: String) {
    let line = text.prefix { $0 != "\n" && $0 != "\r" && $0 != "\r\n" }
    for character in line where character.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) {
      guard characters.count < most else { return }
      characters.insert(character, at: cursor)
      cursor += 1
    }
  }

  /// False when there was nothing to delete.
  @discardableResult
  mutating func backspace() -> Bool {
    guard cursor > 0 else { return false }
    cursor -= 1
    characters.remove(at: cursor)
    return true
  }

  mutating func delete() {
    if cursor < characters.count { characters.remove(at: cursor) }
  }

  mutating func move(by distance: Int) { cursor = max(0, min(characters.count, cursor + distance)) }
  mutating func moveToStart() { cursor = 0 }
  mutating func moveToEnd() { cursor = characters.count }

  mutating func clear() {
    characters = []
    cursor = 0
  }

  /// C-w: deletes the word before the cursor.
  mutating func deleteWord() {
    while cursor > 0, characters[cursor - 1] == " " { backspace() }
    while cursor > 0, characters[cursor - 1] != " " { backspace() }
  }
}
