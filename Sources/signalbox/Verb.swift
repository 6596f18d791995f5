internal import ArgumentParser
internal import Base

/// A command of the tree. Throw a `Failure` for one line on stderr and its exit code, or an `ExitCode` when everything
/// has been said already.
protocol Verb: ParsableCommand, Sendable {
  /// Ctrl-C cancels the task of `perform` and ends the process with 130. A node answers signals by itself.
  static var handlesSignalsItself: Bool { get }

  func perform(_ call: Invocation) async throws
}

extension Verb {
  static var handlesSignalsItself: Bool { false }
}
