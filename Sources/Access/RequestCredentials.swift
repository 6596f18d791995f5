public import Base
public import ControlPlane

/// What a request shows at the door.
public struct RequestCredentials: Sendable {
  /// The bearer token, from `Authorization`, the Socket.IO handshake or `?token=`.
  public var bearer: Secret?
  /// The machine that spoke, and the address of ours it spoke to. Nil when the transport has none.
  public var peer: SocketEndpoint?
  public var local: SocketEndpoint?
  /// All values of `X-Forwarded-For`, in order; believed only from trusted proxies.
  public var forwardedFor: [String]
  /// The face that took the request.
  public var face: Caller.Origin

  public init(
    bearer: Secret? = nil, peer: SocketEndpoint?, local: SocketEndpoint?, forwardedFor: [String] = [],
    face: Caller.Origin
  ) {
    self.bearer = bearer
    self.peer = peer
    self.local = local
    self.forwardedFor = forwardedFor
    self.face = face
  }

  /// The token of `Authorization: Bearer TOKEN` (RFC 6750, 2.1). `values`: every such header. Nil when there is
  /// none; throws `unauthenticated` when there are several or it is of another scheme.
  public static func bearer(authorization values: [String]) throws(Failure) -> Secret? {
    guard let value = values.first else { return nil }
    let parts = value.split(separator: " ", maxSplits: 1)
    guard values.count == 1, parts.count == 2, parts[0].lowercased() == "bearer" else {
      throw Failure(
        .unauthenticated, "the Authorization header is malformed", hint: "accepted: Authorization: Bearer TOKEN")
    }
    return Secret(parts[1].trimmingBlanks())
  }
}

/// A caller whose credential held.
public struct Authenticated: Sendable, Equatable {
  public var caller: Caller
  /// When the credential ends, in milliseconds since 1970; nil: never. A long-lived connection is closed then.
  public var expiresAtMilliseconds: Int64?

  public init(caller: Caller, expiresAtMilliseconds: Int64? = nil) {
    self.caller = caller
    self.expiresAtMilliseconds = expiresAtMilliseconds
  }
}
