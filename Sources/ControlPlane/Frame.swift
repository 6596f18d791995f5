public import Base

/// The wire form of the control socket. Each side first sends the eight bytes of `ControlPreamble`, whose form never
/// changes, so that any two versions can tell each other apart; frames follow: a length in four bytes, most significant
/// first, and that many bytes of JSON (`ClientMessage` one way, `ServerMessage` the other).
public enum Frame {
  /// Bytes before the payload.
  public static let headerBytes = 4
  /// The largest payload of a client that has not been greeted yet.
  public static let helloBytesMax = 64 << 10
  /// The largest payload a client may send: a cached value of 16 MiB in base64, with what is around it.
  public static let clientBytesMax = 24 << 20
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
