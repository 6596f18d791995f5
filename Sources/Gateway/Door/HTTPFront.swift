internal import Access
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Everything HTTP: requests, limits, Host, Origin, CORS, credentials, long-polling. Runs on NIO; a WebSocket leaves it
/// after its handshake has been checked, with its descriptor.
final class HTTPFront: Sendable {
  let options: GatewayOptions
  let authenticator: Authenticator
  let desk: AccessDesk
  let admission: Admission
  let loops: [LoopSeat]
  let health = HealthSource()
  let crowd: HalfOpenCrowd
  let logger: Logger
  private let group: MultiThreadedEventLoopGroup
  private let dealer: LoopDealer

  init(
    options: GatewayOptions, authenticator: Authenticator, desk: AccessDesk, admission: Admission, loops: [LoopSeat],
    logger: Logger
  ) {
    self.options = options
    self.authenticator = authenticator
    self.desk = desk
    self.admission = admission
    self.loops = loops
    crowd = HalfOpenCrowd(countMax: options.halfOpenMax)
    dealer = LoopDealer(packed: options.loops > 0 ? 0 : GatewayOptions.packedSessions)
    self.logger = logger
    group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, loops.count / 2))
  }

  /// Owns `descriptor` from here on.
  func take(_ descriptor: Int32, peer: SocketEndpoint?, isPolite503: Bool) {
    let local = SocketEndpoint(localOf: descriptor)
    let bootstrap = ClientBootstrap(group: group)
      .channelOption(.maxMessagesPerRead, value: 1)
      .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 2_048))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes), maximumBufferSize: 64 << 10)
          // Requests are not read while answers wait to be sent, so a client that reads none holds a few of them.
          try pipeline.addHandler(BackPressureHandler())
          try pipeline.addHandler(HTTPResponseEncoder())
          try pipeline.addHandler(decoder)
          try pipeline.addHandler(HTTPServerPipelineHandler())
          try pipeline.addHandler(
            HTTPConnection(
              front: self, descriptor: descriptor, ends: .init(peer: peer, local: local), isPolite503: isPolite503))
        }
      }
    bootstrap.withConnectedSocket(descriptor).whenFailure { _ in
      self.admission.handshaken()
      self.admission.left()
    }
  }

  /// The loop a new session belongs to.
  func deal() -> LoopSeat { loops[dealer.next(loops.map(\.current.sessions))] }

  func loop(of id: SessionID) -> LoopSeat? { Int(id.loop) < loops.count ? loops[Int(id.loop)] : nil }

  func shutDown() async {
    do {
      try await group.shutdownGracefully()
    } catch {
      logger.debug("HTTP loops did not stop", metadata: ["error": "\(error)"])
    }
  }
}
