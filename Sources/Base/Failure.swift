/// What went wrong, in the one shape every face of signalbox shows: HTTP status, exit code and colour all derive from
/// `code`; `message` is the one clear line, `hint` the way out.
public struct Failure: Error, Equatable, Sendable, Codable {
  /// The closed list of reasons. A face maps each of them in one table.
  public enum Code: String, Sendable, Codable, CaseIterable {
    /// The request is wrong and will stay wrong: 400, exit 64.
    case invalid
    /// What was named is not there: 404.
    case notFound
    /// It exists already, or another holder has it: 409.
    case conflict
    /// A documented bound was exceeded: 413 or 429.
    case limit
    /// A deadline passed: 504.
    case timeout
    /// A service that is needed does not answer: 503, exit 69.
    case unavailable
    /// The credential does not allow it: 403.
    case denied
    /// No credential, or one that does not verify: 401.
    case unauthenticated
    /// Our own defect: 500.
    case `internal`
  }

  public var code: Code
  public var message: String
  public var hint: String?
  /// Whether the same request may succeed later without being changed.
  public var isRetriable: Bool

  public init(_ code: Code, _ message: String, hint: String? = nil, isRetriable: Bool? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
    self.isRetriable = isRetriable ?? (code == .timeout || code == .unavailable)
  }

  /// The process exit code of CONTRACT: 64 wrong usage or settings, 69 a needed service is missing, 1 otherwise.
  public var exitCode: Int32 {
    switch code {
    case .invalid: 64
    case .unavailable: 69
    default: 1
    }
  }

  /// The HTTP status of the problem document that carries this failure.
  public var httpStatus: Int {
    switch code {
    case .invalid: 400
    case .unauthenticated: 401
    case .denied: 403
    case .notFound: 404
    case .conflict: 409
    case .limit: 413
    case .internal: 500
    case .unavailable: 503
    case .timeout: 504
    }
  }

  /// Message and hint on one line, as commands print it.
  public var line: String {
    guard let hint else { return message }
    return "\(message) (\(hint))"
  }
}
