internal import SocketProtocol

/// The name of a session: which loop owns it, in which slot, and 128 random bits that make it a secret (it is all that
/// a polling request shows). 20 bytes, 27 characters of base64url.
struct SessionID: Hashable, Sendable {
  let loop: UInt8
  let slot: UInt32
  let secret: (UInt64, UInt64)

  static let textBytes = 27

  init(loop: UInt8, slot: UInt32, secret: (UInt64, UInt64)) {
    self.loop = loop
    self.slot = slot
    self.secret = secret
  }

  /// A new one. Slots have 24 bits.
  init(loop: UInt8, slot: UInt32) {
    var random = SystemRandomNumberGenerator()
    self.init(loop: loop, slot: slot, secret: (random.next(), random.next()))
  }

  /// Nil for everything that `text` never gives.
  init?(_ text: some StringProtocol) {
    guard text.utf8.count == Self.textBytes else { return nil }
    var bytes: [UInt8] = []
    let standard = text.utf8.map { byte in
      byte == UInt8(ascii: "-") ? UInt8(ascii: "+") : byte == UInt8(ascii: "_") ? UInt8(ascii: "/") : byte
    }
    do throws(SocketProtocolError) {
      try Base64.decode((standard + [UInt8(ascii: "=")]).span, into: &bytes)
    } catch {
      return nil
    }
    guard bytes.count == 20 else { return nil }
    loop = bytes[0]
    slot = UInt32(bytes[1]) << 16 | UInt32(bytes[2]) << 8 | UInt32(bytes[3])
    secret = (
      bytes[4..<12].reduce(0) { $0 << 8 | UInt64($1) }, bytes[12..<20].reduce(0) { $0 << 8 | UInt64($1) }
    )
  }

  var text: String {
    var bytes: [UInt8] = [loop, UInt8(truncatingIfNeeded: slot >> 16), UInt8(truncatingIfNeeded: slot >> 8)]
    bytes.append(UInt8(truncatingIfNeeded: slot))
    for half in [secret.0, secret.1] {
      for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: half >> UInt64(shift)))
      }
    }
    var encoded: [UInt8] = []
    Base64.append(bytes.span, to: &encoded)
    encoded.removeLast()
    for index in encoded.indices {
      if encoded[index] == UInt8(ascii: "+") { encoded[index] = UInt8(ascii: "-") }
      if encoded[index] == UInt8(ascii: "/") { encoded[index] = UInt8(ascii: "_") }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  static func == (left: SessionID, right: SessionID) -> Bool {
    left.loop == right.loop && left.slot == right.slot
      && (left.secret.0 ^ right.secret.0) | (left.secret.1 ^ right.secret.1) == 0
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(slot)
    hasher.combine(secret.0)
  }
}
