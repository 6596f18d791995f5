public import Base
internal import ControlPlane
internal import Glibc
internal import Synchronization

/// Turns what a request shows into a caller (CONTRACT, Access). One of it serves every door, so that the rules are the
/// same at all of them. Without a credential only this machine's same user (and root) comes in; with one, everybody
/// needs a token.
public final class Authenticator: Sendable {
  private let settings: AccessSettings
  private let clock: any WallClock
  private let userID: UInt32
  private let ownerOf: @Sendable (_ peer: SocketEndpoint, _ local: SocketEndpoint) -> UInt32?
  private let origins: OriginPolicy
  /// Replaced whole by `reload`.
  private let verifier: Mutex<TokenVerifier>

  /// Checks the settings and reads the key file; throws `invalid`. `userID` (nil: this process) is the node's own user,
  /// `ownerOf` the lookup of a peer's.
  public init(
    settings: AccessSettings, clock: any WallClock = SystemWallClock(), userID: UInt32? = nil,
    ownerOf: @escaping @Sendable (_ peer: SocketEndpoint, _ local: SocketEndpoint) -> UInt32? = PeerOwner.userID
  ) async throws(Failure) {
    try settings.validate()
    self.settings = settings
    self.clock = clock
    self.userID = userID ?? geteuid()
    self.ownerOf = ownerOf
    origins = OriginPolicy(settings.corsOrigins)
    verifier = Mutex(try await Self.verifier(settings))
  }

  /// Whether callers need a token.
  public var isCredentialRequired: Bool { settings.hasCredential }

  /// Without a credential only loopback names are served (421 otherwise); with one, every name.
  public func allows(host: String?) -> Bool { settings.hasCredential || HostRule.isLoopbackName(host) }

  /// What to do about the request's `Origin`.
  public func decide(origin: String?, host: String?, scheme: String = "http") -> OriginPolicy.Decision {
    origins.decide(origin: origin, host: host, scheme: scheme)
  }

  /// Whether what this peer's `X-Forwarded-…` headers say is believed.
  public func trusts(proxy peer: IPAddress) -> Bool { settings.trustedProxies.contains { $0.contains(peer) } }

  /// The client's address behind trusted proxies; nil when the transport has none.
  public func clientAddress(of credentials: RequestCredentials) -> IPAddress? {
    credentials.peer.map {
      ClientAddress.resolve(
        peer: $0.address, forwardedFor: credentials.forwardedFor, trustedProxies: settings.trustedProxies)
    }
  }

  /// Throws `unauthenticated` (no token, or one that does not hold) or `denied` (no credential is configured, and the
  /// peer is not this machine's same user).
  public func authenticate(_ credentials: RequestCredentials) async throws(Failure) -> Authenticated {
    guard settings.hasCredential else { return try sameUser(credentials) }
    guard let bearer = credentials.bearer else {
      throw Failure(
        .unauthenticated, "this node asks for a credential", hint: "send the header Authorization: Bearer TOKEN")
    }
    if let token = settings.token, token == bearer {
      return Authenticated(caller: Caller(actor: "token", origin: credentials.face, grants: .operator))
    }
    let verifier = verifier.withLock { $0 }
    guard !verifier.keys.isEmpty else { throw TokenVerifier.refusal("it is not the shared token of this node") }
    let claims = try await verifier.verify(bearer.reveal(), nowMilliseconds: clock.nowMilliseconds())
    return Authenticated(
      caller: Caller(actor: claims.subject ?? "jwt", origin: credentials.face, grants: claims.grants),
      expiresAtMilliseconds: Int64(claims.expires * 1_000))
  }

  /// Reads the key file again (SIGHUP). When the new one is bad the old keys stay, and the failure says so.
  public func reload() async throws(Failure) {
    do {
      let fresh = try await Self.verifier(settings)
      verifier.withLock { $0 = fresh }
    } catch {
      throw Failure(error.code, "\(error.message); the keys read before stay in use", hint: error.hint)
    }
  }

  private static func verifier(_ settings: AccessSettings) async throws(Failure) -> TokenVerifier {
    var keys: [VerificationKey] = []
    if let secret = settings.jwtSecret { keys.append(await VerificationKey(secret: secret)) }
    if let path = settings.jwksFile { keys += try await KeyFile.load(path) }
    return TokenVerifier(keys: keys, issuer: settings.jwtIssuer, audience: settings.jwtAudience)
  }

  private func sameUser(_ credentials: RequestCredentials) throws(Failure) -> Authenticated {
    guard let peer = credentials.peer, let local = credentials.local, peer.address.isLoopback,
      clientAddress(of: credentials)?.isLoopback == true
    else {
      throw Failure(
        .denied, "without a credential this node serves only its own machine",
        hint: "set SIGNALBOX_TOKEN, SIGNALBOX_JWT_SECRET or SIGNALBOX_JWKS_FILE")
    }
    guard let owner = ownerOf(peer, local) else {
      throw Failure(
        .denied, "the user at the other end of this connection cannot be told",
        hint: "set SIGNALBOX_TOKEN and send it as a bearer token")
    }
    guard owner == userID || owner == 0 else {
      throw Failure(
        .denied, "without a credential this node serves only the user who started it",
        hint: "set SIGNALBOX_TOKEN and send it as a bearer token")
    }
    return Authenticated(caller: Caller(actor: "local", origin: credentials.face, grants: .operator))
  }
}
