internal import Base
internal import ControlPlane
internal import Hummingbird

/// `/v1/sockets` (CONTRACT, HTTP API).
struct SocketRoutes {
  static let all = "/v1/sockets"
  static let one = "/v1/sockets/:socket"

  func add(to routes: APIRouter) {
    routes.route(Self.all, get: list)
    routes.route(Self.one, get: show, delete: kick)
  }

  @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
    let fields = try RequestTarget.fields(request, known: ["filter", "sort", "offset", "limit"])
    var query = SocketQuery(filter: fields["filter"])
    if let sort = fields["sort"] { try query.sort(by: sort) }
    if let offset = fields["offset"] { query.offset = Int(offset) ?? -1 }
    if let limit = fields["limit"] { query.limit = Int(limit) ?? 0 }
    try query.check()
    guard case .sockets(let page) = try await context.door().ask(.sockets(query)) else { throw Failure.otherAnswer }
    return try JSONBody.response(page)
  }

  @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try Self.id(of: request)
    guard case .socket(let detail) = try await context.door().ask(.socket(id: id)) else { throw Failure.otherAnswer }
    return try JSONBody.response(detail)
  }

  @Sendable private func kick(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try Self.id(of: request)
    guard case .kicked(let report) = try await context.door().perform(.kickSockets(ids: [id])).result else {
      throw Failure.otherAnswer
    }
    return try JSONBody.response(report)
  }

  private static func id(of request: Request) throws(Failure) -> String {
    _ = try RequestTarget.fields(request, known: [])
    let id = try RequestTarget.segment(2, of: request)
    try PublishRule.check(socketID: id)
    return id
  }
}

extension Failure {
  static let otherAnswer = Failure(.internal, "the node gave another answer than was asked for")
}
