public import Base

/// Cuts a byte stream into preamble and frames. Owns no socket and no timer. It holds what was received and not yet
/// taken, never more than one frame's declared length ahead, and allocates for bytes that came, not for bytes promised.
public struct FrameReader: Sendable {
  /// The largest payload the other side may send from now on.
  public var bytesMax: Int
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
