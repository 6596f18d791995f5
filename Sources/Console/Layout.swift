/// Where everything is, from the size of the window alone. Neighbouring panes share one rule, so the frames of two
/// neighbours overlap in exactly that line; their contents never do.
///
/// Small (from 80x24): two rows of two, a strip for the bench, the log. Medium (from 110x34): three rows of two. Large
/// (from 180x50): two columns of unequal rows and a log over the whole width. Below 80x24, and zoomed: one pane. Below
/// 40x10: a line for each pane. Below 20x5: nothing but the words `too small`; keys still work.
struct Layout: Sendable, Equatable {
  /// What an operator asks for: an arrangement, as far as the window has room for it.
  enum Choice: String, Sendable, CaseIterable {
    case auto
    case small = "S"
    case medium = "M"
    case large = "L"

    /// Cells from which on there is room.
    var least: (width: Int, height: Int) {
      switch self {
      case .auto, .small: (80, 24)
      case .medium: (110, 34)
      case .large: (180, 50)
      }
    }
  }

  enum Size: Sendable, Equatable {
    case tooSmall, lines, single, small, medium, large
  }

  let size: Size
  let width: Int
  let height: Int
  /// The outer rectangles, rules included; in `lines` the line itself. A pane that is not shown has none.
  private(set) var frames: [PaneID: Rect] = [:]

  init(width: Int, height: Int, focus: PaneID = .log, isZoomed: Bool = false, choice: Choice = .auto) {
    self.width = width
    self.height = height
    size = Self.size(width: width, height: height, isZoomed: isZoomed, choice: choice)
    switch size {
    case .tooSmall: break
    case .lines: frames = Self.lines(width: width, height: height, focus: focus)
    case .single: frames = [focus: Rect(x: 0, y: 1, width: width, height: height - 2)]
    case .small: frames = Self.small(width: width, height: height)
    case .medium: frames = Self.medium(width: width, height: height)
    case .large: frames = Self.large(width: width, height: height)
    }
  }

  var header: Rect? { size == .tooSmall ? nil : Rect(x: 0, y: 0, width: width, height: 1) }
  var footer: Rect? { size == .tooSmall ? nil : Rect(x: 0, y: height - 1, width: width, height: 1) }

  /// What a pane may draw on.
  func content(of pane: PaneID) -> Rect? {
    guard let frame = frames[pane] else { return nil }
    guard size != .lines else { return frame }
    return Rect(x: frame.x + 1, y: frame.y + 1, width: frame.width - 2, height: frame.height - 2)
  }

  /// The pane at a cell; on a shared rule, the lower or right one, whose title that rule carries.
  func pane(x: Int, y: Int) -> PaneID? {
    frames.filter { entry in
      let frame = entry.value
      return x >= frame.x && x < frame.x + frame.width && y >= frame.y && y < frame.y + frame.height
    }.max { ($0.value.y, $0.value.x) < ($1.value.y, $1.value.x) }?.key
  }

  private static func size(width: Int, height: Int, isZoomed: Bool, choice: Choice) -> Size {
    if width < 20 || height < 5 { return .tooSmall }
    if width < 40 || height < 10 { return .lines }
    if isZoomed || width < 80 || height < 24 { return .single }
    func hasRoom(_ choice: Choice) -> Bool { width >= choice.least.width && height >= choice.least.height }
    if choice == .small { return .small }
    if choice != .medium, hasRoom(.large) { return .large }
    return hasRoom(.medium) ? .medium : .small
  }

  /// As many panes as there are lines, the focused one always among them.
  private static func lines(width: Int, height: Int, focus: PaneID) -> [PaneID: Rect] {
    let room = height - 2
    let all = PaneID.allCases
    let first = max(0, min(all.count - room, (all.firstIndex(of: focus) ?? 0) - room + 1))
    var frames: [PaneID: Rect] = [:]
    for (row, pane) in all[first...].prefix(room).enumerated() {
      frames[pane] = Rect(x: 0, y: row + 1, width: width, height: 1)
    }
    return frames
  }

  private static func small(width: Int, height: Int) -> [PaneID: Rect] {
    let rows = split(height - 2 - 5, minimum: [5, 5, 3, 4], weights: [3, 3, 1, 3])
    let left = width * 43 / 80
    var frames = row([.sockets, .index], y: 1, content: rows[0], at: left, width: width)
    frames.merge(row([.sandbox, .cache], y: 2 + rows[0], content: rows[1], at: left, width: width)) { $1 }
    let bench = 3 + rows[0] + rows[1]
    frames[.bench] = Rect(x: 0, y: bench, width: width, height: rows[2] + 2)
    frames[.log] = Rect(x: 0, y: bench + rows[2] + 1, width: width, height: rows[3] + 2)
    return frames
  }

  private static func medium(width: Int, height: Int) -> [PaneID: Rect] {
    let rows = split(height - 2 - 4, minimum: [10, 8, 10], weights: [6, 5, 6])
    let left = width * 63 / 120
    var frames: [PaneID: Rect] = [:]
    var y = 1
    for (panes, content) in zip([[PaneID.sockets, .index], [.sandbox, .cache], [.bench, .log]], rows) {
      frames.merge(row(panes, y: y, content: content, at: left, width: width)) { $1 }
      y += content + 1
    }
    return frames
  }

  private static func large(width: Int, height: Int) -> [PaneID: Rect] {
    let log = max(10, height / 5)
    let above = height - 2 - 3 - log
    let divider = width * 119 / 200
    let left = split(above - 1, minimum: [10, 10], weights: [1, 1])
    let right = split(above - 2, minimum: [8, 8, 8], weights: [15, 13, 14])
    var frames: [PaneID: Rect] = [:]
    var y = 1
    for (pane, content) in zip([PaneID.sockets, .sandbox], left) {
      frames[pane] = Rect(x: 0, y: y, width: divider + 1, height: content + 2)
      y += content + 1
    }
    y = 1
    for (pane, content) in zip([PaneID.index, .cache, .bench], right) {
      frames[pane] = Rect(x: divider, y: y, width: width - divider, height: content + 2)
      y += content + 1
    }
    frames[.log] = Rect(x: 0, y: above + 2, width: width, height: log + 2)
    return frames
  }

  /// Two panes beside each other that share the rule at column `divider`.
  private static func row(
    _ panes: [PaneID], y: Int, content: Int, at divider: Int, width: Int
  ) -> [PaneID: Rect] {
    [
      panes[0]: Rect(x: 0, y: y, width: divider + 1, height: content + 2),
      panes[1]: Rect(x: divider, y: y, width: width - divider, height: content + 2),
    ]
  }

  /// Shares `total` lines out: each its minimum, the rest by weight, what rounding leaves to the last.
  private static func split(_ total: Int, minimum: [Int], weights: [Int]) -> [Int] {
    let rest = max(0, total - minimum.reduce(0, +))
    let sum = weights.reduce(0, +)
    var parts = zip(minimum, weights).map { $0 + rest * $1 / sum }
    parts[parts.count - 1] += total - parts.reduce(0, +)
    return parts
  }
}
