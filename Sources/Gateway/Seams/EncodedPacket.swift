/// A Socket.IO packet ready for every transport: the Engine.IO messages it is made of, and the WebSocket frames of all
/// of them in one piece.
struct EncodedPacket: Sendable {
  /// The text packet with the Engine.IO type in front (`42["event",…]`).
  let text: [UInt8]
  let attachments: [[UInt8]]
  /// All of it as unmasked WebSocket frames, one after the other.
  let frames: [UInt8]
  /// How many frames `frames` holds.
  var frameCount: Int { 1 + attachments.count }
}

extension EncodedPacket {
  init(text: [UInt8], attachments: [[UInt8]]) {
    var frames: [UInt8] = []
    frames.reserveCapacity(text.count + 10 + attachments.reduce(0) { $0 + $1.count + 10 })
    FrameHeader.append(opcode: FrameHeader.text, length: text.count, to: &frames)
    frames += text
    for attachment in attachments {
      FrameHeader.append(opcode: FrameHeader.binary, length: attachment.count, to: &frames)
      frames += attachment
    }
    self.init(text: text, attachments: attachments, frames: frames)
  }

  /// `42["event",…,"offset"]`, of a binary event `45N-[…]`; another namespace than `/` stands before the array
  /// (socket.io-protocol 5). The offset of a recoverable broadcast is its last argument.
  init(broadcast: Broadcast) {
    let emission = broadcast.emission
    var text: [UInt8] = [UInt8(ascii: "4")]
    if emission.attachments.isEmpty {
      text.append(UInt8(ascii: "2"))
    } else {
      text += "5\(emission.attachments.count)-".utf8
    }
    if emission.namespace != "/" { text += "\(emission.namespace),".utf8 }
    text.reserveCapacity(text.count + emission.arguments.count + broadcast.offset.count + 3)
    if broadcast.offset.isEmpty || emission.arguments.last != UInt8(ascii: "]") {
      text += emission.arguments
    } else {
      text += emission.arguments.dropLast()
      text += ",\"".utf8
      text += broadcast.offset
      text += "\"]".utf8
    }
    self.init(text: text, attachments: emission.attachments)
  }
}

/// The header of an unmasked, unfragmented frame (RFC 6455, section 5.2).
enum FrameHeader {
  static let text: UInt8 = 0x81
  static let binary: UInt8 = 0x82
  static let close: UInt8 = 0x88
  static let ping: UInt8 = 0x89
  static let pong: UInt8 = 0x8A

  static func append(opcode: UInt8, length: Int, to bytes: inout [UInt8]) {
    bytes.append(opcode)
    switch length {
    case ..<126: bytes.append(UInt8(length))
    case ..<65_536:
      bytes.append(126)
      bytes.append(UInt8(length >> 8))
      bytes.append(UInt8(length & 0xff))
    default:
      bytes.append(127)
      for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
    }
  }
}
