internal import Access
internal import Base
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// The door of the API, around every route, the unknown ones included. Order: form of the request, Host, Origin,
/// credential, size; only then the route, with the plane of the caller. Nothing is thrown past it: every error leaves
/// as problem details, with the same headers, counted and logged.
struct AccessMiddleware: RouterMiddleware {
  typealias Context = APIContext

  let settings: APISettings
  let authenticator: Authenticator
  let doorkeeper: any Doorkeeper
  let statistics: APIStatistics
  let logger: Logger

  func handle(
    _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    var origin = OriginPolicy.Decision.foreign
    var context = context
    var response: Response
    do {
      origin = try checkForm(request, context)
      if let preflight = preflight(request, origin) {
        response = preflight
      } else {
        try await admit(request, &context)
        response = try await next(request, context)
      }
    } catch {
      let problem = ProblemDetails(error: error)
      if problem.reason == .internal { logger.error("request failed", metadata: ["error": "\(error)"]) }
      statistics.refused(problem.reason)
      response = problem.response()
      // What is left of its body is not worth reading.
      if hasBody(request) { response.headers[.connection] = "close" }
    }
    finish(&response, request, origin)
    record(request, response, context, ContinuousClock.now - start)
    return response
  }

  private func checkForm(_ request: Request, _ context: APIContext) throws -> OriginPolicy.Decision {
    guard RequestTarget.isServed(request.head.path ?? "") else {
      throw ProblemDetails(
        .badRequest, .malformed, "the request target is malformed", hint: "accepted: a path, percent-encoded UTF-8")
    }
    guard let host = HTTPField.Name("Host"), request.headers[values: host].isEmpty else {
      throw ProblemDetails(.badRequest, .malformed, "the request has more than one Host header")
    }
    guard authenticator.allows(host: request.head.authority) else {
      throw ProblemDetails(
        .misdirectedRequest, .host, "this node answers only to loopback names",
        hint: "use localhost or 127.0.0.1 as the host, or set SIGNALBOX_TOKEN")
    }
    let origins = request.headers[values: .origin]
    let decision = authenticator.decide(
      origin: origins.count > 1 ? "null" : origins.first, host: request.head.authority,
      scheme: scheme(request, context))
    guard decision != .foreign else {
      throw ProblemDetails(
        .forbidden, .origin, "pages of this origin may not call this node", hint: "name the origin in CORS_ORIGIN")
    }
    return decision
  }

  /// Behind a trusted proxy that ends TLS, our own origin begins with https.
  private func scheme(_ request: Request, _ context: APIContext) -> String {
    guard let name = HTTPField.Name("X-Forwarded-Proto"), request.headers[name]?.lowercased() == "https",
      let peer = context.peer?.address, authenticator.trusts(proxy: peer)
    else { return "http" }
    return "https"
  }

  /// The browser's question before a cross-origin request. It carries no credential, so it is answered before one is
  /// asked for.
  private func preflight(_ request: Request, _ origin: OriginPolicy.Decision) -> Response? {
    guard request.method == .options, origin != .absent, request.headers[.accessControlRequestMethod] != nil else {
      return nil
    }
    return Response(
      status: .noContent,
      headers: [
        .accessControlAllowMethods: "GET, HEAD, POST, PUT, DELETE",
        .accessControlAllowHeaders: "Authorization, Content-Type, Last-Event-ID",
        .accessControlMaxAge: "600",
      ])
  }

  private func admit(_ request: Request, _ context: inout APIContext) async throws {
    var credentials = RequestCredentials(
      peer: context.peer, local: context.local, forwardedFor: forwardedFor(request), face: .http)
    if !isOpen(context.endpointPath, credentials) {
      if authenticator.isCredentialRequired {
        credentials.bearer = try RequestCredentials.bearer(authorization: request.headers[values: .authorization])
      }
      let authenticated = try await authenticator.authenticate(credentials)
      context.authenticated = authenticated
      context.plane = doorkeeper.door(for: authenticated.caller)
    }
    let bodyMax = BodyLimit.bytesMax(request.method, request.head.path ?? "", settings)
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > bodyMax {
      throw ProblemDetails(
        .contentTooLarge, .body, "the request body has \(length) bytes, and at most \(bodyMax) are read")
    }
  }

  /// `/health*` is open to all who pass the Host rule; `/metrics` to this machine. Decided by the route that matched,
  /// never by the text of the path.
  private func isOpen(_ route: String?, _ credentials: RequestCredentials) -> Bool {
    switch route {
    case APIRouter.health, APIRouter.healthLive, APIRouter.healthReady: true
    case APIRouter.metrics: authenticator.clientAddress(of: credentials)?.isLoopback == true
    default: false
    }
  }

  private func forwardedFor(_ request: Request) -> [String] {
    HTTPField.Name("X-Forwarded-For").map { request.headers[values: $0] } ?? []
  }

  private func hasBody(_ request: Request) -> Bool {
    request.headers[.transferEncoding] != nil || (request.headers[.contentLength] ?? "0") != "0"
  }

  private func finish(_ response: inout Response, _ request: Request, _ origin: OriginPolicy.Decision) {
    response.headers[.xContentTypeOptions] = "nosniff"
    response.headers[.cacheControl] = "no-store"
    response.headers[.vary] = "Origin"
    if case .allowed(let value) = origin { response.headers[.accessControlAllowOrigin] = value }
    if request.method == .head {
      response = Response(status: response.status, headers: response.headers, body: ResponseBody())
    }
  }

  private func record(_ request: Request, _ response: Response, _ context: APIContext, _ duration: Duration) {
    statistics.answered(
      route: context.endpointPath ?? "unknown", method: request.method.rawValue, status: response.status.code,
      duration: duration)
    logger.debug(
      "request",
      metadata: [
        "method": "\(request.method.rawValue)", "target": "\(RequestTarget.redacted(request.head.path ?? ""))",
        "status": "\(response.status.code)", "milliseconds": "\(Quantity.fixed(duration.milliseconds, digits: 3))",
        "actor": "\(context.authenticated?.caller.actor ?? "-")",
      ])
  }
}
