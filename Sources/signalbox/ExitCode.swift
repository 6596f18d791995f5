internal import ArgumentParser

/// The exit codes of the program beyond success (0) and failure (1).
extension ExitCode {
  /// This terminal cannot show the console.
  static let noTerminal = ExitCode(2)
  /// Wrong usage or settings: `EX_USAGE` of sysexits.h.
  static let usage = ExitCode(64)
  /// A service that is needed is not there: `EX_UNAVAILABLE`.
  static let unavailable = ExitCode(69)
  /// Stopped by a signal: 128 and its number, so 130 after Ctrl-C.
  static func stopped(by signal: Int32) -> ExitCode { ExitCode(128 + signal) }
}
