/// What a peer sent that the protocols above the frames do not allow. The connection is closed.
public enum SocketProtocolError: Error, Equatable, Sendable {
  /// Engine.IO: no packet, or a type that is none of `0`...`6`.
  case enginePacket
  case base64
  case notText
  case tooManyPackets
  /// Socket.IO: no packet, or a type that is none of `0`...`6`.
  case packetType
  case attachmentCount
  case tooManyAttachments
  case attachmentsTooLarge
  case namespace
  case acknowledgementID
  /// The payload is no JSON of the shape that the packet's type wants.
  case payload
  case eventName
  case placeholder
  case textInsideAttachments
  case attachmentWithoutPacket
  case json(JSONError)

  /// For the log; names nothing that the peer sent.
  public var reason: StaticString {
    switch self {
    case .enginePacket: "not an Engine.IO packet"
    case .base64: "a binary packet is not base64"
    case .notText: "a packet is not UTF-8"
    case .tooManyPackets: "a payload has too many packets"
    case .packetType: "not a Socket.IO packet"
    case .attachmentCount: "the number of attachments is missing"
    case .tooManyAttachments: "a packet has too many attachments"
    case .attachmentsTooLarge: "a packet's attachments are too large"
    case .namespace: "the namespace is too long"
    case .acknowledgementID: "the acknowledgement id is too large"
    case .payload: "the payload does not fit its packet"
    case .eventName: "the event name is reserved or too long"
    case .placeholder: "a placeholder names no attachment"
    case .textInsideAttachments: "a text packet came where an attachment was due"
    case .attachmentWithoutPacket: "a binary packet belongs to no packet"
    case .json(let error): error.reason
    }
  }
}
