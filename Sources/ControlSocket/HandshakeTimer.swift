internal import Base
internal import ControlPlane
internal import NIOCore
internal import Synchronization

/// Cuts a connection that has not greeted in time, after saying so.
final class HandshakeTimer: Sendable {
  private let expiry = Mutex(false)
  private let timer = Mutex<Scheduled<Void>?>(nil)

  init(channel: any Channel, deadline: Duration) {
    let scheduled = channel.eventLoop.scheduleTask(in: TimeAmount(deadline)) {
      self.expiry.withLock { $0 = true }
      let failure = Failure(
        .timeout, "no hello came within \(Quantity.describe(milliseconds: Int64(deadline.milliseconds)))")
      // A frame of this size can always be written.
      if let frame = try? WireCodec.frame(.refused(failure)) {
        channel.writeAndFlush(ByteBuffer(bytes: frame), promise: nil)
      }
      channel.close(promise: nil)
    }
    timer.withLock { $0 = scheduled }
  }

  var hasExpired: Bool { expiry.withLock { $0 } }

  func cancel() { timer.withLock { $0 }?.cancel() }
}
