/// Why a load could not be made, or what a server did that no Socket.IO server may do.
public enum LoadError: Error, Equatable, Sendable {
  /// The scenario asks for what cannot be; the text names field, value and what is allowed.
  case scenario(String)
  /// A system call failed: its name and errno.
  case system(String, Int32)
  /// Not everyone was connected within the scenario's limit.
  case notConnected(ready: Int, of: Int)
  /// The other end broke RFC 6455, Engine.IO or Socket.IO.
  case violation(String)
  /// The process to be measured is gone.
  case serverGone
  case cancelled
}
