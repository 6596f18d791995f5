internal import Base

/// `?`: what the focused pane can do, then everything else. Enter does the selected line.
struct HelpSheet {
  enum Row {
    case heading(String)
    case action(Action)
    case note(String)
  }

  let title: DisplayText
  let rows: [Row]
  private(set) var cursor = ListCursor()

  init(pane: PaneID, actions: [Action] = ActionRegistry.all) {
    title = "Help"
    let here = actions.filter { $0.scope != .everywhere && $0.scope.contains(pane) }
    let everywhere = actions.filter { $0.scope == .everywhere }
    let others = actions.filter { !$0.scope.contains(pane) }
    var rows: [Row] = []
    for (heading, actions) in [
      (pane.name, here), ("Everywhere", everywhere), ("Other panes", others),
    ] where !actions.isEmpty {
      rows.append(.heading(heading))
      rows += actions.map { .action($0) }
    }
    rows.append(.heading("Mouse"))
    rows.append(.note("click: focus a pane, select a row, press a key of the footer; wheel: scroll"))
    rows.append(.note("Shift and drag selects text for copying; m gives the mouse back to the terminal"))
    self.rows = rows
    cursor.select(1, count: rows.count, height: rows.count)
  }

  /// Lines to read: what is set, and to what.
  init(title: DisplayText, notes: [String]) {
    self.title = title
    rows = notes.map { .note($0) }
  }

  /// Whether Enter does something here.
  var hasActions: Bool { rows.contains { if case .action = $0 { true } else { false } } }

  var selected: Action? {
    if case .action(let action)? = rows.indices.contains(cursor.selected) ? rows[cursor.selected] : nil {
      action
    } else {
      nil
    }
  }

  mutating func move(by distance: Int, height: Int) { cursor.move(by: distance, count: rows.count, height: height) }
  mutating func select(_ row: Int, height: Int) { cursor.select(row, count: rows.count, height: height) }
}
