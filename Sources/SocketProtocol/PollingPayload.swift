/// The body of a polling request or answer: packets joined with the record separator 0x1E, binary ones as base64 behind
/// a `b`. A separator cannot stand inside a packet: JSON escapes it, and base64 does not have it.
public struct PollingPayload: Sendable {
  public static let separator: UInt8 = 0x1E

  public enum Packet: Sendable, Equatable {
    /// A text packet; its payload's range is in the body.
    case text(EngineIOPacket)
    /// A binary message: where its base64 is in the body.
    case binary(Range<Int>)
  }

  private var position = 0
  private var packets = 0
  private let packetsMax: Int

  /// Reads a body packet by packet. More than `packetsMax` are refused.
  public init(packetsMax: Int) { self.packetsMax = packetsMax }

  /// The next packet of `body`, nil behind the last. An empty body has one packet, which is not one.
  public mutating func next(_ body: Span<UInt8>) throws(SocketProtocolError) -> Packet? {
    guard position <= body.count else { return nil }
    packets += 1
    guard packets <= packetsMax else { throw .tooManyPackets }
    let start = position
    var end = start
    while end < body.count, body[end] != Self.separator { end &+= 1 }
    position = end + 1
    if end > start, body[start] == 0x62 { return .binary(start + 1..<end) }
    guard end > start, let kind = EngineIOPacket.Kind(rawValue: body[start]) else { throw .enginePacket }
    return .text(EngineIOPacket(kind, payload: start + 1..<end))
  }

  /// Puts the separator behind what is there. Call it before every packet.
  public static func separate(_ output: inout [UInt8]) {
    if !output.isEmpty { output.append(separator) }
  }

  /// Appends a binary message.
  public static func appendBinary(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
    output.append(0x62)
    Base64.append(bytes, to: &output)
  }

  /// The bytes that a binary message takes in a payload, without a separator.
  public static func binaryBytes(_ count: Int) -> Int { 1 + (count + 2) / 3 * 4 }
}

/// Base64 with the standard alphabet and padding (RFC 4648 section 4).
public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xFF, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  public static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
    let alphabet = alphabet
    var position = 0
    while position < bytes.count {
      let left = bytes.count - position
      let group =
        UInt32(bytes[position]) << 16 | (left > 1 ? UInt32(bytes[position + 1]) << 8 : 0)
        | (left > 2 ? UInt32(bytes[position + 2]) : 0)
      output.append(alphabet[Int(group >> 18)])
      output.append(alphabet[Int(group >> 12 & 63)])
      output.append(left > 1 ? alphabet[Int(group >> 6 & 63)] : 0x3D)
      output.append(left > 2 ? alphabet[Int(group & 63)] : 0x3D)
      position += 3
    }
  }

  /// Appends the bytes that `text` stands for. Nothing but whole groups is accepted, and padding only at the end.
  public static func decode(_ text: Span<UInt8>, into output: inout [UInt8]) throws(SocketProtocolError) {
    guard text.count.isMultiple(of: 4) else { throw .base64 }
    let values = values
    var padding = 0
    if text.count > 0, text[text.count - 1] == 0x3D { padding = text[text.count - 2] == 0x3D ? 2 : 1 }
    output.reserveCapacity(output.count + text.count / 4 * 3)
    for start in stride(from: 0, to: text.count, by: 4) {
      let isLast = start + 4 == text.count
      var group: UInt32 = 0
      for offset in 0..<4 {
        let value = isLast && offset >= 4 - padding ? 0 : values[Int(text[start + offset])]
        guard value != 0xFF else { throw .base64 }
        group = group << 6 | UInt32(value)
      }
      output.append(UInt8(truncatingIfNeeded: group >> 16))
      if !isLast || padding < 2 { output.append(UInt8(truncatingIfNeeded: group >> 8)) }
      if !isLast || padding < 1 { output.append(UInt8(truncatingIfNeeded: group)) }
    }
  }
}
