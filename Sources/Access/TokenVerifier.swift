internal import Base
internal import FoundationEssentials
internal import JWTKit

/// Verifies one JWT against the configured keys. Order: size and form, algorithm, signature, then claims; no claim is
/// looked at before its signature holds.
struct TokenVerifier: Sendable {
  /// Bytes of a token. Real ones are below 4 KiB; more is not even decoded.
  static let tokenBytesMax = 16 << 10

  let keys: [VerificationKey]
  let issuer: String?
  let audience: String?

  private struct Header: Decodable {
    var alg: String
    var kid: String?
  }

  /// Throws `unauthenticated` with the reason, never with any part of the token.
  func verify(_ token: String, nowMilliseconds: Int64) async throws(Failure) -> TokenClaims {
    let header = try header(of: token)
    guard let algorithm = VerificationKey.Algorithm(rawValue: header.alg),
      keys.contains(where: { $0.algorithm == algorithm })
    else { throw Self.refusal("its algorithm is not one this node is configured for") }
    let candidates = keys.filter {
      $0.algorithm == algorithm && (header.kid == nil || $0.identifier == nil || $0.identifier == header.kid)
    }
    guard !candidates.isEmpty else { throw Self.refusal("it was signed with a key this node does not know") }
    let claims = try await claims(of: token, candidates)
    try check(claims, Double(nowMilliseconds) / 1_000)
    return claims
  }

  private func header(of token: String) throws(Failure) -> Header {
    guard token.utf8.count <= Self.tokenBytesMax else { throw Self.refusal("it is too long") }
    let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Self.isBase64URL) }),
      let json = Self.decode(parts[0])
    else { throw Self.refusal("it is neither the shared token nor a JWT") }
    do {
      let names = try JSONDecoder().decode([String: Ignored].self, from: json)
      // An extension that must be understood, and is not, refuses the token (RFC 7515, 4.1.11).
      guard names["crit"] == nil else { throw Self.refusal("it needs a header extension that is not supported") }
      return try JSONDecoder().decode(Header.self, from: json)
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Self.refusal("its header is malformed")
    }
  }

  private func claims(of token: String, _ candidates: [VerificationKey]) async throws(Failure) -> TokenClaims {
    var isMalformed = false
    for key in candidates {
      do {
        return try await key.verify(token)
      } catch let error as JWTError where error.errorType == .malformedToken {
        isMalformed = true
      } catch {
        // Another key may fit; the reason a signature fails is the same for all of them.
        continue
      }
    }
    throw Self.refusal(isMalformed ? "a claim is missing or malformed" : "its signature does not verify")
  }

  private func check(_ claims: TokenClaims, _ now: Double) throws(Failure) {
    guard now < claims.expires else { throw Self.refusal("it has expired") }
    guard claims.notBefore.map({ now >= $0 }) ?? true else { throw Self.refusal("it is not valid yet") }
    if let issuer, claims.issuer != issuer { throw Self.refusal("it comes from another issuer") }
    if let audience, !claims.audience.contains(audience) { throw Self.refusal("it is meant for another audience") }
  }

  /// Decodes from any JSON value and keeps nothing.
  private struct Ignored: Decodable {
    init(from decoder: any Decoder) throws {}
  }

  private static func isBase64URL(_ byte: UInt8) -> Bool {
    (65...90).contains(byte) || (97...122).contains(byte) || (48...57).contains(byte) || byte == 45 || byte == 95
  }

  private static func decode(_ part: String.UTF8View.SubSequence) -> Data? {
    var text = Array(part)
    for index in text.indices {
      if text[index] == UInt8(ascii: "-") { text[index] = UInt8(ascii: "+") }
      if text[index] == UInt8(ascii: "_") { text[index] = UInt8(ascii: "/") }
    }
    text.append(contentsOf: [UInt8](repeating: UInt8(ascii: "="), count: (4 - text.count % 4) % 4))
    return Data(base64Encoded: Data(text))
  }

  static func refusal(_ reason: String) -> Failure {
    Failure(.unauthenticated, "the bearer token was refused: \(reason)")
  }
}
