internal import Base
internal import JWTKit

/// One key and the one algorithm it may verify. The algorithm comes from the configuration, never from a token: that
/// is what makes "HS256 signed with the public key as the secret" and `alg: none` impossible (RFC 8725, 3.1).
struct VerificationKey: Sendable {
  enum Algorithm: String, Sendable {
    case hs256 = "HS256"
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"
  }

  let algorithm: Algorithm
  /// `kid` of the key set; nil: the key answers to every `kid`.
  let identifier: String?
  /// Holds this key alone.
  private let signer: JWTKeyCollection

  init(secret: Secret) async {
    algorithm = .hs256
    identifier = nil
    signer = JWTKeyCollection()
    await signer.add(hmac: HMACKey(from: secret.reveal()), digestAlgorithm: .sha256)
  }

  /// Nil when JWTKit cannot make a key of it.
  init?(algorithm: Algorithm, identifier: String?, key: JWK) async {
    self.algorithm = algorithm
    self.identifier = identifier
    signer = JWTKeyCollection()
    do {
      _ = try await signer.add(jwk: key, isDefault: true)
    } catch {
      return nil
    }
  }

  /// Throws JWTKit's error when the signature does not fit or the claims are malformed.
  func verify(_ token: String) async throws -> TokenClaims {
    try await signer.verify(token, as: TokenClaims.self)
  }
}
