internal import Base

/// The opening handshake of RFC 6455 section 4.2.2, seen from the server.
public enum WebSocketHandshake {
  private static let magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  /// The value of `Sec-WebSocket-Accept`, or nil when the key is not the base64 of 16 bytes.
  public static func accept(key: String) -> String? {
    var nonce: [UInt8] = []
    do throws(SocketProtocolError) {
      try Base64.decode(Array(key.utf8).span, into: &nonce)
    } catch {
      return nil
    }
    guard nonce.count == 16 else { return nil }
    var text: [UInt8] = []
    Base64.append(Digest.sha1((key + magic).utf8).span, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends the whole 101. `headers` are lines of the caller's, such as a cookie, without their ends.
  public static func appendResponse(
    accept: String, deflate: DeflateParameters? = nil, headers: [String] = [], to output: inout [UInt8]
  ) {
    var lines = [
      "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
      "Sec-WebSocket-Accept: \(accept)",
    ]
    if let deflate { lines.append("Sec-WebSocket-Extensions: \(deflate.response)") }
    for line in lines + headers {
      output.append(contentsOf: line.utf8)
      output += [0x0D, 0x0A]
    }
    output += [0x0D, 0x0A]
  }
}
