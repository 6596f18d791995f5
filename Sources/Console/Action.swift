/// One thing that can be done in the console. Footer, help, palette, mouse and key bindings are all made from these
/// entries, so none of them can promise what another does not keep.
struct Action: Sendable {
  /// Where its keys mean it.
  enum Scope: Sendable, Equatable {
    case everywhere
    case panes(Set<PaneID>)

    func contains(_ pane: PaneID) -> Bool {
      switch self {
      case .everywhere: true
      case .panes(let panes): panes.contains(pane)
      }
    }
  }

  /// How the footer shows it. `keys` nil: the first key.
  struct Hint: Sendable, Equatable {
    /// Which part of the footer: moving about, what changes something, leaving.
    enum Group: Sendable, CaseIterable {
      case move, act, leave
    }

    var group: Group
    var keys: String?
    var label: String
    /// The label on a narrow window.
    var short: String?
    /// Lower stays longer when the window is narrow.
    var rank: Int
    /// While this pane has the focus, what is its own stays longest.
    var home: PaneID?

    func rank(in pane: PaneID) -> Int { home == pane ? rank - 10 : rank }
  }

  /// What an action is run with.
  struct Input: Sendable {
    /// From the palette, without leading spaces; nil when there was none.
    var argument: String?
    var now: Moment
  }

  /// `pane.sockets`: for tests and for the palette's search.
  let id: String
  /// A sentence without its full stop: what it does.
  let title: String
  var keys: [KeyChord] = []
  var scope = Scope.everywhere
  var hint: Hint?
  /// The word that the palette takes as a command, with what follows it: `theme`, `NAME`.
  var verb: String?
  var argument: String?
  /// Changes something in the node: needs a link, and a console that is not read-only.
  var changesNode = false
  /// Whatever is open, the key is heard.
  var worksInPopups = false
  /// Why it cannot be done now; nil when it can.
  var refusal: @Sendable (ConsoleModel) -> String? = { _ in nil }
  /// Why it cannot be done without an argument: nothing is selected.
  var aimless: @Sendable (ConsoleModel) -> String? = { _ in nil }
  var run: @Sendable (inout ConsoleModel, Input) -> [Effect]

  /// Why it cannot be done now, the rules of every action included.
  func reason(in model: ConsoleModel, argument: String? = nil) -> String? {
    // The absent engine first: no other console could do it either.
    if let reason = refusal(model) { return reason }
    if changesNode {
      if model.options.isReadOnly { return "this console is read-only" }
      if !model.isLinked { return "no link to the node" }
    }
    return argument == nil ? aimless(model) : nil
  }

  /// Whether the palette must be given something to type after the command word.
  var needsArgument: Bool { argument.map { !$0.hasPrefix("[") } ?? false }

  var keyLabels: String { keys.map(\.label).joined(separator: " ") }
}
