internal import Base
internal import CSockets
internal import ControlPlane
internal import Logging
internal import NIOCore
internal import Synchronization

/// One connection: greets, reads requests, answers them. `run` owns all of its tasks, and the channel is closed when it
/// returns.
final class ControlSession: Sendable {
  typealias Wire = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  /// Why a conversation ends before the client ends it.
  enum End: Error {
    /// The client is told why, then the connection is closed.
    case refuse(Failure, isMalformed: Bool)
    /// The connection is gone.
    case gone
  }

  let channel: any Channel
  let server: ControlServer
  let requests: RequestTable
  private let outbound = Mutex<NIOAsyncChannelOutboundWriter<ByteBuffer>?>(nil)

  init(channel: any Channel, server: ControlServer) {
    self.channel = channel
    self.server = server
    requests = RequestTable(requestsMax: server.configuration.requestsMax)
  }

  func run() async {
    do {
      let wire = try await takeOver()
      try await wire.executeThenClose { inbound, outbound in
        self.outbound.withLock { $0 = outbound }
        await converse(FrameSource(inbound), FrameSink(outbound, channel))
        self.outbound.withLock { $0 = nil }
      }
    } catch {
      // The connection ended by itself, which is how most sessions end.
      server.logger.trace("control connection ended", metadata: ["reason": "\(error)"])
    }
  }

  /// No new requests; the connection ends with the last answer.
  func drain() {
    if requests.isIdle { finishOutput() }
  }

  func didStall() {
    server.counters.count { $0.stalled += 1 }
    server.log.warning("control client closed: it does not read")
  }

  /// Ends our side after what is queued; the client sees the end and closes.
  func finishOutput() { outbound.withLock { $0 }?.finish() }

  /// From here on bytes are read.
  private func takeOver() async throws -> Wire {
    let channel = channel
    return try await channel.eventLoop.submit {
      guard channel.isActive, let options = channel.syncOptions else { throw ChannelError.ioOnClosedChannel }
      let wire = try Wire(
        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
      try options.setOption(.autoRead, value: true)
      return wire
    }.get()
  }

  private func converse(_ source: consuming FrameSource, _ sink: FrameSink) async {
    var source = source
    // Before the timer: its refusal must not overtake the preamble. Who is gone already is told nothing.
    do { try await sink.write(ControlPreamble().bytes) } catch { return }
    let expired = HandshakeTimer(channel: channel, deadline: server.configuration.handshakeDeadline)
    do {
      let peer = try await peerCredentials()
      let hello = try await greet(&source)
      expired.cancel()
      try admit(peer, hello)
      source.allowRequests()
      defer { server.counters.count { $0.clients -= 1 } }
      try await sink.send(.welcome(server.welcome()))
      let door = server.doorkeeper.door(for: Self.caller(hello, peer))
      try await answer(&source, SessionDoor(session: self, sink: sink, door: door))
    } catch End.refuse(let failure, let isMalformed) {
      expired.cancel()
      await refuse(failure, isMalformed, source, sink)
    } catch {
      expired.cancel()
      if expired.hasExpired { count(refused: "it did not greet in time", isMalformed: true) }
    }
  }

  /// Reads preamble and hello.
  private func greet(_ source: inout FrameSource) async throws -> ControlHello {
    let preamble = try await source.preamble()
    guard preamble.version == ControlPreamble.currentVersion else {
      throw End.refuse(
        Failure(
          .conflict,
          "this node speaks control protocol \(ControlPreamble.currentVersion), the client \(preamble.version)",
          hint: "use the same release of signalbox on both sides"),
        isMalformed: false)
    }
    guard let payload = try await source.next() else { throw End.gone }
    guard case .hello(let hello) = WireCodec.decode(ClientMessage.self, payload) else {
      throw End.refuse(Failure(.invalid, "the first control message must be a hello"), isMalformed: true)
    }
    return hello
  }

  /// Counts the client in, or refuses it.
  private func admit(_ peer: sb_peer_credentials, _ hello: ControlHello) throws {
    guard server.policy.allows(peer) else {
      throw End.refuse(
        Failure(
          .denied, "user \(peer.uid) may not use this control socket",
          hint: "run as the node's user, or set SIGNALBOX_SOCKET_GROUP"),
        isMalformed: false)
    }
    guard hello.origin == .console || hello.origin == .commandLine else {
      throw End.refuse(
        Failure(.invalid, "a control client is console or commandLine, not \(hello.origin.rawValue)"),
        isMalformed: false)
    }
    guard !server.registry.isDraining else { throw End.refuse(Self.stopping, isMalformed: false) }
    let limit = server.configuration.clientsMax
    let isAdmitted = server.counters.admit(limit: limit)
    guard isAdmitted else {
      throw End.refuse(
        Failure(
          .limit, "this node has its \(limit) control clients already", hint: "close a console", isRetriable: true),
        isMalformed: false)
    }
  }

  static let stopping = Failure(.unavailable, "the node is stopping")

  /// The reader's loop. It returns when the client has closed; the requests that still run then are cancelled.
  private func answer(_ source: inout FrameSource, _ door: SessionDoor) async throws {
    channel.closeFuture.whenComplete { [requests] _ in requests.cancelAll() }
    try await withThrowingDiscardingTaskGroup { group in
      defer { requests.cancelAll() }
      while let payload = try await source.next() {
        guard let message = WireCodec.decode(ClientMessage.self, payload) else {
          try await door.answerUnknown(payload)
          continue
        }
        guard case .request(let id, let ask) = message else {
          throw End.refuse(Failure(.invalid, "a second hello on one control connection"), isMalformed: true)
        }
        guard let task = try await door.begin(id, ask) else { continue }
        group.addTask { [requests] in
          await withTaskCancellationHandler {
            await task.value
          } onCancel: {
            task.cancel()
          }
          requests.remove(id)
          if self.server.registry.isDraining { self.drain() }
        }
      }
    }
  }

  /// Says why, ends our side, and reads on for a moment: closing with unread bytes would reset the connection, and the
  /// client might never see the reason.
  private func refuse(_ failure: Failure, _ isMalformed: Bool, _ source: consuming FrameSource, _ sink: FrameSink) async
  {
    count(refused: failure.message, isMalformed: isMalformed)
    let channel = channel
    let timer = channel.eventLoop.scheduleTask(in: TimeAmount(server.configuration.lingerDeadline)) {
      channel.close(promise: nil)
    }
    defer { timer.cancel() }
    // The client may be gone already; then there is nobody to tell.
    try? await sink.send(.refused(failure))
    finishOutput()
    await source.discardRest()
  }

  private func count(refused reason: String, isMalformed: Bool) {
    server.counters.count {
      if isMalformed { $0.malformed += 1 } else { $0.refused += 1 }
    }
    server.log.warning("control client refused", ["reason": reason])
  }

  private func peerCredentials() async throws -> sb_peer_credentials {
    guard let socket = channel as? any SocketOptionProvider else { throw End.gone }
    return try await socket.unsafeGetSocketOption(
      level: .socket, name: .init(rawValue: sb_so_peercred())
    ).get()
  }
}
