internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import SocketProtocol

/// The way out of NIO. The handshake has been checked here; the loop will write the 101 itself, so that nothing of the
/// answer can stay behind in NIO. NIO only ever calls close(2) on its descriptor, so a duplicate of it lives on.
///
///     stop reading -> remove the decoder, which gives back what the client sent behind its request
///       -> dup(descriptor) -> close the channel -> the loop owns the duplicate
extension HTTPConnection {
  func upgrade(
    _ request: Request, _ kind: SessionKind, _ session: SessionID?, _ facts: ClientFacts,
    _ context: ChannelHandlerContext
  ) {
    guard UpgradeRequest.hasVersion(request.head) else {
      return request.reply.send(
        .init(status: .upgradeRequired, body: Array("WebSocket version 13 is spoken".utf8), isClosing: true))
    }
    guard let accept = UpgradeRequest.accept(request.head) else {
      return request.reply.send(
        .init(status: .badRequest, body: Array("malformed WebSocket handshake".utf8), isClosing: true))
    }
    let offers = request.head.headers["Sec-WebSocket-Extensions"]
    let deflate = front.options.isCompressing ? DeflateParameters.negotiate(offers) : nil
    var handover = Handover(
      descriptor: -1, kind: kind, session: session, answer: [], leftover: [], deflate: deflate, client: facts)
    WebSocketHandshake.appendResponse(accept: accept, deflate: deflate, to: &handover.answer)
    request.reply.claim()
    leaveNIO(handover, context)
  }

  private func leaveNIO(_ handover: Handover, _ context: ChannelHandlerContext) {
    let channel = context.channel
    let collector = LeftoverCollector()
    do {
      try channel.syncOptions?.setOption(.autoRead, value: false)
      let pipeline = channel.pipeline.syncOperations
      let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
      try pipeline.addHandler(
        collector, position: .after(try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)))
      let bound = NIOLoopBound((self, collector), eventLoop: context.eventLoop)
      pipeline.removeHandler(context: decoder).whenComplete { _ in
        let (connection, collector) = bound.value
        connection.handOver(handover, collector.bytes, channel)
      }
    } catch {
      context.close(promise: nil)
    }
  }

  private func handOver(_ handover: Handover, _ leftover: [UInt8], _ channel: any Channel) {
    guard channel.isActive, !hasLeft else { return }
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { return channel.close(mode: .all, promise: nil) }
    // From here on the loop counts it.
    hasLeft = true
    var handover = handover
    handover.descriptor = copy
    handover.leftover = leftover
    let seat = handover.session.flatMap { front.loop(of: $0) } ?? front.deal()
    let admission = front.admission
    let letter = Letter.adopt(handover)
    channel.close(mode: .all).whenComplete { _ in
      if !seat.mailbox.post(letter) {
        Glibc.close(copy)
        admission.left()
      }
    }
  }
}

/// Takes the raw bytes that the HTTP decoder gives back when it is removed.
final class LeftoverCollector: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private(set) var bytes: [UInt8] = []

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    bytes.append(contentsOf: unwrapInboundIn(data).readableBytesView)
  }
}
