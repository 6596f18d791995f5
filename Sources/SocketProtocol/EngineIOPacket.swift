/// A packet of Engine.IO 4: one type digit and a payload; `4hello` is a message. A binary message has no digit: it is a
/// binary WebSocket frame, or base64 behind a `b` in a polling payload.
public struct EngineIOPacket: Sendable, Equatable {
  public enum Kind: UInt8, Sendable, CaseIterable {
    case open = 0x30
    case close, ping, pong, message, upgrade, noop
  }

  public var kind: Kind
  /// Where the payload is in the bytes that were decoded.
  public var payload: Range<Int>

  public init(_ kind: Kind, payload: Range<Int>) {
    self.kind = kind
    self.payload = payload
  }

  /// Reads a text packet.
  public static func decode(_ text: Span<UInt8>) throws(SocketProtocolError) -> EngineIOPacket {
    guard text.count > 0, let kind = Kind(rawValue: text[0]) else { throw .enginePacket }
    return EngineIOPacket(kind, payload: 1..<text.count)
  }

  /// Appends a text packet.
  public static func append(_ kind: Kind, _ payload: some Sequence<UInt8> = [], to output: inout [UInt8]) {
    output.append(kind.rawValue)
    output.append(contentsOf: payload)
  }

  /// Whether `payload` is exactly `probe`, as in `2probe` and `3probe`.
  public static func isProbe(_ payload: Span<UInt8>) -> Bool {
    guard payload.count == probe.utf8CodeUnitCount else { return false }
    for offset in payload.indices where payload[offset] != probe.utf8Start[offset] { return false }
    return true
  }

  private static let probe: StaticString = "probe"
}

/// The first packet of a session, `0{…}`.
public struct EngineIOHandshake: Sendable, Equatable {
  public var sid: String
  /// `["websocket"]` on polling, `[]` on WebSocket.
  public var mayUpgrade: Bool
  public var pingIntervalMilliseconds: Int
  public var pingTimeoutMilliseconds: Int
  /// The most a client may put into one POST.
  public var maxPayloadBytes: Int

  public init(
    sid: String, mayUpgrade: Bool, pingIntervalMilliseconds: Int, pingTimeoutMilliseconds: Int, maxPayloadBytes: Int
  ) {
    self.sid = sid
    self.mayUpgrade = mayUpgrade
    self.pingIntervalMilliseconds = pingIntervalMilliseconds
    self.pingTimeoutMilliseconds = pingTimeoutMilliseconds
    self.maxPayloadBytes = maxPayloadBytes
  }

  /// Appends the open packet with its five keys, in the order of the reference server.
  public func append(to output: inout [UInt8]) {
    output.append(contentsOf: "0{\"sid\":".utf8)
    JSONString.append(sid, to: &output)
    output.append(
      contentsOf: """
        ,"upgrades":[\(mayUpgrade ? "\"websocket\"" : "")],"pingInterval":\(pingIntervalMilliseconds),\
        "pingTimeout":\(pingTimeoutMilliseconds),"maxPayload":\(maxPayloadBytes)}
        """.utf8)
  }
}
