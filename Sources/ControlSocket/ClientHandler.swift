internal import Base
internal import ControlPlane
internal import NIOCore

/// The reading half of a client: bytes to messages, messages to whoever waits for them. Lives on the event loop, so a
/// client needs no task of its own.
final class ClientHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private enum Phase {
    case preamble, greeting, live, over
  }

  private let pending: PendingRequests
  private let path: String
  private let version: String
  private let clock: any WallClock
  private var reader = FrameReader(bytesMax: Frame.serverBytesMax)
  private var phase = Phase.preamble
  private var node = ""

  init(pending: PendingRequests, path: String, version: String, clock: any WallClock) {
    self.pending = pending
    self.path = path
    self.version = version
    self.clock = clock
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard phase != .over else { return }
    reader.append(unwrapInboundIn(data).readableBytesView)
    do throws(Failure) {
      try readMessages()
    } catch {
      phase = .over
      pending.finish(error)
      context.close(promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    let isGreeted = phase == .live
    pending.finish(Failure(.unavailable, isGreeted ? "the node has gone" : "the node at \(path) hung up"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func readMessages() throws(Failure) {
    if phase == .preamble {
      let preamble: ControlPreamble?
      do throws(Failure) { preamble = try reader.preamble() } catch { throw stranger() }
      guard let preamble else { return }
      guard preamble.version == ControlPreamble.currentVersion else { throw mismatch(preamble.version) }
      phase = .greeting
    }
    while let payload = try reader.next() {
      if let message = WireCodec.decode(ServerMessage.self, payload) {
        try receive(message)
      } else {
        try receiveUnknown(payload)
      }
    }
  }

  private func receive(_ message: ServerMessage) throws(Failure) {
    switch message {
    case .refused(let failure): throw failure
    case .welcome(let welcome):
      guard phase == .greeting else { throw stranger() }
      phase = .live
      node = welcome.version
      pending.greet(.success(welcome))
    case .response(_, .subscribed): return
    case .response(let id, .unsubscribed): pending.removeRing(id)?.finish()
    case .response(let id, let result):
      // An answer nobody waits for any more belongs to a request that was given up.
      if !pending.resolve(id, .success(result)) { pending.removeRing(id)?.finish() }
    case .event(let id, let event): pending.ring(id)?.append(event)
    }
  }

  /// The node is of a newer release: what cannot be read fails alone, and the connection stands.
  private func receiveUnknown(_ payload: [UInt8]) throws(Failure) {
    let unknown = WireCodec.decode(UnknownServerMessage.self, payload)
    if let id = unknown?.response?.id {
      let failure = Failure(
        .conflict, "node version \(node) answers in a form that version \(version) does not know",
        hint: "use the same release of signalbox on both sides")
      pending.resolve(id, .failure(failure))
    } else if let id = unknown?.event?.id {
      pending.ring(id)?.append(Event(timeMilliseconds: clock.nowMilliseconds(), body: .dropped(count: 1)))
    } else {
      throw stranger()
    }
  }

  private func stranger() -> Failure {
    Failure(.conflict, "what answers at \(path) is no signalbox node", hint: "set SIGNALBOX_SOCKET")
  }

  private func mismatch(_ other: UInt16) -> Failure {
    Failure(
      .conflict,
      "the node at \(path) speaks control protocol \(other), this signalbox \(ControlPreamble.currentVersion)",
      hint: "use the same release of signalbox on both sides")
  }
}
