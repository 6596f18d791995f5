/// Which pane has the focus, and whether it fills the screen.
struct FocusRing: Sendable, Equatable {
  private(set) var focused: PaneID
  private(set) var isZoomed = false

  init(focused: PaneID = .log) { self.focused = focused }

  mutating func next() { step(1) }
  mutating func previous() { step(-1) }

  /// The key of a pane: goes there; pressed again, zooms and back.
  mutating func jump(to pane: PaneID) {
    if focused == pane { isZoomed.toggle() } else { focused = pane }
  }

  /// A click: goes there, and never zooms.
  mutating func focus(_ pane: PaneID) { focused = pane }

  mutating func toggleZoom() { isZoomed.toggle() }

  /// Leaves the zoom; false when there was none.
  mutating func unzoom() -> Bool {
    defer { isZoomed = false }
    return isZoomed
  }

  private mutating func step(_ distance: Int) {
    let ring = PaneID.allCases
    guard let index = ring.firstIndex(of: focused) else { return }
    focused = ring[(index + distance + ring.count) % ring.count]
  }
}
