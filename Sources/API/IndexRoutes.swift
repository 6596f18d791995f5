internal import Base
internal import ControlPlane
internal import HTTPTypes
internal import Hummingbird

/// `/v1/index/…` and `/v1/embeddings` (CONTRACT, HTTP API).
struct IndexRoutes {
  static let projects = "/v1/index/projects"
  static let reindex = "/v1/index/:project/reindex"
  static let search = "/v1/index/search"
  static let embeddings = "/v1/embeddings"

  let settings: APISettings

  func add(to routes: APIRouter) {
    routes.route(Self.projects, get: list, post: add, delete: remove)
    // As long as a bench may take: it answers when the run has ended.
    routes.route(Self.reindex, post: reindex, delete: cancel, timeout: settings.benchTimeout)
    routes.route(Self.search, get: search)
    routes.route(Self.embeddings, post: embed)
  }

  // MARK: Projects

  @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
    _ = try RequestTarget.fields(request, known: [])
    guard let index = try await context.door().snapshot().index else {
      throw Failure(
        .unavailable, "this node does not run the index", hint: "name it in SIGNALBOX_ENGINES", isRetriable: false)
    }
    return try JSONBody.response(index.projects)
  }

  @Sendable private func add(_ request: Request, _ context: APIContext) async throws -> Response {
    _ = try RequestTarget.fields(request, known: [])
    let wish = try await JSONBody.read(
      IndexDocuments.NewProject.self, from: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout,
      expected: "accepted: \(IndexDocuments.NewProject.form)")
    let outcome = try await context.door().perform(.addProject(path: wish.path, id: wish.id))
    guard case .project(let project) = outcome.result else { throw Failure.otherAnswer }
    return try JSONBody.response(project, status: .created)
  }

  @Sendable private func remove(_ request: Request, _ context: APIContext) async throws -> Response {
    let fields = try RequestTarget.fields(request, known: ["id"])
    guard let text = fields["id"] else { throw Failure(.invalid, "the parameter id is missing", hint: "?id=PROJECT") }
    let outcome = try await context.door().perform(.removeProject(id: try ProjectID(checking: text)))
    guard case .project(let project) = outcome.result else { throw Failure.otherAnswer }
    return try JSONBody.response(project)
  }

  // MARK: Runs

  /// A hook may call it without a body.
  @Sendable private func reindex(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try Self.project(of: request)
    var wish = IndexDocuments.Reindex()
    if request.headers[.contentType] != nil {
      wish = try await JSONBody.read(
        IndexDocuments.Reindex.self, from: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout,
        expected: "accepted: \(IndexDocuments.Reindex.form)")
    } else {
      try await requireNoBody(request)
    }
    let outcome = try await context.door().perform(.reindex(ReindexRequest(project: id, isFull: wish.isFull)))
    guard case .reindexed(let report) = outcome.result else { throw Failure.otherAnswer }
    return try JSONBody.response(report)
  }

  private func requireNoBody(_ request: Request) async throws {
    let slow = ProblemDetails(.requestTimeout, .slow, "the request body did not arrive in time")
    let bytes = try await Deadline.run(settings.bodyTimeout, or: slow) { [settings] in
      try await request.body.collect(upTo: settings.bodyMax).readableBytes
    }
    guard bytes == 0 else {
      throw ProblemDetails(
        .unsupportedMediaType, .media, "this route takes JSON", hint: "send the header Content-Type: application/json")
    }
  }

  @Sendable private func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try Self.project(of: request)
    guard case .stopped(let isStopped) = try await context.door().perform(.cancelReindex(id: id)).result else {
      throw Failure.otherAnswer
    }
    return try JSONBody.response(IndexDocuments.Stopped(project: id, stopped: isStopped))
  }

  private static func project(of request: Request) throws(Failure) -> ProjectID {
    _ = try RequestTarget.fields(request, known: [])
    return try ProjectID(checking: try RequestTarget.segment(2, of: request))
  }

  // MARK: Questions

  @Sendable private func search(_ request: Request, _ context: APIContext) async throws -> Response {
    let fields = try RequestTarget.fields(request, known: ["q", "project", "limit", "language", "path"])
    guard let text = fields["q"], !text.isEmpty else { throw Failure(.invalid, "the parameter q is missing") }
    var query = SearchQuery(text, language: fields["language"], path: fields["path"])
    if let limit = fields["limit"] {
      guard let number = Int(limit), (1...SearchQuery.limitMax).contains(number) else {
        throw Failure(.invalid, "limit is out of range", hint: "accepted: 1 to \(SearchQuery.limitMax)")
      }
      query.limit = number
    }
    if let project = fields["project"] { query.projects = [try ProjectID(checking: project)] }
    guard case .search(let reply) = try await context.door().ask(.search(query)) else { throw Failure.otherAnswer }
    return try JSONBody.response(reply.hits)
  }

  @Sendable private func embed(_ request: Request, _ context: APIContext) async throws -> Response {
    _ = try RequestTarget.fields(request, known: [])
    let wish = try await JSONBody.read(
      IndexDocuments.EmbeddingRequest.self, from: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout,
      expected: "accepted: \(IndexDocuments.EmbeddingRequest.form)")
    guard case .embeddings(let reply) = try await context.door().ask(.embeddings(wish.texts)) else {
      throw Failure.otherAnswer
    }
    return try JSONBody.response(IndexDocuments.EmbeddingAnswer(reply, isBase64: wish.isBase64))
  }
}
