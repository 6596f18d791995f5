internal import Glibc

/// Why the gateway cannot do what it was asked to.
enum GatewayError: Error, Equatable, Sendable {
  /// A system call failed; `reason` is the kernel's.
  case system(_ attempt: String, reason: String)
  case stopped

  static func system(_ attempt: String, errno code: Int32) -> GatewayError {
    .system(attempt, reason: String(cString: strerror(code)))
  }
}
