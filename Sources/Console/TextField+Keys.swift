extension TextField {
  /// Editing keys; false for a key that edits nothing.
  @discardableResult
  mutating func handle(_ chord: KeyChord) -> Bool {
    switch chord.key {
    case .character(let character):
      if chord.modifiers.contains(.control) { return handleControl(character) }
      guard chord.modifiers.isEmpty else { return false }
      insert(String(character))
    case .backspace: backspace()
    case .delete: delete()
    case .left: move(by: -1)
    case .right: move(by: 1)
    case .home: moveToStart()
    case .end: moveToEnd()
    default: return false
    }
    return true
  }

  private mutating func handleControl(_ character: Character) -> Bool {
    switch character {
    case "a": moveToStart()
    case "e": moveToEnd()
    case "h": backspace()
    case "u": clear()
    case "w": deleteWord()
    default: return false
    }
    return true
  }
}
