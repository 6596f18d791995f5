/// A packet of Socket.IO 5, as it stands in an Engine.IO message:
///
///     <type>[<attachments>-][<namespace>,][<acknowledgement id>][<JSON>]
///     2["message",1]      51-/admin,12["file",{"_placeholder":true,"num":0}]      40/admin,{"token":"t"}
///
/// Decoding checks the JSON and its shape and yields ranges; nothing is copied and nothing is built. What is passed on
/// is the text between two offsets, byte for byte.
public struct SocketIOPacket: Sendable, Equatable {
  public enum Kind: UInt8, Sendable, CaseIterable {
    case connect = 0x30
    case disconnect, event, acknowledgement, connectError, binaryEvent, binaryAcknowledgement
  }

  public struct Limits: Sendable {
    public var attachmentsMax = 64
    /// Of all attachments of one packet.
    public var attachmentBytesMax = 1_000_000
    public var namespaceBytesMax = 256
    /// Of an event's name as it stands in the JSON.
    public var eventNameBytesMax = 256

    public init() {}
  }

  public var kind: Kind
  /// How many binary packets follow.
  public var attachments: Int
  /// Where the namespace is, `/` included; empty for the main namespace.
  public var namespace: Range<Int>
  public var acknowledgementID: UInt64?
  /// Where the JSON is; empty when there is none.
  public var payload: Range<Int>
  /// Of an event: where its name is in the payload, quotes included; empty otherwise.
  public var eventName: Range<Int>

  public var isBinary: Bool { kind == .binaryEvent || kind == .binaryAcknowledgement }
  public var isEvent: Bool { kind == .event || kind == .binaryEvent }
  public var isAcknowledgement: Bool { kind == .acknowledgement || kind == .binaryAcknowledgement }

  /// Reads the payload of an Engine.IO message, which must be UTF-8.
  public static func decode(
    _ text: Span<UInt8>, limits: Limits = Limits()
  ) throws(SocketProtocolError) -> SocketIOPacket {
    guard text.count > 0, let kind = Kind(rawValue: text[0]) else { throw .packetType }
    var position = 1
    var packet = SocketIOPacket(
      kind: kind, attachments: 0, namespace: 0..<0, acknowledgementID: nil, payload: 0..<0, eventName: 0..<0)
    if packet.isBinary { packet.attachments = try attachmentCount(text, &position, limits) }
    packet.namespace = try namespace(text, &position, limits)
    packet.acknowledgementID = try acknowledgementID(text, &position)
    packet.payload = position..<text.count
    try packet.checkPayload(text, limits)
    return packet
  }

  private static func attachmentCount(
    _ text: Span<UInt8>, _ position: inout Int, _ limits: Limits
  ) throws(SocketProtocolError) -> Int {
    var count = 0
    let start = position
    while position < text.count, text[position] &- 0x30 <= 9 {
      count = count * 10 + Int(text[position] &- 0x30)
      guard count <= limits.attachmentsMax else { throw .tooManyAttachments }
      position += 1
    }
    guard position > start, position < text.count, text[position] == 0x2D else { throw .attachmentCount }
    position += 1
    return count
  }

  /// From a slash to the comma, or to the end.
  private static func namespace(
    _ text: Span<UInt8>, _ position: inout Int, _ limits: Limits
  ) throws(SocketProtocolError) -> Range<Int> {
    guard position < text.count, text[position] == 0x2F else { return 0..<0 }
    let start = position
    while position < text.count, text[position] != 0x2C {
      position += 1
      guard position - start <= limits.namespaceBytesMax else { throw .namespace }
    }
    let range = start..<position
    if position < text.count { position += 1 }
    return range.count == 1 ? 0..<0 : range
  }

  /// At most 2^53 - 1, the largest number that a JavaScript client counts to.
  private static func acknowledgementID(
    _ text: Span<UInt8>, _ position: inout Int
  ) throws(SocketProtocolError) -> UInt64? {
    var number: UInt64 = 0
    let start = position
    while position < text.count, text[position] &- 0x30 <= 9 {
      number = number * 10 + UInt64(text[position] &- 0x30)
      guard number < 1 << 53 else { throw .acknowledgementID }
      position += 1
    }
    return position > start ? number : nil
  }

  private mutating func checkPayload(_ text: Span<UInt8>, _ limits: Limits) throws(SocketProtocolError) {
    switch kind {
    case .connect:
      guard !payload.isEmpty else { return }
      guard acknowledgementID == nil, text[payload.lowerBound] == 0x7B else { throw .payload }
      try check(text)
    case .disconnect:
      guard payload.isEmpty, acknowledgementID == nil else { throw .payload }
    case .event, .binaryEvent:
      guard !payload.isEmpty, text[payload.lowerBound] == 0x5B else { throw .payload }
      eventName = try name(text, limits)
    case .acknowledgement, .binaryAcknowledgement:
      guard acknowledgementID != nil, !payload.isEmpty, text[payload.lowerBound] == 0x5B else { throw .payload }
      try check(text)
    case .connectError:
      guard !payload.isEmpty, text[payload.lowerBound] == 0x7B || text[payload.lowerBound] == 0x22 else {
        throw .payload
      }
      try check(text)
    }
    if isBinary { try Placeholders.check(text.extracting(payload), attachments: attachments) }
  }

  private func check(_ text: Span<UInt8>) throws(SocketProtocolError) {
    do throws(JSONError) {
      try JSONScanner.validate(text.extracting(payload))
    } catch {
      throw .json(error)
    }
  }

  /// Checks an event's array and returns where its first element is, which must be a name that a client may use.
  private func name(_ text: Span<UInt8>, _ limits: Limits) throws(SocketProtocolError) -> Range<Int> {
    let json = text.extracting(payload)
    let first: Range<Int>?
    do throws(JSONError) {
      var scanner = JSONScanner()
      try scanner.enterArray(json)
      first = try scanner.nextElement(json)
      while try scanner.nextElement(json) != nil {}
      try scanner.finish(json)
    } catch {
      throw .json(error)
    }
    guard let first, json[first.lowerBound] == 0x22 else { throw .payload }
    guard first.count <= limits.eventNameBytesMax + 2, !Self.isReserved(json, first) else { throw .eventName }
    return payload.lowerBound + first.lowerBound..<payload.lowerBound + first.upperBound
  }

  /// Names that only the libraries themselves emit (socket.io-parser's RESERVED_EVENTS).
  private static func isReserved(_ json: Span<UInt8>, _ name: Range<Int>) -> Bool {
    JSONString.equals(json, name, "connect") || JSONString.equals(json, name, "connect_error")
      || JSONString.equals(json, name, "disconnect") || JSONString.equals(json, name, "disconnecting")
      || JSONString.equals(json, name, "newListener") || JSONString.equals(json, name, "removeListener")
  }

  // MARK: Writing

  /// Appends what stands before the JSON, the Engine.IO type `4` included. A namespace of `/` or nothing is
  /// the main one.
  public static func appendHead(
    _ kind: Kind, attachments: Int = 0, namespace: String = "/", acknowledgementID: UInt64? = nil,
    to output: inout [UInt8]
  ) {
    output.append(EngineIOPacket.Kind.message.rawValue)
    output.append(kind.rawValue)
    if kind == .binaryEvent || kind == .binaryAcknowledgement {
      output.append(contentsOf: "\(attachments)-".utf8)
    }
    if namespace.utf8.count > 1 {
      output.append(contentsOf: namespace.utf8)
      output.append(0x2C)
    }
    if let acknowledgementID { Decimal.append(acknowledgementID, to: &output) }
  }

  /// `40{"sid":"…"}`, with the key `pid` only where the state can be recovered.
  public static func appendConnected(
    sid: String, pid: String? = nil, namespace: String = "/", to output: inout [UInt8]
  ) {
    appendHead(.connect, namespace: namespace, to: &output)
    output.append(contentsOf: "{\"sid\":".utf8)
    JSONString.append(sid, to: &output)
    if let pid {
      output.append(contentsOf: ",\"pid\":".utf8)
      JSONString.append(pid, to: &output)
    }
    output.append(0x7D)
  }

  /// `44/namespace,{"message":"…"}`.
  public static func appendConnectError(_ message: String, namespace: String = "/", to output: inout [UInt8]) {
    appendHead(.connectError, namespace: namespace, to: &output)
    output.append(contentsOf: "{\"message\":".utf8)
    JSONString.append(message, to: &output)
    output.append(0x7D)
  }

  /// `41` or `41/namespace,`.
  public static func appendDisconnect(namespace: String = "/", to output: inout [UInt8]) {
    appendHead(.disconnect, namespace: namespace, to: &output)
  }
}

/// Decimal numbers without a `String`.
enum Decimal {
  static func append(_ number: UInt64, to output: inout [UInt8]) {
    let start = output.count
    var left = number
    repeat {
      output.append(0x30 + UInt8(left % 10))
      left /= 10
    } while left > 0
    output[start...].reverse()
  }
}
