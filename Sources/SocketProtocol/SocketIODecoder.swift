/// Puts binary packets together: the text that announces attachments, and the binary messages that follow it. A
/// packet without attachments is answered at once as ranges of the text given, with nothing kept. One with
/// attachments is kept until the last has come. Between them nothing else may come on the same connection, whatever
/// its namespace (socket.io-parser: "got plaintext data when reconstructing a packet").
public struct SocketIODecoder: Sendable {
  /// A packet with all its attachments.
  public struct BinaryPacket: Sendable, Equatable {
    /// Its ranges are in `text`.
    public var packet: SocketIOPacket
    public var text: [UInt8]
    public var attachments: [[UInt8]]
  }

  public enum Output: Sendable, Equatable {
    /// Complete; ranges are in the text given.
    case packet(SocketIOPacket)
    case needsAttachments
  }

  private indirect enum State: Sendable {
    case idle
    case gathering(BinaryPacket, bytes: Int)
  }

  private var state: State = .idle

  public init() {}

  /// Whether attachments are due.
  public var isGathering: Bool { if case .idle = state { false } else { true } }

  /// Takes the payload of a text message. A `binaryEvent` with no attachments is complete too.
  public mutating func text(
    _ text: Span<UInt8>, limits: SocketIOPacket.Limits
  ) throws(SocketProtocolError) -> Output {
    guard !isGathering else { throw .textInsideAttachments }
    let packet = try SocketIOPacket.decode(text, limits: limits)
    guard packet.attachments > 0 else { return .packet(packet) }
    let copy = text.withUnsafeBufferPointer { Array($0) }
    state = .gathering(BinaryPacket(packet: packet, text: copy, attachments: []), bytes: 0)
    return .needsAttachments
  }

  /// Takes a binary message. Returns the packet when it was the last.
  public mutating func binary(
    _ bytes: Span<UInt8>, limits: SocketIOPacket.Limits
  ) throws(SocketProtocolError) -> BinaryPacket? {
    guard case .gathering(var binary, let before) = state else { throw .attachmentWithoutPacket }
    // The arrays are changed in place only while nobody else holds them.
    state = .idle
    guard bytes.count <= limits.attachmentBytesMax - before else { throw .attachmentsTooLarge }
    binary.attachments.append(bytes.withUnsafeBufferPointer { Array($0) })
    if binary.attachments.count == binary.packet.attachments { return binary }
    state = .gathering(binary, bytes: before + bytes.count)
    return nil
  }
}
