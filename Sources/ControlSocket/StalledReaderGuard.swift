internal import NIOCore

/// Closes a connection whose other end has not read anything for `deadline` while bytes wait for it. Lives on the
/// connection's event loop. Progress is a completed write, so writers hand over pieces, not whole large frames.
final class StalledReaderGuard: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let deadline: TimeAmount
  private let onStall: @Sendable () -> Void
  private var waitingWrites = 0
  private var lastProgress = NIODeadline.now()
  private var check: Scheduled<Void>?

  init(deadline: Duration, onStall: @escaping @Sendable () -> Void) {
    self.deadline = TimeAmount(deadline)
    self.onStall = onStall
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let done = promise ?? context.eventLoop.makePromise(of: Void.self)
    if waitingWrites == 0 { lastProgress = .now() }
    waitingWrites += 1
    done.futureResult.assumeIsolated().whenComplete { _ in
      self.waitingWrites -= 1
      self.lastProgress = .now()
    }
    if check == nil { schedule(context, at: lastProgress + deadline) }
    context.write(data, promise: done)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    check?.cancel()
    check = nil
  }

  private func schedule(_ context: ChannelHandlerContext, at time: NIODeadline) {
    check = context.eventLoop.assumeIsolated().scheduleTask(deadline: time) {
      self.check = nil
      guard self.waitingWrites > 0 else { return }
      guard NIODeadline.now() >= self.lastProgress + self.deadline else {
        return self.schedule(context, at: self.lastProgress + self.deadline)
      }
      self.onStall()
      context.close(promise: nil)
    }
  }
}
