internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes

/// Keeps one connection within its bounds, below Hummingbird: what cannot be parsed is answered with problem details, a
/// body that grows or dawdles past its bound is cut, a client that takes nothing of its answer is cut, and a connection
/// that is to close does so without losing the answer (the sending side first, the rest a moment later).
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// How long a client has to read a last answer before the connection is gone.
  static let lingering: TimeAmount = .seconds(1)

  private let settings: APISettings
  private let statistics: APIStatistics
  private var bodyBytes = 0
  private var bodyMax = 0
  private var answersPending = 0
  private var isDiscarding = false
  private var closesAfterAnswer = false
  private var isClosing = false
  private var arrival: Scheduled<Void>?
  private var stall: Scheduled<Void>?

  init(settings: APISettings, statistics: APIStatistics) {
    self.settings = settings
    self.statistics = statistics
  }

  func handlerAdded(context: ChannelHandlerContext) {
    do { try context.pipeline.syncOperations.setCloseOnExec() } catch { context.fireErrorCaught(error) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isClosing { return }
    let part = unwrapInboundIn(data)
    switch part {
    case .head(let head):
      bodyBytes = 0
      bodyMax = BodyLimit.bytesMax(head.method, head.path ?? "", settings)
      isDiscarding = false
      answersPending += 1
      // Longer than the route's own deadline, so that its answer comes first, on a busy machine too.
      arrival = schedule(context, settings.bodyTimeout + .seconds(5)) { $0.cut(context, .slow) }
      continueIfAsked(context, head)
    case .body(let bytes):
      if isDiscarding { return }
      bodyBytes += bytes.readableBytes
      if bodyBytes > bodyMax {
        isDiscarding = true
        if answersPending == 0 { return cut(context, .body) }
        closesAfterAnswer = true
      }
    case .end:
      arrival?.cancel()
      arrival = nil
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      if head.headerFields[.connection] == "close" { closesAfterAnswer = true }
    case .body: break
    case .end:
      answersPending -= 1
      if closesAfterAnswer {
        context.writeAndFlush(data, promise: promise)
        return close(context)
      }
    }
    context.write(data, promise: promise)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !(error is IOError), !(error is ChannelError), !isClosing else {
      context.fireErrorCaught(error)
      return
    }
    if answersPending > 0 { return cut(context, .malformed) }
    let problem: ProblemDetails
    if case .headerOverflow? = error as? HTTPParserError {
      problem = ProblemDetails(
        .requestHeaderFieldsTooLarge, .head, "the request head is longer than \(settings.headMax) bytes")
    } else {
      problem = ProblemDetails(.badRequest, .malformed, "this is no HTTP/1.1 request")
    }
    statistics.refused(problem.reason)
    let body = problem.body()
    let head = HTTPResponse(
      status: problem.status,
      headerFields: [
        .contentType: "application/problem+json", .contentLength: "\(body.readableBytes)", .connection: "close",
      ])
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(body)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    close(context)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stall?.cancel()
    stall = nil
    if !context.channel.isWritable {
      stall = schedule(context, settings.writeTimeout) { $0.cut(context, .slow) }
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // The client has read its last answer and is gone.
    if isClosing, case .inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    forget()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { forget() }

  /// RFC 9110, 10.1.1: the client waits for a word before it sends the body.
  private func continueIfAsked(_ context: ChannelHandlerContext, _ head: HTTPRequest) {
    guard head.headerFields[.expect]?.lowercased() == "100-continue" else { return }
    let length = head.headerFields[.contentLength].flatMap { Int($0) } ?? 0
    guard length <= bodyMax else { return }
    context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
  }

  private func close(_ context: ChannelHandlerContext) {
    guard !isClosing else { return }
    isClosing = true
    forget()
    context.close(mode: .output, promise: nil)
    arrival = schedule(context, .nanoseconds(Self.lingering.nanoseconds)) { _ in context.close(promise: nil) }
  }

  private func cut(_ context: ChannelHandlerContext, _ reason: ProblemDetails.Reason) {
    statistics.refused(reason)
    isClosing = true
    forget()
    context.close(promise: nil)
  }

  private func forget() {
    arrival?.cancel()
    stall?.cancel()
    arrival = nil
    stall = nil
  }

  private func schedule(
    _ context: ChannelHandlerContext, _ delay: Duration, _ action: @escaping (ConnectionGuard) -> Void
  ) -> Scheduled<Void> {
    context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) { action(self) }
  }
}

/// It lives on one event loop and never leaves it.
@available(*, unavailable)
extension ConnectionGuard: Sendable {}
