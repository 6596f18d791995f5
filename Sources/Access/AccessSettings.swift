public import Base

/// What decides who may come in. Immutable after start, but for the keys in `jwksFile`, which `Authenticator.reload`
/// reads again.
public struct AccessSettings: Sendable {
  /// Shortest shared token and shortest HS256 secret, in bytes: 256 bits, the key size of HMAC-SHA-256 (RFC 7518, 3.2).
  public static let secretBytesMin = 32

  /// `SIGNALBOX_TOKEN`
  public var token: Secret?
  /// `SIGNALBOX_JWT_SECRET`
  public var jwtSecret: Secret?
  /// `SIGNALBOX_JWKS_FILE`, a path.
  public var jwksFile: String?
  /// `SIGNALBOX_JWT_ISSUER`; nil: `iss` is not checked.
  public var jwtIssuer: String?
  /// `SIGNALBOX_JWT_AUDIENCE`; nil: `aud` is not checked.
  public var jwtAudience: String?
  public var corsOrigins: CORSOrigins
  public var trustedProxies: [CIDR]
  /// The address that is bound.
  public var host: String

  public init(
    token: Secret? = nil, jwtSecret: Secret? = nil, jwksFile: String? = nil, jwtIssuer: String? = nil,
    jwtAudience: String? = nil, corsOrigins: CORSOrigins = .sameOriginOnly, trustedProxies: [CIDR] = [],
    host: String = "127.0.0.1"
  ) {
    self.token = token
    self.jwtSecret = jwtSecret
    self.jwksFile = jwksFile
    self.jwtIssuer = jwtIssuer
    self.jwtAudience = jwtAudience
    self.corsOrigins = corsOrigins
    self.trustedProxies = trustedProxies
    self.host = host
  }

  /// Whether one of the three credentials is configured; then every caller needs one.
  public var hasCredential: Bool { token != nil || jwtSecret != nil || jwksFile != nil }

  /// Whether the bound address can be reached from this machine only.
  public var isLoopbackHost: Bool {
    host.lowercased() == "localhost" || IPAddress(host)?.isLoopback == true
  }

  /// What must hold before anything starts. The key file is read by `Authenticator.init`. Throws `invalid`.
  public func validate() throws(Failure) {
    try checkLength(token, "SIGNALBOX_TOKEN")
    try checkLength(jwtSecret, "SIGNALBOX_JWT_SECRET")
    if let token, !token.reveal().utf8.allSatisfy({ (0x21...0x7e).contains($0) }) {
      throw Failure(
        .invalid, "SIGNALBOX_TOKEN holds a character that cannot travel in an HTTP header",
        hint: "accepted: visible ASCII without blanks, for example the output of: openssl rand -hex 32")
    }
    guard hasCredential || isLoopbackHost else {
      let shown = DisplayText(host).truncated(to: 64)
      throw Failure(
        .invalid, "SIGNALBOX_HOST=\(shown) would open this node to other machines without a credential",
        hint: "set SIGNALBOX_TOKEN, SIGNALBOX_JWT_SECRET or SIGNALBOX_JWKS_FILE, or bind 127.0.0.1")
    }
  }

  /// Settings that are allowed but that an operator should know about: one line each, for the log.
  public var warnings: [String] {
    var lines: [String] = []
    if corsOrigins == .any, !hasCredential {
      lines.append(
        "CORS_ORIGIN=* without a credential lets every web page opened here use this node; set SIGNALBOX_TOKEN"
      )
    }
    if jwksFile == nil, jwtSecret == nil, jwtIssuer != nil || jwtAudience != nil {
      lines.append("SIGNALBOX_JWT_ISSUER and SIGNALBOX_JWT_AUDIENCE do nothing without a JWT secret or key file")
    }
    return lines
  }

  private func checkLength(_ secret: Secret?, _ name: String) throws(Failure) {
    guard let secret, secret.byteCount < Self.secretBytesMin else { return }
    throw Failure(
      .invalid, "\(name) has \(secret.byteCount) bytes, and at least \(Self.secretBytesMin) are needed",
      hint: "for example the output of: openssl rand -hex 32")
  }
}
