internal import Access
internal import Base
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// One HTTP connection: gathers requests within their limits, checks what every request must pass (Host, Origin, who
/// it is), and hands them to the session's loop. Lives on its channel's event loop.
///
/// Deadlines: the first whole head within `headerDeadline` of the accept, every body within `bodyDeadline` of its head,
/// the next request within `keepAlive` of the last request or the answer it waited for. A waiting GET has none of its
/// own: the session's heartbeat answers it.
final class HTTPConnection: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  let front: HTTPFront
  let descriptor: Int32
  let ends: ConnectionEnds
  private let isPolite503: Bool
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var isRefused = false
  private var isHalfOpen = true
  private var crowdNumber: UInt64?
  var hasLeft = false
  private var timer: Scheduled<Void>?
  /// Told once when no credential is configured: the machine's user at the other end of this very connection.
  var sameUser: Authenticated?
  /// The GET that waits, and whose it is.
  var waiting: (session: SessionID, reply: HTTPReply)?

  init(front: HTTPFront, descriptor: Int32, ends: ConnectionEnds, isPolite503: Bool) {
    self.front = front
    self.descriptor = descriptor
    self.ends = ends
    self.isPolite503 = isPolite503
  }

  // MARK: Life

  func channelActive(context: ChannelHandlerContext) {
    arm(front.options.headerDeadline, context)
    context.fireChannelActive()
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let (number, evicted) = front.crowd.enter(context.channel)
    crowdNumber = number
    if let evicted {
      front.admission.refused.wrappingAdd(1, ordering: .relaxed)
      evicted.close(mode: .all, promise: nil)
    }
    if context.channel.isActive { arm(front.options.headerDeadline, context) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // What is no HTTP is answered by the decoder's own error only once; then the connection ends.
    if error is HTTPParserError, !isRefused {
      isRefused = true
      HTTPReply(channel: context.channel, keepAlive: false, allowedOrigin: nil).send(
        .init(status: .badRequest, body: Array("this is not HTTP".utf8), isClosing: true))
    } else {
      context.close(promise: nil)
    }
  }

  private func leave() {
    timer?.cancel()
    timer = nil
    endHalfOpen()
    if !hasLeft {
      hasLeft = true
      front.admission.left()
    }
    if let waiting, waiting.reply.claim() {
      front.loop(of: waiting.session)?.mailbox.post(.pollAborted(waiting.session, waiting.reply))
    }
    waiting = nil
  }

  func endHalfOpen() {
    guard isHalfOpen else { return }
    isHalfOpen = false
    if let crowdNumber { front.crowd.leave(crowdNumber) }
    front.admission.handshaken()
  }

  private func arm(_ deadline: Duration, _ context: ChannelHandlerContext) {
    timer?.cancel()
    let channel = context.channel
    timer = context.eventLoop.scheduleTask(in: .nanoseconds(deadline.nanoseconds)) {
      channel.close(mode: .all, promise: nil)
    }
  }

  /// The GET that waited is answered: from here on its client is waited for again.
  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if waiting != nil, !hasLeft, case .end = unwrapOutboundIn(data) {
      waiting = nil
      arm(front.options.keepAlive, context)
    }
    context.write(data, promise: promise)
  }

  // MARK: Gathering

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isRefused else { return }
    switch unwrapInboundIn(data) {
    case .head(let head): began(head, context)
    case .body(let buffer): gather(buffer, context)
    case .end: ended(context)
    }
  }

  private func began(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    self.head = head
    body = []
    arm(front.options.bodyDeadline, context)
    let length = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
    if length > front.options.payloadBytesMax { refuseBody(context) }
  }

  private func gather(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
    guard body.count + buffer.readableBytes <= front.options.payloadBytesMax else { return refuseBody(context) }
    body.append(contentsOf: buffer.readableBytesView)
  }

  private func refuseBody(_ context: ChannelHandlerContext) {
    isRefused = true
    endHalfOpen()
    let text = "a request body may have \(front.options.payloadBytesMax) bytes"
    reply(context, nil).send(.init(status: .payloadTooLarge, body: Array(text.utf8), isClosing: true))
  }

  private func ended(_ context: ChannelHandlerContext) {
    guard let head else { return }
    endHalfOpen()
    arm(front.options.keepAlive, context)
    let body = self.body
    self.head = nil
    self.body = []
    guard !isPolite503, !front.admission.isDraining.load(ordering: .relaxed) else {
      return reply(context, nil, keepAlive: false).send(
        .init(status: .serviceUnavailable, body: Array("no room".utf8), retryAfterSeconds: 5, isClosing: true))
    }
    check(head, body, context)
  }

  func reply(
    _ context: ChannelHandlerContext, _ origin: OriginPolicy.Decision?, keepAlive: Bool = true, isHead: Bool = false
  ) -> HTTPReply {
    var allowed: String?
    if case .allowed(let value) = origin { allowed = value }
    return HTTPReply(channel: context.channel, keepAlive: keepAlive, allowedOrigin: allowed, isHead: isHead)
  }

  /// A GET waits for the session: no deadline of the connection's own.
  func waits(_ session: SessionID, _ reply: HTTPReply) {
    timer?.cancel()
    timer = nil
    waiting = (session, reply)
  }
}
