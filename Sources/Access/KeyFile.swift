internal import Base
internal import FoundationEssentials
internal import JWTKit

/// A JSON Web Key Set (RFC 7517) on disk.
///
/// Keys of a kind that is not used here (encryption, other curves, symmetric) are passed over, as section 5 asks; a
/// usable kind with broken numbers is refused, because somebody meant it to work. Private parts are not even read.
enum KeyFile {
  static let bytesMax = 1 << 20
  static let keysMax = 64
  /// Shortest RSA modulus, in bytes (RFC 7518, 3.3).
  static let modulusBytesMin = 256

  private struct Document: Decodable {
    var keys: [Entry]
  }

  private struct Entry: Decodable {
    var kty: String?
    var use: String?
    var alg: String?
    var crv: String?
    var kid: String?
    var n: String?
    var e: String?
    var x: String?
    var y: String?
  }

  /// Throws `invalid`, naming the file, when it cannot be read, is no key set, or has no usable key.
  static func load(_ path: String) async throws(Failure) -> [VerificationKey] {
    guard let bytes = BoundedFile.read(path, bytesMax: bytesMax) else {
      throw refusal(path, "cannot be read, or is longer than \(Quantity.describe(bytes: Int64(bytesMax)))")
    }
    let document: Document
    do {
      document = try JSONDecoder().decode(Document.self, from: Data(bytes))
    } catch {
      throw refusal(path, "is no JSON Web Key Set")
    }
    guard document.keys.count <= keysMax else { throw refusal(path, "holds more than \(keysMax) keys") }
    var keys: [VerificationKey] = []
    for (index, entry) in document.keys.enumerated() {
      guard entry.use == nil || entry.use == "sig", let algorithm = algorithm(of: entry) else { continue }
      guard let webKey = webKey(entry, algorithm),
        let key = await VerificationKey(algorithm: algorithm, identifier: entry.kid, key: webKey)
      else { throw refusal(path, "has a broken \(algorithm.rawValue) key at position \(index + 1)") }
      keys.append(key)
    }
    guard !keys.isEmpty else { throw refusal(path, "holds no key for RS256, ES256 or EdDSA") }
    return keys
  }

  private static func algorithm(of entry: Entry) -> VerificationKey.Algorithm? {
    let algorithm: VerificationKey.Algorithm
    switch (entry.kty, entry.crv) {
    case ("RSA", _): algorithm = .rs256
    case ("EC", "P-256"): algorithm = .es256
    case ("OKP", "Ed25519"): algorithm = .edDSA
    default: return nil
    }
    return entry.alg == nil || entry.alg == algorithm.rawValue ? algorithm : nil
  }

  private static func webKey(_ entry: Entry, _ algorithm: VerificationKey.Algorithm) -> JWK? {
    let name = JWKIdentifier(string: "only")
    switch algorithm {
    case .hs256: return nil
    case .rs256:
      guard let modulus = entry.n, let exponent = entry.e, modulus.utf8.count * 3 / 4 >= modulusBytesMin else {
        return nil
      }
      return .rsa(.rs256, identifier: name, modulus: modulus, exponent: exponent)
    case .es256:
      guard let x = entry.x, let y = entry.y else { return nil }
      return .ecdsa(.es256, identifier: name, x: x, y: y, curve: .p256)
    case .edDSA:
      guard let x = entry.x else { return nil }
      return .octetKeyPair(.eddsa, identifier: name, x: x, y: nil, curve: .ed25519)
    }
  }

  private static func refusal(_ path: String, _ reason: String) -> Failure {
    Failure(
      .invalid, "SIGNALBOX_JWKS_FILE: \(DisplayText(path).truncated(to: 64)) \(reason)",
      hint: "accepted: {\"keys\":[…]} with RSA (2048 bits or more), P-256 or Ed25519 public keys")
  }
}
