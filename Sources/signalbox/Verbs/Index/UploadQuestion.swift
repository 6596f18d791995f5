internal import Base
internal import ControlPlane
internal import ControlSocket
internal import Glibc

/// What a person at a terminal is asked before sources go to a server.
enum UploadQuestion {
  /// Larger runs are asked about each time.
  static let tokensAsked = 1_000_000
  private static let estimateDeadline = Duration.seconds(600)

  /// Returns when the run may begin. Without a terminal nobody is asked: projects that were not allowed stay with the
  /// built-in model, and the report says so.
  static func settle(_ request: ReindexRequest, on plane: any ControlPlane) async throws {
    guard isatty(STDIN_FILENO) == 1, StandardError.isTerminal else { return }
    guard let index = try await plane.snapshot().index, index.embedder != IndexSnapshot().embedder else { return }
    let estimate = try await estimate(request, on: plane)
    guard let server = estimate.uploadsTo else { return }
    if estimate.needsConsent {
      let name = DisplayText(server).truncated(to: 200)
      guard isYes("May the sources of \(request.project) go to \(name), now and from now on?") else {
        return StandardError.say("the built-in model serves \(request.project)")
      }
      _ = try await plane.perform(.allowUpload(id: request.project))
    }
    guard estimate.tokens < tokensAsked || isYes(price(estimate)) else {
      throw Failure(.conflict, "not indexed, as you wished", isRetriable: false)
    }
  }

  private static func estimate(_ request: ReindexRequest, on plane: any ControlPlane) async throws -> ReindexEstimate {
    let query = Query.reindexEstimate(request)
    let answer =
      if let client = plane as? ControlClient { try await client.ask(query, deadline: estimateDeadline) } else {
        try await plane.ask(query)
      }
    guard case .reindexEstimate(let estimate) = answer else { throw Failure.wrongAnswer }
    return estimate
  }

  static func price(_ estimate: ReindexEstimate) -> String {
    let cost = estimate.cost.map { ", about \(Quantity.fixed($0, digits: 2)) US dollars" } ?? ""
    return "\(estimate.chunks) chunks, about \(estimate.tokens) tokens\(cost): go on?"
  }

  private static func isYes(_ question: String) -> Bool {
    StandardError.write("\(question) [y/N] ")
    let answer = readLine() ?? ""
    return ["y", "yes"].contains(answer.lowercased())
  }
}
