public import Base

/// Why a run did not come to a result.
public enum SandboxError: Error, Equatable, Sendable {
  /// The request itself is wrong.
  case invalid(String)
  /// Something the sandbox needs is not there; the second text is the way out.
  case unavailable(String, fix: String)
  /// The queue is full.
  case busy(waiting: Int)
  /// The kernel did not enforce what was asked for, or the launcher failed.
  case broken(String)
  /// The caller stopped it before it began.
  case cancelled

  public var failure: Failure {
    switch self {
    case .invalid(let text): Failure(.invalid, text)
    case .unavailable(let text, let fix): Failure(.unavailable, text, hint: fix)
    case .busy(let waiting):
      Failure(.limit, "the sandbox is busy: \(waiting) runs are waiting", hint: "try again later", isRetriable: true)
    case .broken(let text): Failure(.internal, "the sandbox failed: \(text)")
    case .cancelled: Failure(.timeout, "the run was cancelled before it began", isRetriable: true)
    }
  }
}
