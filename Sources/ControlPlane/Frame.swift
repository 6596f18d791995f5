public import Base

/// The wire form of the control socket. Each side first sends the eight bytes of `ControlPreamble`, whose form never
/// changes, so that any two versions can tell each other apart; frames follow: a length in four bytes, most significant
/// first, and that many bytes of JSON (`ClientMessage` one way, `ServerMessage` the other).
public enum Frame {
  /// Bytes before the payload.
  public static let headerBytes = 4
  /// The largest payload a client may send.
  public static let clientBytesMax = 1 << 20
  /// The largest payload a node may send.
  public static let serverBytesMax = 64 << 20

  /// Header and payload in one piece. Throws `limit` when the payload is larger than `bytesMax`.
  public static func encode(_ payload: some Collection<UInt8>, bytesMax: Int) throws(Failure) -> [UInt8] {
    guard payload.count <= bytesMax else { throw tooLarge(payload.count, bytesMax) }
    var frame: [UInt8] = []
    frame.reserveCapacity(headerBytes + payload.count)
    let length = UInt32(payload.count)
    for shift in [24, 16, 8, 0] as [UInt32] { frame.append(UInt8(truncatingIfNeeded: length >> shift)) }
    frame.append(contentsOf: payload)
    return frame
  }

  static func tooLarge(_ bytes: Int, _ bytesMax: Int) -> Failure {
    Failure(
      .limit,
      "a control message of \(Quantity.describe(bytes: Int64(bytes))) is larger than the allowed "
        + Quantity.describe(bytes: Int64(bytesMax)))
  }
}

/// The first eight bytes of each side: `SBXC`, the protocol version in two bytes, two reserved bytes that are zero.
public struct ControlPreamble: Sendable, Equatable {
  public static let byteCount = 8
  /// Raised whenever a message of the older side could be misread by the newer one.
  public static let currentVersion: UInt16 = 1
  static let magic: [UInt8] = Array("SBXC".utf8)

  public var version: UInt16

  public init(version: UInt16 = ControlPreamble.currentVersion) { self.version = version }

  public var bytes: [UInt8] {
    Self.magic + [UInt8(version >> 8), UInt8(truncatingIfNeeded: version), 0, 0]
  }

  /// Reads exactly `byteCount` bytes; the reserved ones are ignored. Throws `invalid` unless they begin with the magic.
  public init(bytes: some Collection<UInt8>) throws(Failure) {
    let all = Array(bytes)
    guard all.count == Self.byteCount, Array(all.prefix(4)) == Self.magic else {
      throw Failure(.invalid, "the other side does not speak the control protocol of signalbox")
    }
    version = UInt16(all[4]) << 8 | UInt16(all[5])
  }
}

/// Cuts a byte stream into preamble and frames. Owns no socket and no timer. It holds what was received and not yet
/// taken, never more than one frame's declared length ahead, and allocates for bytes that came, not for bytes promised.
public struct FrameReader: Sendable {
  private let bytesMax: Int
  private var buffer: [UInt8] = []
  private var position = 0

  /// `bytesMax`: the largest payload the other side may send.
  public init(bytesMax: Int) { self.bytesMax = bytesMax }

  public mutating func append(_ bytes: some Collection<UInt8>) { buffer.append(contentsOf: bytes) }

  /// Bytes received and not yet taken.
  public var pendingBytes: Int { buffer.count - position }

  /// The preamble, once its bytes are there. Bytes that cannot become one are refused as soon as they are seen.
  public mutating func preamble() throws(Failure) -> ControlPreamble? {
    let seen = buffer[position...].prefix(ControlPreamble.byteCount)
    guard zip(seen, ControlPreamble.magic).allSatisfy({ $0 == $1 }) else {
      throw Failure(.invalid, "the other side does not speak the control protocol of signalbox")
    }
    guard seen.count == ControlPreamble.byteCount else { return nil }
    let preamble = try ControlPreamble(bytes: seen)
    take(ControlPreamble.byteCount)
    return preamble
  }

  /// The next whole payload; nil until it is there. Throws `limit` for a declared length above `bytesMax`, after which
  /// the stream cannot be read on.
  public mutating func next() throws(Failure) -> [UInt8]? {
    guard pendingBytes >= Frame.headerBytes else { return nil }
    var length = 0
    for byte in buffer[position..<position + Frame.headerBytes] { length = length << 8 | Int(byte) }
    guard length <= bytesMax else { throw Frame.tooLarge(length, bytesMax) }
    guard pendingBytes >= Frame.headerBytes + length else { return nil }
    let start = position + Frame.headerBytes
    let payload = Array(buffer[start..<start + length])
    take(Frame.headerBytes + length)
    return payload
  }

  /// Bytes are moved to the front only when at least half of the buffer is spent, so each byte moves once on average.
  private mutating func take(_ count: Int) {
    position += count
    guard position * 2 >= buffer.count else { return }
    buffer.removeSubrange(..<position)
    position = 0
  }
}
