internal import Base
internal import ControlPlane
internal import JWTKit

/// The claims of a JWT that signalbox reads (CONTRACT, Access; RFC 7519, section 4.1). Decoding refuses what is
/// malformed: a claim that cannot be understood must never widen what a token may do.
///
/// JWTKit's own `AudienceClaim` stops the process on an empty list, which is why the registered claims are read here.
struct TokenClaims: JWTPayload {
  /// Globs in one claim, and bytes in one glob or name.
  static let globsMax = 256
  static let textBytesMax = 512
  /// 9999-12-31: later dates are a mistake of units.
  static let secondsMax = 253_402_300_799.0

  var subject: String?
  var issuer: String?
  var audience: [String]
  /// Seconds since 1970.
  var expires: Double
  var notBefore: Double?
  var grants: Grants

  private enum CodingKeys: String, CodingKey {
    case subject = "sub"
    case issuer = "iss"
    case audience = "aud"
    case expires = "exp"
    case notBefore = "nbf"
    case role, rooms, publish, projects, namespaces
  }

  init(from decoder: any Decoder) throws {
    let claims = try decoder.container(keyedBy: CodingKeys.self)
    expires = try claims.decode(Double.self, forKey: .expires)
    notBefore = try claims.decodeIfPresent(Double.self, forKey: .notBefore)
    for (key, seconds) in [(CodingKeys.expires, expires), (.notBefore, notBefore ?? 0)] {
      guard seconds.isFinite, (0...Self.secondsMax).contains(seconds) else { throw Self.malformed(key, claims) }
    }
    subject = try claims.decodeIfPresent(String.self, forKey: .subject)
    if let subject {
      let isClean = subject.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
      guard !subject.isEmpty, subject.utf8.count <= Self.textBytesMax, isClean else {
        throw Self.malformed(.subject, claims)
      }
    }
    issuer = try claims.decodeIfPresent(String.self, forKey: .issuer)
    audience = try Self.audience(claims)
    grants = Grants(
      role: try claims.decodeIfPresent(Grants.Role.self, forKey: .role) ?? .viewer,
      rooms: try Self.globs(claims, .rooms), publish: try Self.globs(claims, .publish),
      projects: try Self.globs(claims, .projects), namespaces: try Self.globs(claims, .namespaces))
  }

  /// Times, issuer and audience are checked by `TokenVerifier`, which has the clock and the settings.
  func verify(using algorithm: some JWTAlgorithm) async throws {}

  func encode(to encoder: any Encoder) throws {
    var claims = encoder.container(keyedBy: CodingKeys.self)
    try claims.encodeIfPresent(subject, forKey: .subject)
    try claims.encodeIfPresent(issuer, forKey: .issuer)
    try claims.encode(audience, forKey: .audience)
    try claims.encode(expires, forKey: .expires)
    try claims.encodeIfPresent(notBefore, forKey: .notBefore)
    try claims.encode(grants.role, forKey: .role)
    try claims.encodeIfPresent(grants.rooms, forKey: .rooms)
    try claims.encodeIfPresent(grants.publish, forKey: .publish)
    try claims.encodeIfPresent(grants.projects, forKey: .projects)
    try claims.encodeIfPresent(grants.namespaces, forKey: .namespaces)
  }

  /// One string or a list of them (RFC 7519, 4.1.3).
  private static func audience(_ claims: KeyedDecodingContainer<CodingKeys>) throws -> [String] {
    guard claims.contains(.audience) else { return [] }
    do {
      return [try claims.decode(String.self, forKey: .audience)]
    } catch {
      return try claims.decode([String].self, forKey: .audience)
    }
  }

  private static func globs(_ claims: KeyedDecodingContainer<CodingKeys>, _ key: CodingKeys) throws -> [Glob]? {
    // A claim of `null` is there and says nothing: `decodeIfPresent` would take it for "not narrowed".
    guard claims.contains(key) else { return nil }
    let globs = try claims.decode([Glob].self, forKey: key)
    guard globs.count <= globsMax, globs.allSatisfy({ $0.pattern.utf8.count <= textBytesMax }) else {
      throw malformed(key, claims)
    }
    return globs
  }

  private static func malformed(
    _ key: CodingKeys, _ claims: KeyedDecodingContainer<CodingKeys>
  ) -> DecodingError {
    .dataCorruptedError(forKey: key, in: claims, debugDescription: "claim out of bounds")
  }
}
