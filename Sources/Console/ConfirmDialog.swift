internal import Base

/// Asks before what cannot be taken back. The safe button has the focus; nothing but leaving is heard for the first
/// 300 ms, so that keys typed ahead never confirm; what is large wants a word typed.
struct ConfirmDialog {
  /// Milliseconds in which `y`, Enter and the numbers are not heard.
  static let deafFor: Int64 = 300

  /// The first of many names, each on a line of its own.
  struct Sample {
    let names: [String]
    let total: Int

    init(_ names: [String] = [], of total: Int = 0) {
      self.names = names
      self.total = total
    }
  }

  enum Answer: Equatable {
    case open, cancelled, confirmed
  }

  /// A verb: `Quit`.
  let title: String
  /// What exactly will happen.
  let body: [String]
  /// Names of what it is done to, under the body: as many as there is room for.
  let sample: Sample
  let cancelLabel: String
  let confirmLabel: String
  /// The word that must be typed; nil when `y` is enough.
  let expected: String?
  let openedAt: Int64
  let onConfirm: [Effect]
  private(set) var field = TextField()
  private(set) var isConfirmFocused = false

  init(
    title: String, body: [String], sample: Sample = Sample(), cancel: String = "Cancel", confirm: String,
    expected: String? = nil,
    now: Moment, onConfirm: [Effect]
  ) {
    self.title = title
    self.body = body
    self.sample = sample
    cancelLabel = cancel
    confirmLabel = confirm
    self.expected = expected
    openedAt = now.monotonic
    self.onConfirm = onConfirm
  }

  /// Whether the typed word, if one is wanted, is there.
  var isTyped: Bool { expected.map { $0 == field.text } ?? true }

  mutating func handle(_ chord: KeyChord, now: Moment) -> Answer {
    if chord == KeyChord(.escape) { return .cancelled }
    guard now.monotonic - openedAt >= Self.deafFor else { return .open }
    switch chord.key {
    case .tab, .backtab, .left, .right:
      isConfirmFocused.toggle()
    case .enter:
      if expected != nil { return isTyped ? .confirmed : .open }
      return isConfirmFocused ? .confirmed : .cancelled
    default:
      return expected == nil ? choose(chord) : type(chord)
    }
    return .open
  }

  /// A click on a button.
  func press(confirm: Bool, now: Moment) -> Answer {
    guard confirm else { return .cancelled }
    return now.monotonic - openedAt >= Self.deafFor && isTyped ? .confirmed : .open
  }

  mutating func paste(_ text: String, now: Moment) {
    if expected != nil, now.monotonic - openedAt >= Self.deafFor { field.insert(text) }
  }

  private func choose(_ chord: KeyChord) -> Answer {
    switch chord {
    case .character("y"), .character("2"): .confirmed
    case .character("n"), .character("1"): .cancelled
    default: .open
    }
  }

  private mutating func type(_ chord: KeyChord) -> Answer {
    field.handle(chord)
    return .open
  }
}
