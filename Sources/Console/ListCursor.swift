/// The selected row of a list and the first one on the screen.
struct ListCursor: Sendable, Equatable {
  private(set) var selected = 0
  private(set) var top = 0

  mutating func move(by distance: Int, count: Int, height: Int) {
    select(selected + distance, count: count, height: height)
  }

  /// Selects a row and scrolls as little as shows it.
  mutating func select(_ index: Int, count: Int, height: Int) {
    selected = max(0, min(index, count - 1))
    settle(count: count, height: height)
  }

  /// Selects a row of a list whose place on the screen is not known yet: `settle` shows it.
  mutating func aim(at index: Int) { selected = max(0, index) }

  /// Scrolls without moving the selection further than it must to stay on the screen.
  mutating func scroll(by distance: Int, count: Int, height: Int) {
    top = max(0, min(top + distance, count - height))
    selected = max(top, min(selected, top + max(1, height) - 1, max(0, count - 1)))
  }

  /// Brings both back into what there is, after the list or the window changed.
  mutating func settle(count: Int, height: Int) {
    selected = max(0, min(selected, count - 1))
    let rows = max(1, height)
    if selected < top { top = selected }
    if selected >= top + rows { top = selected - rows + 1 }
    top = max(0, min(top, count - rows))
  }

  /// `removed` rows went away at the front: the selection stays on its row.
  mutating func shift(removed: Int) {
    selected = max(0, selected - removed)
    top = max(0, top - removed)
  }
}

extension ListCursor {
  /// Moves as the keys say.
  mutating func move(_ motion: Motion, count: Int, height: Int) {
    switch motion {
    case .up: move(by: -1, count: count, height: height)
    case .down: move(by: 1, count: count, height: height)
    case .pageUp: move(by: -height, count: count, height: height)
    case .pageDown: move(by: height, count: count, height: height)
    case .first: select(0, count: count, height: height)
    case .last: select(count - 1, count: count, height: height)
    case .scroll(let lines): scroll(by: lines, count: count, height: height)
    }
  }
}
