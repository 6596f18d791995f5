internal import Base
internal import ControlPlane
internal import FoundationEssentials

/// Messages to frames and back.
enum WireCodec {
  static func frame(_ message: ClientMessage) throws(Failure) -> [UInt8] {
    try Frame.encode(json(message), bytesMax: Frame.clientBytesMax)
  }

  static func frame(_ message: ServerMessage) throws(Failure) -> [UInt8] {
    try Frame.encode(json(message), bytesMax: Frame.serverBytesMax)
  }

  /// Nil when the payload is not that message.
  static func decode<Message: Decodable>(_ type: Message.Type, _ payload: [UInt8]) -> Message? {
    // Why it does not decode would quote the other side's bytes; that it does not is all a caller can act on.
    try? JSONDecoder().decode(type, from: Data(payload))
  }

  private static func json(_ message: some Encodable) throws(Failure) -> Data {
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .withoutEscapingSlashes
      return try encoder.encode(message)
    } catch {
      throw Failure(.internal, "a control message cannot be written as JSON")
    }
  }
}

/// What can be read of a client message whose verb this node does not know: enough to answer it.
struct UnknownRequest: Decodable {
  struct Identity: Decodable { var id: UInt64 }
  var request: Identity
}

/// The same for a client that reads a newer node's message.
struct UnknownServerMessage: Decodable {
  struct Identity: Decodable { var id: UInt64 }
  var response: Identity?
  var event: Identity?
}
