internal import Base

/// `/`: the filter while it is typed. The pane follows every letter; Esc brings the old filter back.
struct FilterPrompt {
  /// The pane that it filters.
  let pane: PaneID
  /// The filter before the prompt opened, as it was typed.
  let original: String
  private(set) var field: TextField
  /// Why what stands there is not a filter yet.
  var complaint: String?

  init(pane: PaneID, original: String) {
    self.pane = pane
    self.original = original
    field = TextField(original)
  }

  mutating func handle(_ chord: KeyChord) -> Bool { field.handle(chord) }
  mutating func insert(_ text: String) { field.insert(text) }
}
