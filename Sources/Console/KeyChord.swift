/// A key with what was held down, as bindings name it.
struct KeyChord: Sendable, Hashable {
  let key: Key
  let modifiers: Modifiers

  init(_ key: Key, _ modifiers: Modifiers = []) {
    self.key = key
    // Shift is already in the character, and terminals disagree about reporting it.
    if case .character = key { self.modifiers = modifiers.subtracting(.shift) } else { self.modifiers = modifiers }
  }

  static func character(_ character: Character) -> KeyChord { KeyChord(.character(character)) }
  static func control(_ character: Character) -> KeyChord { KeyChord(.character(character), .control) }

  /// `q`, `C-l`, `Tab`, `S-Tab`, `PgDn`.
  var label: String {
    var prefix = ""
    if modifiers.contains(.control) { prefix += "C-" }
    if modifiers.contains(.alt) { prefix += "M-" }
    if modifiers.contains(.shift) { prefix += "S-" }
    return prefix + name
  }

  private var name: String {
    switch key {
    case .character(" "): "Space"
    case .character(let character): String(character)
    case .enter: "Enter"
    case .escape: "Esc"
    case .tab: "Tab"
    case .backtab: "S-Tab"
    case .backspace: "BS"
    case .up: "↑"
    case .down: "↓"
    case .left: "←"
    case .right: "→"
    case .home: "Home"
    case .end: "End"
    case .pageUp: "PgUp"
    case .pageDown: "PgDn"
    case .insert: "Ins"
    case .delete: "Del"
    case .function(let number): "F\(number)"
    }
  }
}
