/// The values of an HTTP exchange as a client sees it: the seam between whoever has something to ask and whoever owns
/// sockets. They are in a namespace, because the libraries that serve HTTP have types of the same names.
public enum HTTP {
  /// One HTTP request, whole.
  public struct Request: Sendable {
    public enum Method: String, Sendable {
      case get = "GET"
      case head = "HEAD"
      case post = "POST"
      case put = "PUT"
      case patch = "PATCH"
      case delete = "DELETE"
    }

    public var method: Method
    /// `http://host:port/path?query`, `https://…`, or `http+unix://%2Fpath%2Fof%2Fsocket/path?query` (`unixURL`).
    public var url: String
    /// May hold credentials: a request is never logged.
    public var headers: HTTP.Headers
    /// Empty means no body.
    public var body: [UInt8]

    public init(_ method: Method, _ url: String, headers: HTTP.Headers = [:], body: [UInt8] = []) {
      self.method = method
      self.url = url
      self.headers = headers
      self.body = body
    }

    /// The URL of `path` (with its query, percent-encoded by the caller) on a server that listens on a unix socket.
    public static func unixURL(socket: String, path: String) -> String {
      let digits = Array("0123456789ABCDEF")
      var host = ""
      for byte in socket.utf8 {
        let letter = Character(UnicodeScalar(byte))
        if letter.isASCII && (letter.isLetter || letter.isNumber || "-._".contains(letter)) {
          host.append(letter)
        } else {
          host += ["%", digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
      }
      return "http+unix://\(host)\(path.hasPrefix("/") ? "" : "/")\(path)"
    }
  }

  /// Header fields in their order. Names are compared without case.
  public struct Headers: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    public struct Field: Sendable, Equatable {
      public var name: String
      public var value: String

      public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
      }
    }

    public var fields: [Field]

    public init(_ fields: [Field] = []) { self.fields = fields }

    public init(dictionaryLiteral elements: (String, String)...) { fields = elements.map { Field($0, $1) } }

    /// The first value of that name. Setting replaces all of them; nil removes them.
    public subscript(name: String) -> String? {
      get { fields.first { Self.isSame($0.name, name) }?.value }
      set {
        fields.removeAll { Self.isSame($0.name, name) }
        if let newValue { fields.append(Field(name, newValue)) }
      }
    }

    private static func isSame(_ left: String, _ right: String) -> Bool { left.lowercased() == right.lowercased() }
  }

  /// Status and header fields of an answer, before its body.
  public struct Head: Sendable, Equatable {
    public var status: Int
    public var headers: HTTP.Headers

    public init(status: Int, headers: HTTP.Headers = [:]) {
      self.status = status
      self.headers = headers
    }

    public var isSuccess: Bool { (200..<300).contains(status) }
  }

  /// A whole answer. Any status is an answer; what it means is up to the caller.
  public struct Response: Sendable, Equatable {
    public var head: HTTP.Head
    public var body: [UInt8]

    public init(head: HTTP.Head, body: [UInt8] = []) {
      self.head = head
      self.body = body
    }

    public var status: Int { head.status }
    public var headers: HTTP.Headers { head.headers }
    public var isSuccess: Bool { head.isSuccess }
  }

  /// What one exchange may cost.
  public struct Limits: Sendable, Equatable {
    /// Bytes of the response's body. More is an error, also of a stream.
    public var bodyMax: Int
    /// For all of it: connecting, sending, and the last byte of the answer.
    public var deadline: Duration

    public init(bodyMax: Int = 8 << 20, deadline: Duration = .seconds(30)) {
      self.bodyMax = bodyMax
      self.deadline = deadline
    }
  }

  /// A streamed answer, part by part: the head once, then pieces of the body.
  public enum Part: Sendable, Equatable {
    case head(HTTP.Head)
    /// Never empty, at most `chunkMax` bytes.
    case chunk([UInt8])

    public static let chunkMax = 64 << 10
  }

  /// Whether the receiver of a stream wants more of it.
  public enum Demand: Sendable {
    case more
    /// Ends the exchange here, without an error; the connection is closed and not used again.
    case stop
  }

  /// Why there was no whole answer. Messages name hosts and sockets, never headers, bodies or paths.
  public enum Problem: Error, Equatable, Sendable {
    /// The request itself is wrong: its URL or a header field.
    case invalidRequest(String)
    /// No connection came about, and nothing was sent: no such name, refused, no trust in the certificate.
    case unreachable(String)
    /// The connection ended, or broke the protocol, before the answer was whole. The server may have acted on it.
    case interrupted(String)
    /// The deadline passed. The server may have acted on the request.
    case timeout
    /// The answer has more bytes than the limit.
    case tooLarge(limit: Int)
    case cancelled
    /// What `receive` threw.
    case receiver(String)

    public var failure: Failure {
      switch self {
      case .invalidRequest(let reason): Failure(.invalid, "this is no usable HTTP request: \(reason)")
      case .unreachable(let reason): Failure(.unavailable, reason)
      case .interrupted(let reason): Failure(.unavailable, reason)
      case .timeout: Failure(.timeout, "the server did not answer in time")
      case .tooLarge(let limit): Failure(.limit, "the server's answer has more than \(limit) bytes")
      case .cancelled: Failure(.timeout, "the request was cancelled")
      case .receiver(let reason): Failure(.internal, "the answer could not be used: \(reason)")
      }
    }
  }
}

/// Asks HTTP servers. Redirects are not followed: a credential goes to the server it is meant for, and to no other.
/// Cancelling the task ends the exchange.
public protocol HTTPExchange: Sendable {
  /// Sends a request and waits for the whole answer, whatever its status.
  func exchange(_ request: HTTP.Request, limits: HTTP.Limits) async throws(HTTP.Problem) -> HTTP.Response

  /// Sends a request and hands over the answer as it comes. No more is read from the server before `receive` returns,
  /// so a slow receiver slows the sender; but it counts against the deadline.
  func stream(
    _ request: HTTP.Request, limits: HTTP.Limits, receive: @escaping @Sendable (HTTP.Part) async throws -> HTTP.Demand
  ) async throws(HTTP.Problem)
}
