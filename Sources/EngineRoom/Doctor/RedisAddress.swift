public import Base

/// Where a Redis server is: `redis://[user:pass@]host:port[/db]` or `unix:///path`. The password shows nowhere.
public struct RedisAddress: Sendable, Equatable, CustomStringConvertible {
  public enum Endpoint: Sendable, Equatable {
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  public var endpoint: Endpoint
  public var user: String?
  public var password: Secret?
  public var database: Int

  public static let form = "redis://[user:pass@]host:port[/db] or unix:///path"

  /// Reads the text of `REDIS_URL`. Throws `.invalid` with the reason alone: the caller names the setting, and the
  /// text itself may hold a password.
  public init(_ text: String) throws(Failure) {
    guard text.utf8.count <= 2_048, text.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else {
      throw Failure(.invalid, "has spaces or control characters, or is longer than 2048 bytes")
    }
    if text.hasPrefix("rediss://") {
      throw Failure(
        .invalid, "asks for TLS (rediss://), which is not supported; put a TLS proxy such as stunnel before")
    }
    if text.hasPrefix("unix://") {
      try self.init(unix: text.dropFirst("unix://".count))
    } else if text.hasPrefix("redis://") {
      try self.init(tcp: text.dropFirst("redis://".count))
    } else {
      throw Failure(.invalid, "begins with neither redis:// nor unix://")
    }
  }

  private init(unix path: Substring) throws(Failure) {
    guard path.hasPrefix("/"), (2...107).contains(path.utf8.count) else {
      throw Failure(.invalid, "needs an absolute path of at most 107 bytes after unix://")
    }
    endpoint = .unix(path: String(path))
    database = 0
  }

  private init(tcp text: Substring) throws(Failure) {
    var rest = text
    if let at = rest.lastIndex(of: "@") {
      let credentials = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      user = credentials[0].isEmpty ? nil : Self.decoded(credentials[0])
      password = credentials.count == 2 ? Secret(Self.decoded(credentials[1])) : nil
      rest = rest[rest.index(after: at)...]
    }
    let pieces = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    database = try Self.database(pieces.count == 2 ? pieces[1] : "")
    endpoint = try Self.endpoint(pieces[0])
  }

  private static func database(_ text: Substring) throws(Failure) -> Int {
    if text.isEmpty { return 0 }
    guard let number = Int(text), (0...65_535).contains(number) else {
      throw Failure(.invalid, "needs a database number after the last slash")
    }
    return number
  }

  private static func endpoint(_ authority: Substring) throws(Failure) -> Endpoint {
    var host = authority
    var port = 6_379
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      guard let number = Int(authority[authority.index(after: colon)...]), (1...65_535).contains(number) else {
        throw Failure(.invalid, "needs a port from 1 to 65535 after the host")
      }
      host = authority[..<colon]
      port = number
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw Failure(.invalid, "needs brackets around an IPv6 address")
    }
    guard !host.isEmpty, host.utf8.count <= 255, !host.contains(where: { "@?#/\\".contains($0) }) else {
      throw Failure(.invalid, "names no host")
    }
    return .tcp(host: String(host), port: port)
  }

  /// Percent-decoding; what is no valid escape stays as it is.
  private static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The address without its credentials.
  public var description: String {
    switch endpoint {
    case .unix(let path): "unix://\(path)"
    case .tcp(let host, let port):
      "redis://\(password == nil && user == nil ? "" : "***@")\(host.contains(":") ? "[\(host)]" : host):\(port)"
        + (database == 0 ? "" : "/\(database)")
    }
  }
}
