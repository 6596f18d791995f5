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
  /// What the operator has done to the list; stands before the summary.
  var listNote: DisplayText? { get }
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
  /// What `/` was told, as it was typed; empty: nothing.
  var filter: String { get }
  /// What `/` takes here, in a few words.
  var filterHint: DisplayText { get }
  /// Throws `invalid` or `limit` for what is no filter of this list; the one before stays then.
  mutating func setFilter(_ text: String, height: Int) throws(Failure)
  /// `n` and `N`: to another row that the filter shows.
  mutating func moveMatch(by distance: Int, height: Int)
  /// How the list is sorted; nil: as it is by itself.
  var sorting: ListOrder? { get }
  /// Why the list has one order only; nil when it can be sorted.
  var sortRefusal: String? { get }
  /// By the column of that name, or by the next one. Throws `invalid` when there is none.
  mutating func sort(by column: String?, height: Int) throws(Failure)
  mutating func reverseSort(height: Int)
  /// What is marked here, `socket`; nil when nothing is done to several rows at once.
  static var markNoun: String? { get }
  var marks: Set<String> { get }
  /// False when there are too many.
  mutating func toggleMark(height: Int) -> Bool
  mutating func markAll() -> Bool
  mutating func clearMarks()
}

extension Pane {
  static var actions: [Action] { [] }
  mutating func take(_ news: News, height: Int) -> Bool { false }
  mutating func move(_ motion: Motion, height: Int) {}
  mutating func settle(height: Int) {}
  mutating func select(line: Int, height: Int) {}
  var selectedText: String? { nil }
  var sortRefusal: String? { nil }
  static var markNoun: String? { nil }
  var marks: Set<String> { [] }
  mutating func toggleMark(height: Int) -> Bool { true }
  mutating func markAll() -> Bool { true }
  mutating func clearMarks() {}

  var listNote: DisplayText? {
    var parts: [DisplayText] = []
    if !marks.isEmpty { parts.append("\(Figures.grouped(marks.count)) marked") }
    if !filter.isEmpty { parts.append("/\(DisplayText(filter).truncated(to: 24))") }
    if let sorting, !sorting.isUsual { parts.append("sort \(sorting.text)") }
    return parts.isEmpty ? nil : parts.joined(separator: " · ")
  }
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
