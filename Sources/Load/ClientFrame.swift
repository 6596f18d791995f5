/// The client's half of WebSocket framing (RFC 6455 section 5), as much as a load needs: it writes masked frames, and
/// reads the unmasked, unfragmented, uncompressed ones that a server sends to whoever negotiated no extension.
enum ClientFrame {
  struct Head: Equatable {
    var opcode: UInt8
    var headBytes: Int
    var payloadBytes: Int
  }

  static let (text, binary, close, ping, pong): (UInt8, UInt8, UInt8, UInt8, UInt8) = (1, 2, 8, 9, 10)

  /// The head of the frame that begins `bytes`; nil while it is not all there.
  static func head(_ bytes: UnsafeRawBufferPointer, payloadMax: Int) throws(LoadError) -> Head? {
    guard bytes.count >= 2 else { return nil }
    let (first, second) = (bytes[0], bytes[1])
    guard first & 0x70 == 0 else { throw .violation("a reserved bit is set, and no extension was negotiated") }
    guard first & 0x80 != 0 else { throw .violation("a fragment, where the server has no reason to send one") }
    guard second & 0x80 == 0 else { throw .violation("a masked frame from a server (RFC 6455 5.1)") }
    let opcode = first & 0x0F
    guard [text, binary, close, ping, pong].contains(opcode) else { throw .violation("opcode \(opcode)") }
    var length = Int(second)
    var headBytes = 2
    if second == 126 {
      guard bytes.count >= 4 else { return nil }
      length = Int(bytes[2]) << 8 | Int(bytes[3])
      headBytes = 4
      guard length > 125 else { throw .violation("a length in more bytes than it needs (RFC 6455 5.2)") }
    } else if second == 127 {
      guard bytes.count >= 10 else { return nil }
      let wide = bytes[2..<10].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard wide <= UInt64(payloadMax) else { throw .violation("a frame of \(wide) bytes") }
      guard wide > 0xFFFF else { throw .violation("a length in more bytes than it needs (RFC 6455 5.2)") }
      length = Int(wide)
      headBytes = 10
    }
    guard length <= payloadMax else { throw .violation("a frame of \(length) bytes") }
    if opcode >= 8, length > 125 { throw .violation("a control frame of \(length) bytes (RFC 6455 5.5)") }
    return Head(opcode: opcode, headBytes: headBytes, payloadBytes: length)
  }

  /// Appends a final frame with `payload`, masked (section 5.3).
  static func append(
    _ payload: some Collection<UInt8>, opcode: UInt8 = text, mask: UInt32, to bytes: inout [UInt8]
  ) {
    let count = payload.count
    bytes.append(0x80 | opcode)
    switch count {
    case ...125: bytes.append(0x80 | UInt8(count))
    case ...0xFFFF:
      bytes.append(0x80 | 126)
      appendBigEndian(UInt64(count), bytes: 2, to: &bytes)
    default:
      bytes.append(0x80 | 127)
      appendBigEndian(UInt64(count), bytes: 8, to: &bytes)
    }
    appendBigEndian(UInt64(mask), bytes: 4, to: &bytes)
    var shift: UInt32 = 24
    for byte in payload {
      bytes.append(byte ^ UInt8(truncatingIfNeeded: mask >> shift))
      shift = (shift &+ 24) & 31
    }
  }

  private static func appendBigEndian(_ value: UInt64, bytes count: Int, to bytes: inout [UInt8]) {
    for place in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place))) }
  }
}
