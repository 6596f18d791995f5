import Testing

@testable import Console

struct LayoutTests {
  static let sizes: [(Int, Int)] = [
    (10, 3), (20, 5), (39, 9), (40, 10), (79, 23), (80, 24), (110, 34), (120, 40), (180, 50), (200, 60), (1_000, 24),
    (80, 200), (300, 100),
  ]

  @Test(arguments: sizes)
  func everyCellBelongsToOneContentOrToARule(_ size: (Int, Int)) {
    for isZoomed in [false, true] {
      for focus in PaneID.allCases {
        let layout = Layout(width: size.0, height: size.1, focus: focus, isZoomed: isZoomed)
        guard layout.size != .tooSmall else {
          #expect(layout.frames.isEmpty && layout.header == nil && layout.footer == nil)
          continue
        }
        var owners = [Int](repeating: 0, count: size.0 * size.1)
        for pane in PaneID.allCases {
          guard let area = layout.content(of: pane) else { continue }
          #expect(area.width > 0 && area.height > 0)
          #expect(area.x >= 0 && area.maxX <= size.0 && area.y >= 1 && area.maxY <= size.1 - 1)
          for y in area.y..<area.maxY { for x in area.x..<area.maxX { owners[y * size.0 + x] += 1 } }
        }
        #expect(owners.allSatisfy { $0 <= 1 }, "two contents share a cell")
        guard layout.size != .lines else { continue }
        for y in 1..<(size.1 - 1) {
          for x in 0..<size.0 where owners[y * size.0 + x] == 0 {
            #expect(layout.frames.values.contains { Self.isEdge($0, x, y) }, "\(x),\(y) belongs to nobody")
          }
        }
      }
    }
  }

  private static func isEdge(_ frame: Rect, _ x: Int, _ y: Int) -> Bool {
    frame.contains(x: x, y: y) && (x == frame.x || x == frame.maxX - 1 || y == frame.y || y == frame.maxY - 1)
  }

  @Test func theSizeOfTheWindowAloneDecides() {
    #expect(Layout(width: 80, height: 24).size == .small)
    #expect(Layout(width: 110, height: 34).size == .medium)
    #expect(Layout(width: 180, height: 50).size == .large)
    #expect(Layout(width: 200, height: 33).size == .small)
    #expect(Layout(width: 79, height: 60).size == .single)
    #expect(Layout(width: 39, height: 60).size == .lines)
    #expect(Layout(width: 19, height: 60).size == .tooSmall)
  }

  @Test(arguments: [5, 6, 7, 8, 9])
  func theFocusedPaneIsAlwaysAmongTheLines(_ height: Int) {
    for focus in PaneID.allCases {
      let layout = Layout(width: 30, height: height, focus: focus)
      #expect(layout.frames[focus] != nil)
      #expect(layout.frames.count == min(6, height - 2))
    }
  }

  @Test func aClickOnASharedRuleMeansThePaneWhoseTitleItCarries() {
    let layout = Layout(width: 80, height: 24)
    let sandbox = layout.frames[.sandbox].map { ($0.x + 3, $0.y) } ?? (0, 0)
    #expect(layout.pane(x: sandbox.0, y: sandbox.1) == .sandbox)
    #expect(layout.pane(x: 0, y: 0) == nil)
  }
}

struct FocusRingTests {
  @Test func tabGoesRoundAndBacktabTheOtherWay() {
    var ring = FocusRing(focused: .log)
    ring.next()
    #expect(ring.focused == .sockets)
    ring.previous()
    ring.previous()
    #expect(ring.focused == .bench)
  }

  @Test func aPanesKeyPressedAgainZoomsAndUnzooms() {
    var ring = FocusRing(focused: .log)
    ring.jump(to: .cache)
    #expect(ring.focused == .cache && !ring.isZoomed)
    ring.jump(to: .cache)
    #expect(ring.isZoomed)
    ring.jump(to: .cache)
    #expect(!ring.isZoomed)
  }
}
