/// What the query of an Engine.IO request asks for, and why it is refused.
public struct EngineIORequest: Sendable, Equatable {
  public enum Transport: String, Sendable {
    case polling, websocket
  }

  /// With the numbers and words of the reference server, which clients show.
  public enum Refusal: Int, Error, Sendable {
    case transportUnknown = 0
    case sessionUnknown = 1
    case badMethod = 2
    case badRequest = 3
    case forbidden = 4
    case unsupportedVersion = 5

    public var message: String {
      switch self {
      case .transportUnknown: "Transport unknown"
      case .sessionUnknown: "Session ID unknown"
      case .badMethod: "Bad handshake method"
      case .badRequest: "Bad request"
      case .forbidden: "Forbidden"
      case .unsupportedVersion: "Unsupported protocol version"
      }
    }

    /// The body of the 400 (403 for `forbidden`).
    public var body: String { "{\"code\":\(rawValue),\"message\":\"\(message)\"}" }
  }

  public var transport: Transport
  /// Nil for a handshake.
  public var sid: String?

  /// `query` is what stands behind the question mark. A session id is never percent-encoded, so nothing is decoded.
  public init(query: Substring, method: String, isUpgrade: Bool) throws(Refusal) {
    var values: (version: Substring?, transport: Substring?, sid: Substring?) = (nil, nil, nil)
    for pair in query.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      switch parts[0] {
      case "EIO": values.version = parts[1]
      case "transport": values.transport = parts[1]
      case "sid": values.sid = parts[1]
      default: break
      }
    }
    guard let name = values.transport, let transport = Transport(rawValue: String(name)) else {
      throw .transportUnknown
    }
    guard values.version == "4" else { throw .unsupportedVersion }
    guard isUpgrade == (transport == .websocket) else { throw .badRequest }
    if values.sid == nil, method != "GET" { throw .badMethod }
    if let sid = values.sid, sid.isEmpty || sid.utf8.count > 64 { throw .sessionUnknown }
    guard method == "GET" || method == "POST" else { throw .badMethod }
    self.transport = transport
    sid = values.sid.map(String.init)
  }
}
