internal import Base
internal import ControlPlane

/// What every pane may know of the whole when it draws.
struct Scene: Sendable {
  var snapshot: Snapshot?
  var now: Moment
  var size: Layout.Size
  var isFocused = false
  var isReadOnly = false

  /// Whether the frame has room for more than the essential.
  var isWide: Bool { size == .large }
}

/// How a selection moves.
enum Motion: Sendable, Equatable {
  case up, down, pageUp, pageDown, first, last
  /// Lines of the wheel; negative is up.
  case scroll(Int)
}

/// One place of the frame. A new pane is one type in one file, named in `PaneSet`.
protocol Pane {
  var id: PaneID { get }
  /// Actions that belong to this pane's engine, for the registry.
  static var actions: [Action] { get }
  /// The right end of its border: all that zooming must not lose.
  func summary(_ scene: Scene) -> DisplayText
  func draw(into canvas: inout Canvas, area: Rect, scene: Scene)
  /// Takes what concerns it; true when something it shows has changed. `height`: lines of its area, 0 when hidden.
  mutating func take(_ news: News, height: Int) -> Bool
  mutating func move(_ motion: Motion, height: Int)
  /// The window or the zoom changed.
  mutating func settle(height: Int)
  /// A click on a line of its area.
  mutating func select(line: Int, height: Int)
  /// What `y` copies; nil when nothing is selected.
  var selectedText: String? { get }
}

extension Pane {
  static var actions: [Action] { [] }
  mutating func take(_ news: News, height: Int) -> Bool { false }
  mutating func move(_ motion: Motion, height: Int) {}
  mutating func settle(height: Int) {}
  mutating func select(line: Int, height: Int) {}
  var selectedText: String? { nil }
}

/// All panes. `log` and `sockets` are named because the frame itself filters them.
struct PaneSet {
  var log = LogPane()
  var sockets = GatewayPane()
  private var others: [PaneID: any Pane] = [
    .index: IndexPane(), .sandbox: SandboxPane(), .cache: CachePane(), .bench: BenchPane(),
  ]

  subscript(id: PaneID) -> any Pane { others[id] ?? (id == .sockets ? sockets : log) }

  /// Changes one pane.
  mutating func change(_ id: PaneID, _ body: (inout any Pane) -> Void) {
    if var pane = others[id] {
      body(&pane)
      others[id] = pane
    } else {
      var pane: any Pane = id == .sockets ? sockets : log
      body(&pane)
      if let changed = pane as? LogPane { log = changed }
      if let changed = pane as? GatewayPane { sockets = changed }
    }
  }
}
