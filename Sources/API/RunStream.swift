internal import Base
internal import ControlPlane
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// A run as server-sent events: `queued` and `running` with the run's summary, `stdout` and `stderr` with `{"text"}` as
/// the program writes, and at the end `result` with the whole result, or `error` with problem details. A client that
/// goes away ends its run; one that reads slowly may miss pieces of output, and finds all of it in the result.
struct RunStream {
  /// Pieces held for the client.
  private static let bufferedMax = 512
  /// How long the last pieces may take after the result.
  private static let lastPieces = Duration.seconds(1)

  let plane: any ControlPlane
  let wish: RunRequest

  func response(to request: Request) -> Response {
    Response(
      status: .ok, headers: [.contentType: "text/event-stream", .connection: "close"],
      body: ResponseBody { writer in
        try await stream(request, &writer)
        try await writer.finish(nil)
      })
  }

  private func stream(_ request: Request, _ writer: inout any ResponseBodyWriter) async throws {
    let events = plane.events()
    let work = Task { [plane, wish] in try await RunRoutes.carryOut(wish, on: plane) }
    defer { work.cancel() }
    let (pieces, feed) = AsyncStream.makeStream(
      of: Event.Body.self, bufferingPolicy: .bufferingNewest(Self.bufferedMax))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [id = wish.id ?? ""] in await Self.follow(events, id, feed) }
      group.addTask {
        // A refusal has no pieces to wait for; the sleep is ended by the end of the stream.
        if case .success = await work.result { try? await Task.sleep(for: Self.lastPieces) }
        feed.finish()
      }
      group.addTask {
        // It throws only when the stream is over, one way or another.
        _ = try? await request.body.consumeWithInboundCloseHandler(
          { _ in try await Task.sleep(for: .seconds(86_400)) },
          onInboundClosed: {
            work.cancel()
            feed.finish()
          })
      }
      defer { group.cancelAll() }
      var (stdout, stderr) = (TextPieces(), TextPieces())
      for await piece in pieces { try await Self.write(piece, &stdout, &stderr, &writer) }
      try await Self.write(last: await work.result, &writer)
    }
  }

  private static func follow(
    _ events: AsyncStream<Event>, _ id: String, _ feed: AsyncStream<Event.Body>.Continuation
  ) async {
    for await event in events {
      switch event.body {
      case .runOutput(let output) where output.id == id: feed.yield(event.body)
      case .run(let run) where run.id == id:
        if run.state == .finished { return feed.finish() }
        feed.yield(event.body)
      default: break
      }
    }
  }

  private static func write(
    _ piece: Event.Body, _ stdout: inout TextPieces, _ stderr: inout TextPieces,
    _ writer: inout any ResponseBodyWriter
  ) async throws {
    switch piece {
    case .run(let summary): try await write(summary.state.rawValue, summary, &writer)
    case .runOutput(let output):
      let isStdout = output.stream == .stdout
      let text = isStdout ? stdout.take(output.bytes.bytes) : stderr.take(output.bytes.bytes)
      guard !text.isEmpty else { return }
      try await write(output.stream.rawValue, RunDocuments.Text(text: text), &writer)
    default: break
    }
  }

  private static func write(
    last result: Result<RunResult, any Error>, _ writer: inout any ResponseBodyWriter
  ) async throws {
    switch result {
    case .success(let result): try await write("result", result, &writer)
    case .failure(let error):
      let document = String(buffer: ProblemDetails(error: error).body())
      try await writer.write(ByteBuffer(string: "event: error\ndata: \(document)\n\n"))
    }
  }

  private static func write(
    _ name: String, _ value: some Encodable, _ writer: inout any ResponseBodyWriter
  ) async throws {
    let data = String(decoding: try JSONBody.encoder().encode(value), as: UTF8.self)
    try await writer.write(ByteBuffer(string: "event: \(name)\ndata: \(data)\n\n"))
  }
}
