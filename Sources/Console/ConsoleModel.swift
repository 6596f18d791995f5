internal import Base
internal import ControlPlane

/// Everything the console knows and how it reacts: keys, clicks and news go in, effects and pictures come out. It does
/// no I/O and reads no clock, so that tests drive it and compare canvases.
///
/// `version` moves exactly when something that is shown has changed; the loop paints nothing while it stands still.
struct ConsoleModel {
  /// What does not change while the console runs.
  struct Options: Sendable {
    /// The engines run in this process and end with it.
    var isEmbedded: Bool
    var isReadOnly: Bool
    var operatorLabel: String
    /// Where the node is reached: the socket's path; nil when embedded.
    var nodePath: String?
    var themes: [ThemeChoice]
    /// The richest set that the terminal shows.
    var glyphs: GlyphSet
    var registry = ActionRegistry.standard
    /// Where lasting settings are.
    var fileNote = ""
    /// Whether the machine that is measured by a bench is this one.
    var isNodeLocal = true
  }

  /// A second C-c counts within so many milliseconds.
  static let interruptWindow: Int64 = 2_000

  let options: Options
  var width: Int
  var height: Int
  var now: Moment
  var focus = FocusRing()
  var panes = PaneSet()
  /// While paused: the panes as the data moves them on, unseen.
  var hidden: PaneSet?
  var snapshot: Snapshot?
  var hiddenSnapshot: Snapshot?
  var snapshotAt: Int64?
  var link: LinkState
  /// When the link came up last: what is older than that is soon replaced.
  var linkedAt: Int64
  var popup: Popup?
  var toasts: [Toast] = []
  var themeName: String
  /// Milliseconds between two snapshots.
  var refresh = FrameClock.defaultInterval
  var isMouseOn = true
  var layoutChoice = Layout.Choice.auto
  var glyphs: GlyphSet
  var isBenchRunning = false
  var interruptedAt: Int64?
  /// The run whose program `e` waits for.
  var awaitedProgram: String?
  private(set) var version: UInt64 = 1

  init(options: Options, themeName: String, width: Int, height: Int, now: Moment) {
    self.options = options
    self.themeName = themeName
    self.width = width
    self.height = height
    self.now = now
    glyphs = options.glyphs
    link = options.isEmbedded ? .live : .connecting
    linkedAt = now.monotonic
  }

  var layout: Layout {
    Layout(width: width, height: height, focus: focus.focused, isZoomed: focus.isZoomed, choice: layoutChoice)
  }

  var registry: ActionRegistry { options.registry }

  var isPaused: Bool { hidden != nil }

  /// Whether a command would reach the node.
  var isLinked: Bool { options.isEmbedded || link == .live }

  /// Milliseconds since the newest snapshot; nil before the first.
  var dataAge: Int64? { snapshotAt.map { now.monotonic - $0 } }

  /// The link is there and the node has said nothing for so long that its figures are no longer those of now.
  var isStale: Bool {
    guard link == .live, !isPaused, let dataAge else { return false }
    return min(dataAge, now.monotonic - linkedAt) >= max(Self.staleAfter, 3 * refresh)
  }

  /// Milliseconds: more than twice as long as a calm node is left alone.
  private static let staleAfter = 12 * Int64(1_000)

  /// Something that is shown has changed.
  mutating func touch() { version += 1 }

  /// Lines of a pane's area; 0 while it is not on the screen.
  func rows(of pane: PaneID) -> Int { layout.content(of: pane)?.height ?? 0 }

  /// Why an engine's action cannot be done: the engine is not in this node.
  func refusal(of pane: PaneID) -> String? {
    guard let engine = pane.engine else { return nil }
    guard let snapshot else { return "the node has not been heard yet" }
    let isThere =
      switch pane {
      case .sockets: snapshot.gateway != nil
      case .index: snapshot.index != nil
      case .sandbox: snapshot.sandbox != nil
      case .cache: snapshot.cache != nil
      case .bench, .log: true
      }
    if isThere { return nil }
    return "this node runs no \(engine) engine"
  }

  /// Changes a pane, and its unseen twin while the picture is paused, so that what the keys did is still so afterwards.
  mutating func changePane(_ id: PaneID, _ body: (inout any Pane) -> Void) {
    panes.change(id, body)
    hidden?.change(id, body)
    touch()
  }

  mutating func changeLog(_ body: (inout LogBook) -> Void) {
    body(&panes.log.book)
    if hidden != nil { hidden?.log.book.apply(body) }
    touch()
  }

  /// The window or the zoom changed: every list is brought back into what is there.
  mutating func settle() {
    let isAlone = layout.size == .single
    panes.sockets.isAlone = isAlone
    hidden?.sockets.isAlone = isAlone
    let hasRoom = isAlone || layout.size == .large
    changeSandbox { pane, _ in (pane.isAlone, pane.showsDetail) = (isAlone, hasRoom) }
    let rows = rows(of: .log)
    changeLog { $0.settle(height: rows) }
    for pane in PaneID.allCases where pane != .log {
      let height = self.rows(of: pane)
      if height > 0 { changePane(pane) { $0.settle(height: height) } }
    }
  }

  mutating func toast(_ kind: Toast.Kind, _ text: String) {
    toasts = (toasts + [Toast(kind: kind, text: text, bornAt: now.monotonic)]).suffix(Toast.shownMax)
    touch()
  }

  // MARK: - Time

  /// Time has passed: the clock in the header, ages, toasts that go by themselves.
  mutating func tick(now: Moment) {
    let before = self.now
    self.now = now
    let kept = toasts.filter { $0.endsAt.map { $0 > now.monotonic } ?? true }
    if kept.count != toasts.count {
      toasts = kept
      touch()
    }
    let isSameSecond = before.wall / 1_000 == now.wall / 1_000
    if !isSameSecond, layout.header != nil { touch() }
  }

  /// Milliseconds until time alone changes the picture; nil when it never does.
  var nextTick: Int64? {
    let toast = toasts.compactMap(\.endsAt).min().map { max(0, $0 - now.monotonic) }
    let clock: Int64? = layout.header == nil ? nil : 1_000 - now.wall % 1_000
    return [toast, clock].compactMap { $0 }.min()
  }
}

/// What lies over the frame and takes the keys.
enum Popup {
  case palette(Palette)
  case help(HelpSheet)
  case themes(ThemePicker)
  case confirm(ConfirmDialog)
  case filter(FilterPrompt)
  case invalidate(InvalidateForm)
  case broadcast(BroadcastForm)
  case search(SearchSheet)
  case run(RunForm)
  case comparison(ComparisonSheet)
  /// Why the node is not well: drawn from the snapshot, as long as it says so.
  case health
}

extension LogBook {
  mutating func apply(_ body: (inout LogBook) -> Void) { body(&self) }
}
