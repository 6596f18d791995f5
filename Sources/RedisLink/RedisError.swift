public import Base

/// What can go wrong between us and Redis. Messages never carry keys, values or credentials.
public enum RedisError: Error, Equatable, Sendable {
  /// No connection came about: name resolution, refused, deadline. The text names the address without credentials.
  case unreachable(String)
  /// The server answers but is not one we work with: too old, a cluster, wrong password, still loading.
  case unsuitable(String)
  /// A deadline passed. The connection is gone: a late answer must not be taken for the next command's.
  case timeout
  /// The bytes were not what the protocol allows here. The connection is gone.
  case protocolViolation(String)
  /// The connection ended, on either side, before the answer came. Whether the command ran is unknown.
  case closed(String)
  /// Too much is waiting on this connection already; nothing was sent.
  case busy
  /// Redis refused the command: its code (`READONLY`, `OOM`, `MOVED`) and its text.
  case server(RedisServerError)
  /// The waiting task was cancelled. Whether the command ran is unknown.
  case cancelled

  /// The same as every face shows it.
  public var failure: Failure {
    switch self {
    case .timeout: Failure(.timeout, "Redis did not answer in time")
    case .cancelled: Failure(.timeout, "the request was cancelled while it waited for Redis")
    case .busy: Failure(.limit, "too many requests wait for Redis", isRetriable: true)
    default: Failure(.unavailable, reason)
    }
  }

  /// One line for health and logs.
  public var reason: String {
    switch self {
    case .unreachable(let text), .unsuitable(let text): text
    case .timeout: "Redis did not answer in time"
    case .protocolViolation(let text): "Redis broke its protocol: \(text)"
    case .closed(let text): "the connection to Redis ended: \(text)"
    case .busy: "too many requests wait for Redis"
    case .server(let error): "Redis refuses: \(error.code)"
    case .cancelled: "cancelled"
    }
  }
}

/// An error reply: `-CODE text`.
public struct RedisServerError: Error, Equatable, Sendable {
  /// The first word: `ERR`, `OOM`, `READONLY`, `MOVED`, …
  public let code: String
  /// The whole line as Redis sent it: outside bytes, to be shown only as such.
  public let line: String

  public init(_ line: String) {
    self.line = line
    let word = line.split(separator: " ", maxSplits: 1).first.map(String.init) ?? ""
    let isCode = !word.isEmpty && word.utf8.count <= 32 && word.utf8.allSatisfy { (65...90).contains($0) || $0 == 95 }
    code = isCode ? word : "ERR"
  }
}
