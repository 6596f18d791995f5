internal import Base
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird

/// All routes. A path knows its methods, so that any other gets 405 with `Allow`, and every handler its deadline.
struct APIRouter {
  typealias Handler = @Sendable (Request, APIContext) async throws -> Response

  static let health = "/health"
  static let healthLive = "/health/live"
  static let healthReady = "/health/ready"
  static let metrics = "/metrics"
  static let status = "/v1/status"
  static let events = "/v1/events"
  static let bench = "/v1/bench"

  /// Every method a route could have. An unknown one never leaves the HTTP parser.
  private static let methods: [HTTPRequest.Method] = [
    .get, .head, .post, .put, .delete, .patch, .options, .trace, .connect,
  ]

  let router = Router(context: APIContext.self)
  private let timeout: Duration

  init(_ middleware: AccessMiddleware, timeout: Duration) {
    self.timeout = timeout
    router.add(middleware: middleware)
  }

  /// `GET` answers `HEAD` too, without a body. `timeout` nil: the usual one.
  func route(
    _ path: String, get: Handler? = nil, post: Handler? = nil, put: Handler? = nil, delete: Handler? = nil,
    timeout: Duration? = nil
  ) {
    let handlers: [(HTTPRequest.Method, Handler?)] = [
      (.get, get), (.head, get), (.post, post), (.put, put), (.delete, delete),
    ]
    let limit = timeout ?? self.timeout
    var allowed: [HTTPRequest.Method] = []
    for case (let method, let handler?) in handlers {
      allowed.append(method)
      router.on(RouterPath(path), method: method) { request, context in
        let late = ProblemDetails(.gatewayTimeout, .timeout, "the answer took too long")
        return try await Deadline.run(limit, or: late) { try await handler(request, context) }
      }
    }
    let allow = allowed.map(\.rawValue).joined(separator: ", ")
    for method in Self.methods where !allowed.contains(method) {
      router.on(RouterPath(path), method: method) { _, _ -> Response in
        var problem = ProblemDetails(.methodNotAllowed, .method, "this route takes \(allow)")
        problem.headers[.allow] = allow
        throw problem
      }
    }
  }
}
