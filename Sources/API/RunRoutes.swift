internal import Base
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// `/v1/sandbox/…` (CONTRACT, HTTP API).
struct RunRoutes {
  static let all = "/v1/sandbox/runs"
  static let one = "/v1/sandbox/runs/:run"
  static let file = "/v1/sandbox/runs/:run/files/**"
  static let images = "/v1/sandbox/images"

  let settings: APISettings

  func add(to routes: APIRouter) {
    routes.route(Self.all, get: list, post: run, timeout: settings.runTimeout)
    routes.route(Self.one, get: show, delete: kill)
    routes.route(Self.file, get: file)
    routes.route(Self.images, post: pull, timeout: settings.runTimeout)
  }

  // MARK: A new run

  @Sendable private func run(_ request: Request, _ context: APIContext) async throws -> Response {
    _ = try RequestTarget.fields(request, known: [])
    let plane = try context.door()
    if Self.wantsEvents(request) {
      let connection = OpenConnection(request) { try await wish($0) }
      return RunStream(plane: plane, wish: try await connection.value(), connection: connection).response()
    }
    // A client that goes away ends its run. Reading on is how that shows: whatever else it sends is lost, so the
    // connection ends with this answer. The body is read inside, since a body that was read before has no end to see.
    let result = try await request.body.consumeWithCancellationOnInboundClose { body in
      var request = request
      request.body = body
      return try await Self.carryOut(try await wish(request), on: plane)
    }
    var response = try JSONBody.response(result)
    response.headers[.connection] = "close"
    return response
  }

  private func wish(_ request: Request) async throws -> RunRequest {
    var wish = try await JSONBody.read(
      RunDocuments.Wish.self, from: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout,
      expected: "accepted: \(RunDocuments.Wish.form)"
    ).request
    wish.id = Digest.hex((0..<8).map { _ in UInt8.random(in: 0...255) })
    return wish
  }

  static func carryOut(_ wish: RunRequest, on plane: any ControlPlane) async throws -> RunResult {
    guard case .run(let result) = try await plane.perform(.run(wish)).result else { throw Failure.otherAnswer }
    return result
  }

  private static func wantsEvents(_ request: Request) -> Bool {
    (request.headers[.accept] ?? "").split(separator: ",").contains { entry in
      let type = entry.split(separator: ";").first ?? ""
      return type.filter { $0 != " " }.lowercased() == "text/event-stream"
    }
  }

  // MARK: Runs that are there

  @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
    let fields = try RequestTarget.fields(request, known: ["q", "outcome", "limit"])
    var query = RunQuery(text: fields["q"])
    if let text = fields["outcome"] {
      guard let outcome = RunOutcome(rawValue: text) else {
        let known = RunOutcome.allCases.map(\.rawValue).joined(separator: ", ")
        throw Failure(.invalid, "there is no such outcome", hint: "accepted: \(known)")
      }
      query.outcome = outcome
    }
    if let limit = fields["limit"] { query.limit = Int(limit) ?? 0 }
    guard case .runs(let runs) = try await context.door().ask(.runs(query)) else { throw Failure.otherAnswer }
    return try JSONBody.response(runs)
  }

  @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try Self.id(of: request)
    guard case .run(let detail) = try await context.door().ask(.run(id: id)) else { throw Failure.otherAnswer }
    return try JSONBody.response(detail)
  }

  @Sendable private func kill(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try Self.id(of: request)
    guard case .stopped(let isKilled) = try await context.door().perform(.killRun(id: id)).result else {
      throw Failure.otherAnswer
    }
    return try JSONBody.response(RunDocuments.Killed(id: id, killed: isKilled))
  }

  /// What a program left: bytes of a stranger, which must not become a page of this origin in somebody's browser.
  @Sendable private func file(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try Self.id(of: request)
    let segments = request.uri.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(6)
    let path = try segments.map { try RequestTarget.decoded($0) }.joined(separator: "/")
    guard case .runFile(let blob) = try await context.door().ask(.runFile(id: id, path: path)) else {
      throw Failure.otherAnswer
    }
    return Response(
      status: .ok,
      headers: [
        .contentType: "application/octet-stream", .contentDisposition: "attachment",
        .contentSecurityPolicy: "sandbox; default-src 'none'", .xContentTypeOptions: "nosniff",
      ],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: blob.bytes)))
  }

  /// Has the Docker Engine fetch what it has not got.
  @Sendable private func pull(_ request: Request, _ context: APIContext) async throws -> Response {
    _ = try RequestTarget.fields(request, known: [])
    guard case .images(let names) = try await context.door().perform(.pullImages).result else {
      throw Failure.otherAnswer
    }
    return try JSONBody.response(RunDocuments.Images(images: names))
  }

  private static func id(of request: Request) throws(Failure) -> String {
    _ = try RequestTarget.fields(request, known: [])
    return try RequestTarget.segment(3, of: request)
  }
}
