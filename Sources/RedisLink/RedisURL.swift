public import Base

/// Where Redis is: `redis://[user:pass@]host:port[/db]` or `unix:///path`.
public struct RedisURL: Sendable, Equatable, CustomStringConvertible {
  public enum Address: Sendable, Equatable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }

  public let address: Address
  public let user: String?
  public let password: Secret?
  public let database: Int

  /// What is accepted, for messages.
  public static let rule = "redis://[user:pass@]host[:port][/db] or unix:///path"

  public init(address: Address, user: String? = nil, password: Secret? = nil, database: Int = 0) {
    self.address = address
    self.user = user
    self.password = password
    self.database = database
  }

  /// Throws `invalid` with one line that never contains the text itself: it may carry a password.
  public init(_ text: String) throws(Failure) {
    guard let separator = text.firstRange(of: "://") else { throw Self.refusal("there is no scheme") }
    let scheme = text[..<separator.lowerBound].lowercased()
    let rest = text[separator.upperBound...]
    switch scheme {
    case "redis": try self.init(network: rest)
    case "unix": try self.init(socketPath: rest)
    case "rediss":
      throw Failure(
        .invalid, "rediss:// is not supported: this build of hiredis has no TLS",
        hint: "terminate TLS beside signalbox, for example with stunnel, and use redis:// or unix://")
    default: throw Self.refusal("the scheme is not one of redis, unix")
    }
  }

  private init(socketPath rest: Substring) throws(Failure) {
    let path = try Self.decoded(rest, "the path")
    guard path.hasPrefix("/") else { throw Self.refusal("the socket path is not absolute") }
    guard path.utf8.count <= 107, !path.utf8.contains(0) else {
      throw Self.refusal("the socket path is longer than 107 bytes")
    }
    self.init(address: .unix(path: path))
  }

  private init(network rest: Substring) throws(Failure) {
    var authority = rest
    var database = 0
    if let slash = rest.lastIndex(of: "/"), rest[slash...].allSatisfy({ $0 == "/" || $0.isNumber }) {
      authority = rest[..<slash]
      let digits = rest[rest.index(after: slash)...]
      if !digits.isEmpty {
        guard let number = Int(digits), (0...1_023).contains(number) else {
          throw Self.refusal("the database is not a number of 0…1023")
        }
        database = number
      }
    }
    var user: String?
    var password: Secret?
    if let at = authority.lastIndex(of: "@") {
      let credentials = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard credentials.count == 2 else { throw Self.refusal("credentials are user:password or :password") }
      let name = try Self.decoded(credentials[0], "the user")
      user = name.isEmpty ? nil : name
      password = Secret(try Self.decoded(credentials[1], "the password"))
      authority = authority[authority.index(after: at)...]
    }
    let (host, port) = try Self.hostAndPort(authority)
    self.init(address: .tcp(host: host, port: port), user: user, password: password, database: database)
  }

  private static func hostAndPort(_ authority: Substring) throws(Failure) -> (String, UInt16) {
    var host = authority
    var portText: Substring = "6379"
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else { throw refusal("the address has no closing bracket") }
      host = authority[authority.index(after: authority.startIndex)..<close]
      let after = authority[authority.index(after: close)...]
      guard after.isEmpty || after.hasPrefix(":") else { throw refusal("something follows the address") }
      if !after.isEmpty { portText = after.dropFirst() }
    } else if let colon = authority.lastIndex(of: ":") {
      host = authority[..<colon]
      portText = authority[authority.index(after: colon)...]
      guard !host.contains(":") else { throw refusal("an IPv6 address stands in brackets") }
    }
    let isPlain = host.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"/?%".utf8.contains($0) }
    guard !host.isEmpty, host.utf8.count <= 253, isPlain else { throw refusal("the host is empty or malformed") }
    guard let port = UInt16(portText), port > 0 else { throw refusal("the port is not a number of 1…65535") }
    return (String(host), port)
  }

  private static func decoded(_ text: Substring, _ what: String) throws(Failure) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
        throw refusal("\(what) has a percent sign without two hexadecimal digits")
      }
      bytes.append(high << 4 | low)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else { throw refusal("\(what) is not UTF-8") }
    return decoded
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }

  private static func refusal(_ reason: String) -> Failure {
    Failure(.invalid, "REDIS_URL is not a Redis address: \(reason)", hint: "accepted: \(rule)")
  }

  /// Host and port, or the path: never a credential.
  public var description: String {
    switch address {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }
}
