/// Reads WebSocket frames (RFC 6455 section 5) out of a buffer that belongs to the caller.
///
/// The caller receives into one large buffer that all its connections share, and calls `next` until it says
/// `needMoreInput`. Payloads are unmasked where they lie and handed out as ranges of that buffer, so that a message
/// which arrived whole costs no copy and no allocation, and the bytes in front of it may be overwritten with the header
/// of the frame that carries it on.
///
///     receive -> [ 81 85 k k k k h e l l o 81 FE ]        data(text, 6..<11, first, last)
///                                         ^ 2 bytes of the next header stay: needMoreInput, position 11
///
/// What must be kept between two receives is kept at three places:
/// - A data frame's payload is never held back: what is there of it is one segment. A caller that gets a segment which
///   is not the whole message copies it into a buffer of the message's own, and appends the others as they come.
/// - A header or control frame that is not complete stays unread: the bytes from `position` on (fewer than 131) must
///   stand at the start of the next input.
/// - The parser holds the rest: bytes missing of the frame, the masking key turned to the next byte, size and kind of
///   the message, and the state of the UTF-8 check, 20 bytes in all.
///
/// Everything that can be refused is refused as early as its bytes allow: a header before its payload, a message by the
/// sum of its fragments' announced lengths, and text at the first byte that cannot be right. Lengths need not have
/// their shortest form. After a violation or a close frame whatever else arrives is swallowed (section 1.4: data after
/// a close is discarded).
///
/// Compressed messages (RFC 7692) are passed on as they are: their text is checked after inflating.
public struct WebSocketFrameParser: Sendable {
  /// Which side this parser is.
  public enum Role: Sendable {
    /// Reads a client's frames, which must be masked.
    case server
    /// Reads a server's frames, which must not be.
    case client
  }

  /// A piece of a text or binary message.
  public struct Segment: Sendable, Equatable {
    /// `text` or `binary`, also for continuations.
    public var opcode: WebSocketOpcode
    /// Unmasked bytes of the caller's buffer.
    public var range: Range<Int>
    public var isFirst: Bool
    public var isLast: Bool
    /// RSV1 of the message's first frame: inflate it before use.
    public var isCompressed: Bool

    /// All of the message: nothing to keep.
    public var isWhole: Bool { isFirst && isLast }
  }

  public enum Event: Sendable, Equatable {
    /// Keep the bytes from `position` on and come back with more behind them.
    case needMoreInput
    case data(Segment)
    /// To be answered by a pong of the same payload (section 5.5.2).
    case ping(Range<Int>)
    case pong(Range<Int>)
    /// No code means an empty close frame. The range is the reason.
    case close(WebSocketCloseCode?, reason: Range<Int>)
    case violation(WebSocketViolation)
  }

  private struct Flags: OptionSet {
    var rawValue: UInt8
    static let isClient = Self(rawValue: 1)
    static let mayCompress = Self(rawValue: 2)
    /// Between the first and the last frame of a message, or in one of them.
    static let inMessage = Self(rawValue: 4)
    static let isText = Self(rawValue: 8)
    static let isCompressed = Self(rawValue: 16)
    static let isFinalFrame = Self(rawValue: 32)
    /// A payload is being read, of which `missing` bytes are to come.
    static let inFrame = Self(rawValue: 64)
    static let hasEnded = Self(rawValue: 128)
  }

  private let messageBytesMax: UInt32
  /// Bytes of the current frame's payload that have not been read.
  private var missing: UInt32 = 0
  /// The sum of the lengths of the message's frames, the current one included.
  private var messageBytes: UInt32 = 0
  private var key: UInt32 = 0
  private var flags: Flags
  private var utf8 = UTF8Checker()
  /// No segment of the message has been handed out.
  private var isAtMessageStart = false

  /// `messageBytesMax` bounds the sum of a message's fragments as they are on the wire (a compressed message's inflated
  /// size is the inflater's to bound).
  public init(role: Role, messageBytesMax: Int, mayCompress: Bool = false) {
    self.messageBytesMax = UInt32(clamping: messageBytesMax)
    flags = role == .client ? [.isClient] : []
    if mayCompress { flags.insert(.mayCompress) }
  }

  /// A close frame or a violation was read: whatever comes is swallowed.
  public var hasEnded: Bool { flags.contains(.hasEnded) }

  /// A message has begun and not ended; the caller holds its first part.
  public var isInMessage: Bool { flags.contains(.inMessage) }

  /// Reads on from `position`, which is moved past what was read.
  public mutating func next(in buffer: UnsafeMutableRawBufferPointer, at position: inout Int) -> Event {
    precondition(position >= 0 && position <= buffer.count, "position outside of the buffer")
    if flags.contains(.hasEnded) {
      position = buffer.count
      return .needMoreInput
    }
    do throws(WebSocketViolation) {
      if flags.contains(.inFrame) { return try payload(in: buffer, at: &position) }
      return try frame(in: buffer, at: &position)
    } catch {
      flags.insert(.hasEnded)
      position = buffer.count
      return .violation(error)
    }
  }

  private mutating func frame(
    in buffer: UnsafeMutableRawBufferPointer, at position: inout Int
  ) throws(WebSocketViolation) -> Event {
    let available = buffer.count &- position
    guard available >= 2 else { return .needMoreInput }
    let first = buffer[position]
    let second = buffer[position &+ 1]
    let opcode = try checkedOpcode(first, second)
    let isMasked = second & 0x80 != 0
    let lengthBytes = second & 0x7F == 126 ? 2 : second & 0x7F == 127 ? 8 : 0
    let headerBytes = 2 &+ lengthBytes &+ (isMasked ? 4 : 0)
    guard available >= 2 &+ lengthBytes else { return .needMoreInput }
    let length = try payloadLength(UnsafeRawBufferPointer(buffer), at: position &+ 1)
    if !opcode.isControl, length > UInt64(messageBytesMax &- messageBytes) { throw .messageTooBig }
    guard available >= headerBytes else { return .needMoreInput }
    key =
      isMasked
      ? UInt32(
        littleEndian: buffer.loadUnaligned(fromByteOffset: position &+ headerBytes &- 4, as: UInt32.self)) : 0
    if opcode.isControl {
      let start = position &+ headerBytes
      guard buffer.count &- start >= Int(length) else { return .needMoreInput }
      position = start &+ Int(length)
      return try control(opcode, in: buffer, start..<position)
    }
    begin(opcode, first, length: UInt32(length))
    position &+= headerBytes
    // With nothing of the payload there, a segment would be empty and say nothing.
    if missing > 0, position == buffer.count { return .needMoreInput }
    return try payload(in: buffer, at: &position)
  }

  /// Everything that the first two bytes can have wrong.
  private func checkedOpcode(_ first: UInt8, _ second: UInt8) throws(WebSocketViolation) -> WebSocketOpcode {
    guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw .reservedOpcode }
    if first & 0x70 != 0 {
      // RSV1 marks the first frame of a compressed message, and nothing else (RFC 7692 section 6).
      guard first & 0x70 == 0x40, flags.contains(.mayCompress), opcode == .text || opcode == .binary else {
        throw .reservedBits
      }
    }
    if opcode.isControl {
      guard first & 0x80 != 0 else { throw .fragmentedControlFrame }
      guard second & 0x7F <= 125 else { throw .controlFrameTooLong }
    } else if opcode == .continuation {
      guard flags.contains(.inMessage) else { throw .continuationWithoutMessage }
    } else {
      guard !flags.contains(.inMessage) else { throw .messageInsideMessage }
    }
    if flags.contains(.isClient) {
      guard second & 0x80 == 0 else { throw .masked }
    } else {
      guard second & 0x80 != 0 else { throw .notMasked }
    }
    return opcode
  }

  /// The length whose first byte, with the mask bit, is at `offset`; all its bytes are there.
  private func payloadLength(_ buffer: UnsafeRawBufferPointer, at offset: Int) throws(WebSocketViolation) -> UInt64 {
    switch buffer[offset] & 0x7F {
    case 126: return UInt64(UInt16(bigEndian: buffer.loadUnaligned(fromByteOffset: offset &+ 1, as: UInt16.self)))
    case 127:
      let length = UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: offset &+ 1, as: UInt64.self))
      guard length >> 63 == 0 else { throw .lengthTooLarge }
      return length
    case let short: return UInt64(short)
    }
  }

  private mutating func begin(_ opcode: WebSocketOpcode, _ first: UInt8, length: UInt32) {
    if opcode != .continuation {
      flags.remove([.isText, .isCompressed])
      flags.insert(.inMessage)
      if opcode == .text { flags.insert(.isText) }
      if first & 0x40 != 0 { flags.insert(.isCompressed) }
      isAtMessageStart = true
    }
    if first & 0x80 != 0 { flags.insert(.isFinalFrame) } else { flags.remove(.isFinalFrame) }
    flags.insert(.inFrame)
    missing = length
    messageBytes &+= length
  }

  /// What is there of the current data frame's payload.
  private mutating func payload(
    in buffer: UnsafeMutableRawBufferPointer, at position: inout Int
  ) throws(WebSocketViolation) -> Event {
    let count = min(Int(missing), buffer.count &- position)
    if count == 0, missing > 0 { return .needMoreInput }
    let range = position..<position &+ count
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
    if !flags.contains(.isClient) { key = WebSocketMask.apply(key, to: bytes) }
    position &+= count
    missing &-= UInt32(count)
    let isLast = missing == 0 && flags.contains(.isFinalFrame)
    if flags.isSuperset(of: [.isText]), !flags.contains(.isCompressed) {
      guard utf8.accepts(UnsafeRawBufferPointer(bytes)), !isLast || utf8.isAtBoundary else { throw .notText }
    }
    let segment = Segment(
      opcode: flags.contains(.isText) ? .text : .binary, range: range, isFirst: isAtMessageStart, isLast: isLast,
      isCompressed: flags.contains(.isCompressed))
    isAtMessageStart = false
    if missing == 0 { flags.remove(.inFrame) }
    if isLast {
      flags.remove(.inMessage)
      messageBytes = 0
    }
    return .data(segment)
  }

  private mutating func control(
    _ opcode: WebSocketOpcode, in buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>
  ) throws(WebSocketViolation) -> Event {
    let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
    if !flags.contains(.isClient) { WebSocketMask.apply(key, to: bytes) }
    switch opcode {
    case .ping: return .ping(range)
    case .pong: return .pong(range)
    default: return try close(UnsafeRawBufferPointer(bytes), range)
    }
  }

  private mutating func close(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(WebSocketViolation) -> Event {
    if bytes.isEmpty {
      flags.insert(.hasEnded)
      return .close(nil, reason: range)
    }
    guard bytes.count >= 2 else { throw .closePayloadOfOneByte }
    let code = WebSocketCloseCode(rawValue: UInt16(bigEndian: bytes.loadUnaligned(as: UInt16.self)))
    guard code.maySend else { throw .closeCode }
    var checker = UTF8Checker()
    guard checker.accepts(UnsafeRawBufferPointer(rebasing: bytes[2...])), checker.isAtBoundary else {
      throw .closeReasonNotText
    }
    flags.insert(.hasEnded)
    return .close(code, reason: range.lowerBound + 2..<range.upperBound)
  }
}
