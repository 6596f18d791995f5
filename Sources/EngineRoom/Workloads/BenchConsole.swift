internal import Base
internal import Glibc
internal import Pty

/// A console on a terminal of its own: the real program, started, driven and looked at as a person would. It never
/// sees the terminal of whoever runs the bench.
final class BenchConsole: Sendable {
  static let width = 120
  static let height = 40
  private static let deadline = Duration.seconds(60)
  /// Between two looks at the screen. No figure has this in it: times are those at which bytes came.
  private static let lookInterval = Duration.milliseconds(1)

  let session: PtySession
  private let began: ContinuousClock.Instant

  /// `environment`: of the node that it is to reach or to be, see `BenchNode.environment`.
  init(
    _ bench: Workbench, _ arguments: [String], environment: [String: String], width: Int = width, height: Int = height
  ) throws(Failure) {
    var options = PtySession.Options(width: width, height: height, environment: environment)
    // The dearest colours, which most terminals have by now.
    options.environment.merge(["TERM": "xterm-256color", "COLORTERM": "truecolor"]) { $1 }
    began = .now
    session = try PtySession(bench.executable, arguments, options)
  }

  /// A console attached to `node`, with its whole first frame on the screen.
  static func attached(
    _ bench: Workbench, to node: BenchNode, width: Int = width, height: Int = height
  ) async throws(Failure) -> BenchConsole {
    let environment = BenchNode.environment(folder: bench.folder, socket: node.socketPath)
    let console = try BenchConsole(bench, ["attach"], environment: environment, width: width, height: height)
    do throws(Failure) {
      _ = try await console.firstFrame()
      return console
    } catch {
      console.session.close()
      throw error
    }
  }

  /// From before the start of the program until its first frame was whole: every border and the footer, and the node's
  /// own figures and log lines in it, not only an empty frame.
  func firstFrame() async throws(Failure) -> Duration {
    try await began.duration(to: shown("the first frame") { Self.isWhole($0) && $0.text.contains(" INFO ") })
  }

  /// When the screen came to satisfy `condition` with more than `bytes` written: the time of the last byte that had
  /// come by then.
  func shown(
    _ what: String, after bytes: Int = 0, _ condition: (VirtualScreen) -> Bool
  ) async throws(Failure) -> ContinuousClock.Instant {
    let end = ContinuousClock.now + Self.deadline
    while ContinuousClock.now < end {
      let time = session.look { $1 > bytes && !$0.isSynchronizing && condition($0) ? $2 : nil }
      if let time { return time }
      if let status = session.exitStatus() { throw Failure(.internal, "the console ended: wait status \(status)") }
      try await pause(Self.lookInterval)
    }
    throw Failure(.timeout, "the console did not show \(what) within \(Self.deadline)")
  }

  /// Presses a key and returns the time until what it changed was on the screen.
  func paintTime(of key: String) async throws(Failure) -> Duration {
    try await quiet()
    let bytes = session.bytes
    let pressed = ContinuousClock.now
    session.press(key)
    return try await pressed.duration(to: shown("what \(key) does", after: bytes) { _ in true })
  }

  /// Waits until the console has written nothing for a moment: a frame on its way is whole then.
  func quiet(_ duration: Duration = .milliseconds(10)) async throws(Failure) {
    let end = ContinuousClock.now + Self.deadline
    while session.changed.duration(to: .now) < duration, ContinuousClock.now < end { try await pause(.milliseconds(2)) }
  }

  private func pause(_ duration: Duration) async throws(Failure) {
    do { try await Task.sleep(for: duration) } catch { throw Failure(.unavailable, "the bench was cancelled") }
  }

  /// The header with the node's figures, the frame's last line, and the footer.
  static func isWhole(_ screen: VirtualScreen) -> Bool {
    guard screen.isAlternate, screen.height > 2 else { return false }
    let last = screen.line(screen.height - 2)
    return screen.line(0).contains(" up ") && last.hasPrefix("└") && last.hasSuffix("┘")
      && screen.line(screen.height - 1).contains("quit")
  }
}
