/// The low four bits of a frame's first byte (RFC 6455 section 5.2). The others are reserved.
public enum WebSocketOpcode: UInt8, Sendable {
  case continuation = 0x0
  case text = 0x1
  case binary = 0x2
  case close = 0x8
  case ping = 0x9
  case pong = 0xA

  public var isControl: Bool { rawValue >= 0x8 }
}

/// What the payload of a close frame begins with (RFC 6455 section 7.4).
public struct WebSocketCloseCode: RawRepresentable, Sendable, Hashable {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let normal = Self(rawValue: 1000)
  public static let goingAway = Self(rawValue: 1001)
  public static let protocolError = Self(rawValue: 1002)
  public static let unsupportedData = Self(rawValue: 1003)
  public static let invalidText = Self(rawValue: 1007)
  public static let policyViolation = Self(rawValue: 1008)
  public static let messageTooBig = Self(rawValue: 1009)
  public static let internalError = Self(rawValue: 1011)
  public static let serviceRestart = Self(rawValue: 1012)
  public static let tryAgainLater = Self(rawValue: 1013)

  /// Whether it may stand in a frame: those assigned by the RFC and its registry, and 3000...4999 for libraries and
  /// applications. 1004 is reserved; 1005, 1006 and 1015 only name what a program saw.
  public var maySend: Bool {
    switch rawValue {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}

/// Why a peer's bytes are refused. The connection is failed with `closeCode` (RFC 6455 section 7.1.7).
public enum WebSocketViolation: Error, Equatable, Sendable {
  case reservedBits
  case reservedOpcode
  case fragmentedControlFrame
  case controlFrameTooLong
  case notMasked
  case masked
  case lengthTooLarge
  case continuationWithoutMessage
  case messageInsideMessage
  case closePayloadOfOneByte
  case closeCode
  case closeReasonNotText
  case notText
  case messageTooBig
  /// Of a compressed message: what the inflater refused.
  case compressedData

  public var closeCode: WebSocketCloseCode {
    switch self {
    case .notText, .closeReasonNotText, .compressedData: .invalidText
    case .messageTooBig: .messageTooBig
    default: .protocolError
    }
  }

  /// For the close frame and the log; names nothing that the peer sent.
  public var reason: StaticString {
    switch self {
    case .reservedBits: "reserved bits are set"
    case .reservedOpcode: "the opcode is reserved"
    case .fragmentedControlFrame: "a control frame is fragmented"
    case .controlFrameTooLong: "a control frame has more than 125 bytes"
    case .notMasked: "a client's frame is not masked"
    case .masked: "a server's frame is masked"
    case .lengthTooLarge: "the length has its highest bit set"
    case .continuationWithoutMessage: "there is no message to continue"
    case .messageInsideMessage: "a message begins inside another"
    case .closePayloadOfOneByte: "a close frame has one byte"
    case .closeCode: "the close code is invalid"
    case .closeReasonNotText: "the close reason is not UTF-8"
    case .notText: "a text message is not UTF-8"
    case .messageTooBig: "the message is too big"
    case .compressedData: "the compressed data is invalid"
    }
  }
}

/// Writes frame headers (RFC 6455 section 5.2) with the shortest form of the length.
public struct WebSocketFrameHeader: Sendable, Equatable {
  public var opcode: WebSocketOpcode
  public var isFinal = true
  /// RSV1: the message is compressed (RFC 7692 section 6).
  public var isCompressed = false
  public var payloadBytes: Int
  /// A client's masking key, its first byte the lowest; nil for a server.
  public var maskingKey: UInt32?

  /// No header is longer: two bytes, eight of length, four of masking key.
  public static let bytesMax = 14

  public init(
    _ opcode: WebSocketOpcode, payloadBytes: Int, isFinal: Bool = true, isCompressed: Bool = false,
    maskingKey: UInt32? = nil
  ) {
    self.opcode = opcode
    self.isFinal = isFinal
    self.isCompressed = isCompressed
    self.payloadBytes = payloadBytes
    self.maskingKey = maskingKey
  }

  /// The length of the header alone.
  public var headerBytes: Int { Self.headerBytes(payloadBytes: payloadBytes, isMasked: maskingKey != nil) }

  public static func headerBytes(payloadBytes: Int, isMasked: Bool = false) -> Int {
    let length = payloadBytes <= 125 ? 2 : payloadBytes <= 0xFFFF ? 4 : 10
    return isMasked ? length + 4 : length
  }

  /// Writes the header at the start of `buffer`, which must have room for `headerBytes`, and returns that number. To
  /// frame a payload in place, give the `headerBytes` just before it.
  @discardableResult
  public func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = headerBytes
    precondition(buffer.count >= count && payloadBytes >= 0, "no room for a frame header")
    buffer[0] = opcode.rawValue | (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0)
    let maskBit: UInt8 = maskingKey == nil ? 0 : 0x80
    if payloadBytes <= 125 {
      buffer[1] = maskBit | UInt8(payloadBytes)
    } else if payloadBytes <= 0xFFFF {
      buffer[1] = maskBit | 126
      buffer.storeBytes(of: UInt16(payloadBytes).bigEndian, toByteOffset: 2, as: UInt16.self)
    } else {
      buffer[1] = maskBit | 127
      buffer.storeBytes(of: UInt64(payloadBytes).bigEndian, toByteOffset: 2, as: UInt64.self)
    }
    if let maskingKey {
      buffer.storeBytes(of: maskingKey.littleEndian, toByteOffset: count - 4, as: UInt32.self)
    }
    return count
  }

  /// The same into a growing buffer.
  public func append(to output: inout [UInt8]) {
    withUnsafeTemporaryAllocation(byteCount: Self.bytesMax, alignment: 8) { buffer in
      let count = write(into: buffer)
      output.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
}

/// Whole control frames, which are at most 125 bytes of payload behind two or six of header.
public enum WebSocketControlFrame {
  public static let payloadBytesMax = 125
  /// Room for any control frame, a client's included.
  public static let bytesMax = 131

  /// A ping or pong frame; `payload` is at most 125 bytes. Returns the length of the frame.
  @discardableResult
  public static func write(
    _ opcode: WebSocketOpcode, payload: UnsafeRawBufferPointer, maskingKey: UInt32? = nil,
    into buffer: UnsafeMutableRawBufferPointer
  ) -> Int {
    precondition(opcode.isControl && payload.count <= payloadBytesMax, "not a control frame")
    let header = WebSocketFrameHeader(opcode, payloadBytes: payload.count, maskingKey: maskingKey)
    let start = header.write(into: buffer)
    let body = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + payload.count])
    body.copyMemory(from: payload)
    if let maskingKey { WebSocketMask.apply(maskingKey, to: body) }
    return start + payload.count
  }

  /// A close frame. The reason is cut after the last whole character that fits into 123 bytes. Without a code the frame
  /// is empty. Returns the length of the frame, at most `bytesMax`.
  @discardableResult
  public static func writeClose(
    _ code: WebSocketCloseCode?, reason: String = "", maskingKey: UInt32? = nil,
    into buffer: UnsafeMutableRawBufferPointer
  ) -> Int {
    withUnsafeTemporaryAllocation(byteCount: payloadBytesMax, alignment: 2) { payload in
      var count = 0
      if let code {
        payload.storeBytes(of: code.rawValue.bigEndian, as: UInt16.self)
        count = 2
        for scalar in reason.unicodeScalars {
          let bytes = UTF8.encode(scalar)
          guard let bytes, count + bytes.count <= payloadBytesMax else { break }
          for byte in bytes {
            payload[count] = byte
            count += 1
          }
        }
      }
      let body = UnsafeRawBufferPointer(rebasing: payload[..<count])
      return write(.close, payload: body, maskingKey: maskingKey, into: buffer)
    }
  }

  /// A server's close frame, which is an answer of at most 127 bytes.
  public static func close(_ code: WebSocketCloseCode?, reason: String = "") -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
      count = writeClose(code, reason: reason, into: UnsafeMutableRawBufferPointer(buffer))
    }
  }
}

/// Masking (RFC 6455 section 5.3): byte i is combined with byte i mod 4 of the key; doing it twice undoes it.
public enum WebSocketMask {
  /// Combines `bytes` with `key`, whose lowest byte meets the first byte, and returns the key turned so that it fits
  /// the byte behind the last.
  @discardableResult
  public static func apply(_ key: UInt32, to bytes: UnsafeMutableRawBufferPointer) -> UInt32 {
    let wide = (UInt64(key) << 32 | UInt64(key)).littleEndian
    let count = bytes.count
    var position = 0
    while position &+ 8 <= count {
      let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      bytes.storeBytes(of: word ^ wide, toByteOffset: position, as: UInt64.self)
      position &+= 8
    }
    while position < count {
      bytes[position] ^= UInt8(truncatingIfNeeded: key >> UInt32(8 * (position & 3)))
      position &+= 1
    }
    let turn = UInt32(8 * (count & 3))
    return turn == 0 ? key : key >> turn | key << (32 - turn)
  }
}
