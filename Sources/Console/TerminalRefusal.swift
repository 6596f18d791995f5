/// Why this terminal cannot show the console: one sentence, and the exit code that belongs to it.
public struct TerminalRefusal: Error, Equatable, Sendable, CustomStringConvertible {
  /// CONTRACT, Commands: this terminal cannot show the console.
  public static let exitCode: Int32 = 2

  public let message: String

  init(_ reason: String) {
    message =
      "\(reason), so the console cannot be shown; use `signalbox --no-tui` for a node without it, "
      + "or `signalbox status --watch --plain` to follow a running one"
  }

  public var description: String { message }
}
