internal import Base
internal import ControlPlane
internal import Hummingbird
internal import NIOCore

/// `/metrics`, `/v1/status` and `/v1/bench`.
struct NodeRoutes {
  static let historyMax = 1_000

  /// The body of `POST /v1/bench`. `live`: go ahead although clients of production may be on this node.
  private struct BenchRequest: Decodable {
    var suites: [String]?
    var live: Bool?
    /// 1 to 20.
    var runs: Int?
  }

  let settings: APISettings
  let metrics: @Sendable () -> String

  func add(to routes: APIRouter) {
    routes.route(
      APIRouter.metrics,
      get: { [metrics] _, _ in
        Response(
          status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
          body: ResponseBody(byteBuffer: ByteBuffer(string: metrics())))
      })
    routes.route(
      APIRouter.status,
      get: { _, context in try JSONBody.response(try await context.door().snapshot()) })
    routes.route(
      APIRouter.bench, get: benchHistory, post: runBench, delete: cancelBench, timeout: settings.benchTimeout)
  }

  @Sendable private func benchHistory(_ request: Request, _ context: APIContext) async throws -> Response {
    var limit = 50
    if let text = request.uri.queryParameters["limit"] {
      guard let value = Int(text), (1...Self.historyMax).contains(value) else {
        throw Failure(.invalid, "limit is out of range", hint: "accepted: 1 to \(Self.historyMax)")
      }
      limit = value
    }
    let plane = try context.door()
    guard case .benchHistory(let reports) = try await plane.ask(.benchHistory(limit: limit)) else {
      throw Failure(.internal, "the node gave another answer than was asked for")
    }
    return try JSONBody.response(reports)
  }

  @Sendable private func runBench(_ request: Request, _ context: APIContext) async throws -> Response {
    let wish = try await JSONBody.read(
      BenchRequest.self, from: request, bytesMax: settings.bodyMax, within: settings.bodyTimeout,
      expected: "accepted: {\"suites\":[\"control\"],\"live\":false,\"runs\":3}, all optional")
    let options = BenchOptions(suites: wish.suites ?? [], isLiveConfirmed: wish.live ?? false, runs: wish.runs)
    let outcome = try await context.door().perform(.runBench(options))
    guard case .bench(let report) = outcome.result else {
      throw Failure(.internal, "the node gave another outcome than a bench report")
    }
    return try JSONBody.response(report)
  }
  /// `{"stopped":true}` when there was one to stop.
  @Sendable private func cancelBench(_ request: Request, _ context: APIContext) async throws -> Response {
    guard case .stopped(let isStopped) = try await context.door().perform(.cancelBench).result else {
      throw Failure(.internal, "the node gave another outcome than was asked for")
    }
    return try JSONBody.response(["stopped": isStopped])
  }
}
