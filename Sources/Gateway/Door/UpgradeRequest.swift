internal import NIOHTTP1
internal import SocketProtocol

/// The opening handshake of a WebSocket (RFC 6455, section 4.2).
enum UpgradeRequest {
  static let version = "13"

  /// Whether the client asks to leave HTTP for WebSocket: `Connection` names `upgrade` and `Upgrade` names `websocket`.
  static func isAsked(_ head: HTTPRequestHead) -> Bool {
    head.headers[canonicalForm: "Connection"].contains { $0.lowercased() == "upgrade" }
      && head.headers[canonicalForm: "Upgrade"].contains { $0.lowercased() == "websocket" }
  }

  /// The value of Sec-WebSocket-Accept, when the request is a handshake to the letter: GET, HTTP/1.1, one key of 16
  /// bytes in base64.
  static func accept(_ head: HTTPRequestHead) -> String? {
    let keys = head.headers["Sec-WebSocket-Key"]
    guard head.method == .GET, head.version == .http1_1, keys.count == 1 else { return nil }
    return WebSocketHandshake.accept(key: keys[0])
  }

  static func hasVersion(_ head: HTTPRequestHead) -> Bool { head.headers["Sec-WebSocket-Version"] == [version] }
}
