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

  /// Whether it is typed where text is wanted.
  var isText: Bool { if case .character = key { modifiers.isEmpty } else { false } }

  /// `q`, `C-l`, `Tab`, `S-Tab`, `PgDn`.
  var label: String {
    var prefix = ""
    if modifiers.contains(.control) { prefix += "C-" }
    if modifiers.contains(.alt) { prefix += "M-" }
    if modifiers.contains(.shift) { prefix += "S-" }
    return prefix + name
  }

  /// What people write: a label as above, or `Up`, `Backspace` and the like in any case. Nil when it is no key.
  init?(label: String) {
    var rest = label[...]
    var modifiers: Modifiers = []
    let prefixes: [(String, Modifiers)] = [("C-", .control), ("M-", .alt), ("S-", .shift)]
    while let (prefix, modifier) = prefixes.first(where: { rest.hasPrefix($0.0) && rest.count > 2 }) {
      modifiers.insert(modifier)
      rest = rest.dropFirst(prefix.count)
    }
    if rest.count == 1, let character = rest.first, Self.words[String(rest)] == nil {
      // Control has no capitals: terminals send one byte for both.
      let isControl = modifiers.contains(.control)
      self.init(.character(isControl ? Character(character.lowercased()) : character), modifiers)
      return
    }
    let word = rest.lowercased()
    if word == "tab", modifiers.contains(.shift) {
      self.init(.backtab, modifiers.subtracting(.shift))
      return
    }
    if word.hasPrefix("f"), let number = Int(word.dropFirst()), (1...12).contains(number) {
      self.init(.function(number), modifiers)
      return
    }
    guard let key = Self.words[word] else { return nil }
    self.init(key, modifiers)
  }

  private static let words: [String: Key] = [
    "space": .character(" "), "enter": .enter, "esc": .escape, "escape": .escape, "tab": .tab, "bs": .backspace,
    "backspace": .backspace, "up": .up, "down": .down, "left": .left, "right": .right, "home": .home, "end": .end,
    "pgup": .pageUp, "pageup": .pageUp, "pgdn": .pageDown, "pagedown": .pageDown, "ins": .insert, "insert": .insert,
    "del": .delete, "delete": .delete, "↑": .up, "↓": .down, "←": .left, "→": .right,
  ]

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
