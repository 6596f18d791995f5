public import Base

/// How a console ended. In every case the terminal has been given back.
public enum ConsoleExit: Sendable, Equatable {
  /// The operator left, or whoever ran the console cancelled it; the node goes on.
  case detached
  /// The operator left an embedded console: the node is to stop.
  case quit(stopNode: Bool)
  /// INT, TERM or QUIT from outside; the number of the signal.
  case signalled(Int32)
  /// Nobody sees the screen any more.
  case lostTerminal
  /// This terminal cannot show the console (CONTRACT: exit 2).
  case cannotShow(TerminalRefusal)
  case failed(Failure)
}
