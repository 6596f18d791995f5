public import Base

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
