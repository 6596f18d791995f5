public import Base
internal import CPty
internal import Glibc
internal import Synchronization

extension PtySession {
  /// A key by its name: one character, or Enter Esc Tab BTab Up Down Left Right Home End PgUp PgDn Ins Del BS Space
  /// F1 to F12; `C-x` and `M-x` are control and alt.
  public func press(_ keys: String...) {
    for key in keys { send(Self.bytes(of: key)) }
  }

  public func type(_ text: String) { send(Array(text.utf8)) }

  /// Pastes as a terminal does: wrapped when the program asked for it.
  public func paste(_ text: String) {
    let isBracketed = screen.modes.contains(2004)
    send(Array((isBracketed ? "\u{1B}[200~\(text)\u{1B}[201~" : text).utf8))
  }

  /// A click of the left button; cells count from 0.
  public func click(x: Int, y: Int) {
    mouse(code: 0, x: x, y: y)
    send(Array("\u{1B}[<0;\(x + 1);\(y + 1)m".utf8))
  }

  public func wheel(up: Bool, x: Int, y: Int) { mouse(code: up ? 64 : 65, x: x, y: y) }

  private func mouse(code: Int, x: Int, y: Int) {
    // A terminal that was not asked for the mouse says nothing of it.
    guard screen.modes.contains(1000) || screen.modes.contains(1002) else { return }
    send(Array("\u{1B}[<\(code);\(x + 1);\(y + 1)M".utf8))
  }

  public func resize(width: Int, height: Int) {
    line.state.withLock { $0.screen.resize(width: width, height: height) }
    _ = sb_pty_resize(slave, Int32(width), Int32(height))
  }

  public func signal(_ number: Int32) { kill(processID, number) }

  /// A stalled terminal takes no bytes from the program.
  public func setStalled(_ isStalled: Bool) { line.state.withLock { $0.isStalled = isStalled } }

  /// From now on the line carries so many bytes a second to the terminal; nil: as many as come.
  public func setPace(bytesPerSecond: Int?) { line.state.withLock { $0.bytesPerSecond = bytesPerSecond } }

  /// Raw bytes, as if the terminal had sent them.
  public func send(_ bytes: [UInt8]) { line.send(bytes) }

  /// Whether everything sent has been taken by the program's side of the line.
  public var isSent: Bool { line.state.withLock { $0.outgoing.isEmpty } }

  private static let names: [String: String] = [
    "Enter": "\r", "Esc": "\u{1B}", "Tab": "\t", "BTab": "\u{1B}[Z", "Up": "\u{1B}[A", "Down": "\u{1B}[B",
    "Right": "\u{1B}[C", "Left": "\u{1B}[D", "Home": "\u{1B}[H", "End": "\u{1B}[F", "PgUp": "\u{1B}[5~",
    "PgDn": "\u{1B}[6~", "Ins": "\u{1B}[2~", "Del": "\u{1B}[3~", "BS": "\u{7F}", "Space": " ", "F1": "\u{1B}OP",
    "F2": "\u{1B}OQ", "F3": "\u{1B}OR", "F4": "\u{1B}OS", "F5": "\u{1B}[15~", "F6": "\u{1B}[17~",
    "F7": "\u{1B}[18~", "F8": "\u{1B}[19~", "F9": "\u{1B}[20~", "F10": "\u{1B}[21~", "F11": "\u{1B}[23~",
    "F12": "\u{1B}[24~",
  ]

  private static func bytes(of key: String) -> [UInt8] {
    if let named = names[key] { return Array(named.utf8) }
    if key.hasPrefix("M-"), key.count > 2 { return [0x1B] + bytes(of: String(key.dropFirst(2))) }
    if key.hasPrefix("C-"), key.count == 3, let letter = key.utf8.last { return [letter & 0x1F] }
    return Array(key.utf8)
  }

  // MARK: - Expecting

  /// Waits until the screen's text matches `pattern`. A failure shows the screen.
  public func expect(
    _ pattern: String, within limit: Duration = .seconds(10)
  ) async throws(Failure) {
    let expression = try Self.expression(pattern)
    try await expect("the screen matches /\(pattern)/", within: limit) { $0.text.contains(expression) }
  }

  /// Waits until the screen's text does not match `pattern`.
  public func absent(_ pattern: String, within limit: Duration = .seconds(10)) async throws(Failure) {
    let expression = try Self.expression(pattern)
    try await expect("the screen does not match /\(pattern)/", within: limit) { !$0.text.contains(expression) }
  }

  /// Waits until `condition` holds of the screen. It is looked at only between synchronized frames.
  public func expect(
    _ what: String, within limit: Duration = .seconds(10), _ condition: (VirtualScreen) -> Bool
  ) async throws(Failure) {
    let deadline = ContinuousClock.now + limit
    while true {
      let screen = screen
      if !screen.isSynchronizing, condition(screen) { return }
      guard ContinuousClock.now < deadline else {
        throw Failure(.timeout, "not within \(limit): \(what); \(circumstances)")
      }
      try await Self.pause()
    }
  }

  /// What helps to find out why a picture did not come.
  private var circumstances: String {
    let silence = Int((ContinuousClock.now - changed).milliseconds)
    return "status \(exitStatus() ?? -1), \(isSent ? "all keys taken" : "keys not taken"), silent for \(silence) ms, "
      + "screen:\n\(screen.dump)\nwritten last:\n\(recentWords)"
  }

  /// What was written last without its control sequences: also what has gone from the screen since.
  private var recentWords: String {
    line.state.withLock { String(decoding: $0.transcript.suffix(Self.recentBytes), as: UTF8.self) }
      .replacing(#/\e\[[0-9;?]*[A-Za-z]/#, with: " ")
  }

  /// Some seconds of a busy console.
  private static let recentBytes = 6_000

  /// Waits for the end of the program; the wait status.
  public func end(within limit: Duration = .seconds(10)) async throws(Failure) -> Ending {
    let deadline = ContinuousClock.now + limit
    while true {
      if let status = exitStatus() {
        try await drain()
        return Ending(status: status, screen: screen, areSettingsRestored: areSettingsRestored)
      }
      guard ContinuousClock.now < deadline else {
        throw Failure(.timeout, "the program still runs after \(limit); screen:\n\(screen.dump)")
      }
      try await Self.pause()
    }
  }

  /// Waits until everything written so far has been read: a look that began later found nothing.
  private func drain() async throws(Failure) {
    let seen = line.state.withLock { $0.emptyLooks }
    let deadline = ContinuousClock.now + .seconds(5)
    while ContinuousClock.now < deadline, line.state.withLock({ $0.isOpen && $0.emptyLooks < seen + 2 }) {
      try await Self.pause()
    }
  }

  /// Waits until nothing more has come for a moment: for measures and for what must not happen, never to synchronise.
  public func settle(_ quiet: Duration = .milliseconds(60)) async throws(Failure) {
    let deadline = ContinuousClock.now + .seconds(5)
    while ContinuousClock.now - changed < quiet || !isSent, ContinuousClock.now < deadline { try await Self.pause() }
  }

  private static func pause() async throws(Failure) {
    do {
      try await Task.sleep(for: .milliseconds(4))
    } catch {
      throw Failure(.unavailable, "the session was cancelled")
    }
  }

  private static func expression(_ pattern: String) throws(Failure) -> Regex<AnyRegexOutput> {
    do {
      return try Regex(pattern)
    } catch {
      throw Failure(.invalid, "\(pattern) is no regular expression")
    }
  }

  /// How a program left, and what it left behind.
  public struct Ending: Sendable {
    /// As waitpid gives it.
    public let status: Int32
    public let screen: VirtualScreen
    public let areSettingsRestored: Bool

    /// The exit code; nil when a signal ended the program.
    public var exitCode: Int32? { status & 0x7F == 0 ? status >> 8 & 0xFF : nil }
    /// The signal that ended the program.
    public var signal: Int32? { status & 0x7F == 0 ? nil : status & 0x7F }

    /// What is not as it was before the program; empty when the terminal was given back whole.
    public var damage: [String] {
      var damage: [String] = []
      if !areSettingsRestored { damage.append("the line's settings") }
      if screen.isAlternate { damage.append("the alternate screen") }
      if !screen.isCursorVisible { damage.append("the hidden cursor") }
      for mode in [1000, 1002, 1003, 1004, 1006, 2004, 2026] where screen.modes.contains(mode) {
        damage.append("mode \(mode)")
      }
      if screen.look != VirtualScreen.Look() { damage.append("colours or attributes") }
      return damage
    }
  }
}
