internal import Glibc

/// Where log lines go besides the ring.
public enum LogOutput: Sendable {
  /// Nowhere: the ring alone.
  case none
  /// A descriptor that someone else opened and keeps open: standard error of a headless node.
  case descriptor(Int32, LogFormat)
  /// A rotated file, when a console has the terminal or the node runs in the background.
  case file(RotatingFile, LogFormat)

  /// Standard error.
  public static func standardError(_ format: LogFormat) -> LogOutput { .descriptor(STDERR_FILENO, format) }

  var format: LogFormat? {
    switch self {
    case .none: nil
    case .descriptor(_, let format), .file(_, let format): format
    }
  }
}
