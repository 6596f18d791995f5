internal import ArgumentParser

/// The exit codes of the program beyond success (0) and failure (1).
extension ExitCode {
  /// This terminal cannot show the console.
  static let noTerminal = ExitCode(2)
  /// Wrong usage or settings: `EX_USAGE` of sysexits.h.
  static let usage = ExitCode(64)
  /// A service that is needed is not there: `EX_UNAVAILABLE`.
  static let unavailable = ExitCode(69)
  /// Of `run`: the program's time ran out, as timeout(1) says it.
  static let timedOut = ExitCode(124)
  /// Of `run`: the sandbox itself failed.
  static let sandboxFailed = ExitCode(125)
  /// Of `run`: validation blocked the program.
  static let blocked = ExitCode(126)
  /// Stopped by a signal: 128 and its number, so 130 after Ctrl-C.
  static func stopped(by signal: Int32) -> ExitCode { ExitCode(128 + signal) }
}
