/// `t`: every theme, each shown as soon as it is selected. Esc brings the old one back.
struct ThemePicker {
  let themes: [ThemeChoice]
  /// The theme before the picker opened.
  let original: String
  private(set) var cursor = ListCursor()

  init(themes: [ThemeChoice], current: String) {
    self.themes = themes
    original = current
    let index = themes.firstIndex { $0.name == current } ?? 0
    cursor.select(index, count: themes.count, height: themes.count)
  }

  var selected: ThemeChoice? { themes.indices.contains(cursor.selected) ? themes[cursor.selected] : nil }

  mutating func move(by distance: Int, height: Int) { cursor.move(by: distance, count: themes.count, height: height) }
  mutating func select(_ row: Int, height: Int) { cursor.select(row, count: themes.count, height: height) }
}

/// A theme as the picker lists it.
public struct ThemeChoice: Sendable, Equatable {
  public var name: String
  /// Where it comes from or what it is for: `built in, dark`.
  public var note: String

  public init(name: String, note: String) {
    self.name = name
    self.note = note
  }
}
