/// A text frame of the raw WebSocket at `/ws`: `{"event":"…","data":…,"id":…}`. `data` may be any JSON, or missing;
/// `id` is a string or a number, wants an answer, and comes back in it byte for byte. Other keys are ignored, and of
/// a key that is there twice the last counts, as `JSON.parse` has it.
public struct RawMessage: Sendable, Equatable {
  public static let idBytesMax = 128
  public static let eventBytesMax = 256

  /// Where the event's name is, quotes included.
  public var event: Range<Int>
  /// Where the data is; empty when it is missing.
  public var data: Range<Int>
  /// Where the id is; empty when it is missing.
  public var id: Range<Int>

  public static func decode(_ text: Span<UInt8>) throws(SocketProtocolError) -> RawMessage {
    var message = RawMessage(event: 0..<0, data: 0..<0, id: 0..<0)
    do throws(JSONError) {
      var scanner = JSONScanner()
      try scanner.enterObject(text)
      while let (key, value) = try scanner.nextMember(text) {
        if JSONString.equals(text, key, "event") { message.event = value }
        if JSONString.equals(text, key, "data") { message.data = value }
        if JSONString.equals(text, key, "id") { message.id = value }
      }
      try scanner.finish(text)
    } catch {
      throw .json(error)
    }
    guard !message.event.isEmpty, text[message.event.lowerBound] == 0x22 else { throw .payload }
    guard message.event.count <= eventBytesMax + 2 else { throw .eventName }
    if let first = message.id.first {
      let isNumber = text[first] == 0x2D || text[first] &- 0x30 <= 9
      guard text[first] == 0x22 || isNumber, message.id.count <= idBytesMax else { throw .acknowledgementID }
    }
    return message
  }

  /// Appends a message; `data` and `id` are JSON, and left out when empty.
  public static func append(
    event: String, data: some Collection<UInt8>, id: some Collection<UInt8> = [], to output: inout [UInt8]
  ) {
    output.append(contentsOf: "{\"event\":".utf8)
    JSONString.append(event, to: &output)
    if !data.isEmpty {
      output.append(contentsOf: ",\"data\":".utf8)
      output.append(contentsOf: data)
    }
    if !id.isEmpty {
      output.append(contentsOf: ",\"id\":".utf8)
      output.append(contentsOf: id)
    }
    output.append(0x7D)
  }
}
