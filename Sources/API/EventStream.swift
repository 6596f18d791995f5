internal import Access
internal import Base
internal import ControlPlane
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ServiceLifecycle

/// `GET /v1/events`: server-sent events (WHATWG HTML, 9.2). A stream ends when the node stops, the client goes, or the
/// caller's token expires. A client that reads slowly loses the oldest events, and is told how many.
struct EventStream {
  /// Events held for one client between the bus and the socket.
  static let bufferedMax = 256

  /// What goes out next.
  private enum Piece: Sendable {
    case event(Event)
    case keepAlive
  }

  let settings: APISettings
  let statistics: APIStatistics
  let clock: any WallClock

  func add(to routes: APIRouter) { routes.route(APIRouter.events, get: respond) }

  @Sendable private func respond(_ request: Request, _ context: APIContext) async throws -> Response {
    let kinds = try kinds(request)
    let plane = try context.door()
    if statistics.eventStreams >= settings.eventStreamsMax, request.method != .head { throw tooMany }
    let expires = context.authenticated?.expiresAtMilliseconds
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream"],
      body: ResponseBody { writer in
        guard statistics.openStream(max: settings.eventStreamsMax) else { throw tooMany }
        defer { statistics.closeStream() }
        try await stream(plane.events(), kinds, expires, request, &writer)
        try await writer.finish(nil)
      })
  }

  private var tooMany: ProblemDetails {
    ProblemDetails(
      .tooManyRequests, .streams, "\(settings.eventStreamsMax) event streams are open already", hint: "close one")
  }

  /// `?kind=log,health`, or several `kind`; nil: all.
  private func kinds(_ request: Request) throws -> Set<String>? {
    let names = request.uri.queryParameters.getAll("kind").flatMap { $0.split(separator: ",").map(String.init) }
    for name in names where !EventDocument.kinds.contains(name) {
      throw Failure(
        .invalid, "there is no event of that kind",
        hint: "accepted: \(EventDocument.kinds.joined(separator: ", "))")
    }
    return names.isEmpty ? nil : Set(names)
  }

  private func stream(
    _ events: AsyncStream<Event>, _ kinds: Set<String>?, _ expires: Int64?, _ request: Request,
    _ writer: inout any ResponseBodyWriter
  ) async throws {
    let (pieces, feed) = AsyncStream.makeStream(of: Piece.self, bufferingPolicy: .bufferingNewest(Self.bufferedMax))
    // The head and a first comment at once, so that the client knows that it listens.
    try await writer.write(ByteBuffer(string: ": signalbox events\n\n"))
    let feeder = Feeder(
      events: events, kinds: kinds, keepAlive: settings.eventKeepAlive,
      remaining: expires.map { .milliseconds($0 - clock.nowMilliseconds()) })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await feeder.feedEvents(feed) }
      group.addTask { await feeder.feedKeepAlive(feed) }
      group.addTask { await feeder.endAtExpiry(feed) }
      group.addTask {
        // Reading on is how a closed connection shows. It throws only when the stream is over, one way or another.
        _ = try? await request.body.consumeWithInboundCloseHandler(
          { _ in try await Task.sleep(for: .seconds(86_400)) }, onInboundClosed: { feed.finish() })
      }
      defer { group.cancelAll() }
      try await withGracefulShutdownHandler {
        try await write(pieces, &writer)
      } onGracefulShutdown: {
        feed.finish()
      }
    }
  }

  private func write(_ pieces: AsyncStream<Piece>, _ writer: inout any ResponseBodyWriter) async throws {
    var sequence: UInt64 = 0
    for await piece in pieces {
      switch piece {
      case .keepAlive:
        try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
      case .event(let event):
        sequence += 1
        let data = String(decoding: try JSONBody.encoder().encode(EventDocument(event: event)), as: UTF8.self)
        try await writer.write(ByteBuffer(string: "id: \(sequence)\nevent: \(event.kind)\ndata: \(data)\n\n"))
      }
    }
  }

  /// The child tasks that feed one stream.
  private struct Feeder: Sendable {
    let events: AsyncStream<Event>
    let kinds: Set<String>?
    let keepAlive: Duration
    let remaining: Duration?

    /// Pushed-out events are announced before the next one.
    func feedEvents(_ feed: AsyncStream<Piece>.Continuation) async {
      var lost: UInt64 = 0
      for await event in events where kinds?.contains(event.kind) ?? true {
        if lost > 0 {
          let notice = Event(timeMilliseconds: event.timeMilliseconds, body: .dropped(count: lost))
          lost = 0
          lost += Self.isDropped(feed.yield(.event(notice))) ? 1 : 0
        }
        lost += Self.isDropped(feed.yield(.event(event))) ? 1 : 0
      }
      feed.finish()
    }

    func feedKeepAlive(_ feed: AsyncStream<Piece>.Continuation) async {
      // The sleep ends early only when the stream is over.
      while (try? await Task.sleep(for: keepAlive)) != nil { feed.yield(.keepAlive) }
    }

    func endAtExpiry(_ feed: AsyncStream<Piece>.Continuation) async {
      guard let remaining else { return }
      // The sleep ends early only when the stream is over, and then there is nothing left to end.
      try? await Task.sleep(for: max(.zero, remaining))
      feed.finish()
    }

    private static func isDropped(_ result: AsyncStream<Piece>.Continuation.YieldResult) -> Bool {
      if case .dropped(.event) = result { return true }
      return false
    }
  }
}
