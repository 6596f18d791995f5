internal import Crypto

/// Hashing and comparison of secrets over swift-crypto; nothing here is home-made.
public enum Digest {
  /// SHA-256 of `bytes` in lower-case hexadecimal (64 characters).
  public static func sha256Hex(_ bytes: some Sequence<UInt8>) -> String {
    hex(SHA256.hash(data: Array(bytes)))
  }

  /// SHA-1 of `bytes` (20 bytes), for the opening handshake of WebSocket (RFC 6455 section 4.2.2) and nothing that
  /// must be safe.
  public static func sha1(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    Array(Insecure.SHA1.hash(data: Array(bytes)))
  }

  /// Compares two secrets in a time that depends on neither of them: both are hashed to the same length first, so
  /// that not even the length of the expected one shows.
  public static func constantTimeEquals(_ left: String, _ right: String) -> Bool {
    let leftHash = Array(SHA256.hash(data: Array(left.utf8)))
    let rightHash = Array(SHA256.hash(data: Array(right.utf8)))
    var difference: UInt8 = 0
    for index in leftHash.indices { difference |= leftHash[index] ^ rightHash[index] }
    return difference == 0
  }

  /// Lower-case hexadecimal of any bytes.
  public static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
