internal import Access
internal import ControlPlane
internal import Hummingbird
internal import NIOCore

/// What travels with a request. The middleware fills in who calls; a route finds the plane that belongs to them.
struct APIContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let peer: SocketEndpoint?
  let local: SocketEndpoint?
  /// Nil on routes that are open to everybody.
  var authenticated: Authenticated?
  var plane: (any ControlPlane)?

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    peer = Self.endpoint(source.channel.remoteAddress)
    local = Self.endpoint(source.channel.localAddress)
  }

  /// The caller's plane. Only open routes have none, and they do not ask.
  func door() throws -> any ControlPlane {
    guard let plane else { throw ProblemDetails(.internalServerError, .internal, "no caller at a guarded route") }
    return plane
  }

  private static func endpoint(_ address: SocketAddress?) -> SocketEndpoint? {
    guard let host = address?.ipAddress, let port = address?.port else { return nil }
    return SocketEndpoint(host, port: port)
  }
}
