internal import ControlPlane

/// What the model wants done in the world. The model itself does no I/O; the console carries these out.
enum Effect: Equatable {
  case perform(Command)
  case ask(Query)
  case setTheme(String)
  case setMouse(Bool)
  /// Milliseconds between two snapshots.
  case setRefresh(Int64)
  /// To the terminal's clipboard by OSC 52.
  case copy(String)
  /// A new file; an existing one is never overwritten.
  case writeFile(path: String, text: String)
  /// A text file to be read whole, at most 1 MiB; what it holds comes back as news.
  case readFile(String)
  /// The operator's editor on a line of a file, in place of the console until it ends.
  case edit(file: String, line: Int)
  case repaint
  case suspend
  case bell
  case detach
  case quit(stopNode: Bool)
}
