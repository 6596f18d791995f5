internal import Access
internal import Base
internal import Glibc
internal import NIOHTTP1
internal import SocketProtocol

/// Why a session ended. `text` goes to close frames, logs and counters, never anything a peer sent.
enum EndReason: Sendable, Equatable {
  case transportClosed, clientClosed, pingTimeout, connectTimeout, upgradeTimeout, tokenExpired, malformed
  case violation(WebSocketViolation)
  case kicked(String)
  case tooSlow, draining, serverStopped, denied, serverFull

  var closeCode: WebSocketCloseCode {
    switch self {
    case .violation(let violation): violation.closeCode
    case .transportClosed, .clientClosed: .normal
    case .malformed: .protocolError
    case .tokenExpired, .kicked, .denied, .tooSlow: .policyViolation
    case .draining, .serverStopped: .serviceRestart
    case .serverFull: .tryAgainLater
    case .pingTimeout, .connectTimeout, .upgradeTimeout: .goingAway
    }
  }

  var text: String {
    switch self {
    case .transportClosed: "transport closed"
    case .clientClosed: "closed by the client"
    case .pingTimeout: "ping timeout"
    case .connectTimeout: "connect timeout"
    case .upgradeTimeout: "upgrade timeout"
    case .tokenExpired: "the token has expired"
    case .malformed: "malformed packet"
    case .violation(let violation): "\(violation.reason)"
    case .kicked(let reason): reason
    case .tooSlow: "the client does not keep up"
    case .draining: "the node is draining, reconnect"
    case .serverStopped: "the node has stopped, reconnect"
    case .denied: "not allowed"
    case .serverFull: "no room"
    }
  }

  /// Whether the client may come back to what it missed.
  var isRecoverable: Bool {
    switch self {
    case .transportClosed, .pingTimeout, .tooSlow, .draining, .serverStopped: true
    default: false
    }
  }
}

/// Birth and death of sessions.
extension Loop {
  func makeParser(_ kind: SessionKind, deflate: Bool) -> WebSocketFrameParser {
    WebSocketFrameParser(
      role: .server, messageBytesMax: kind == .rawEcho ? options.echoBytesMax : options.payloadBytesMax,
      mayCompress: deflate)
  }

  static let nobody = Identity(address: nil, authenticated: nil)

  private func make(_ kind: SessionKind, _ client: ClientFacts, deflate: Bool) -> Int32? {
    let identity = identity(client)
    guard sessions.count < options.connectionsMax,
      let slot = sessions.make(
        loop: UInt8(seat.index), parser: makeParser(kind, deflate: deflate), identity: identity)
    else { return nil }
    let session = sessions[slot]
    session.pointee.kind = kind
    session.pointee.connectedAt = now
    session.pointee.activeAt = now
    if let expires = client.authenticated?.expiresAtMilliseconds { expire(slot, atMilliseconds: expires) }
    figures.total += 1
    figures.sessions = sessions.count
    return slot
  }

  /// Clients of which the same is known share it, which on one machine are most of them.
  private func identity(_ client: ClientFacts) -> Identity {
    if lastIdentity.address == client.address, lastIdentity.authenticated == client.authenticated {
      return lastIdentity
    }
    lastIdentity = Identity(address: client.address, authenticated: client.authenticated)
    return lastIdentity
  }

  func expire(_ slot: Int32, atMilliseconds expires: Int64) {
    let left = max(0, expires - SystemWallClock().nowMilliseconds())
    sessions[slot].pointee.expiresAt = now + UInt64(min(left, 1 << 40)) * 1_000_000
    arm(slot)
  }

  // MARK: Beginning

  /// A socket that left HTTP: a new session, or the attempt to take over a polling one.
  func adopt(_ handover: Handover) {
    now = MonotonicTime.now()
    guard let slot = make(handover.kind, handover.client, deflate: handover.deflate != nil) else {
      close(handover.descriptor)
      return server.admission.left()
    }
    let session = sessions[slot]
    session.pointee.descriptor = handover.descriptor
    session.pointee.engine = EngineSessionMachine(beginsWithWebSocket: true)
    session.pointee.compresses = handover.deflate?.serverWindowBits == 15
    if session.pointee.compresses { compressing += 1 }
    poller.add(handover.descriptor, Poller.readable, tag: tag(slot))
    queue(slot, .frame(handover.answer), isControl: true)
    if let wanted = handover.session {
      startProbe(slot, wanted)
    } else if handover.kind.isEngine {
      queue(slot, .text(handshake(slot, mayUpgrade: false)), isControl: true)
      startEngine(slot)
    } else if handover.kind == .raw {
      startHeartbeat(slot, from: now)
      connectRaw(slot)
    }
    // HTTP holds far less than the buffer takes (`HTTPFront`); more would be written past its end.
    guard handover.leftover.count <= Self.receiveBytes else { return end(slot, .malformed) }
    if !handover.leftover.isEmpty, session.pointee.phase != .free {
      session.pointee.input = handover.leftover
      consume(slot, received: 0)
    }
  }

  func openPolling(_ opening: PollingOpening) {
    now = MonotonicTime.now()
    guard let slot = make(opening.kind, opening.client, deflate: false) else {
      return opening.reply.send(.init(status: .serviceUnavailable, retryAfterSeconds: 5))
    }
    opening.reply.send(payload: handshake(slot, mayUpgrade: true))
    startEngine(slot)
  }

  private func startEngine(_ slot: Int32) {
    startHeartbeat(slot, from: now)
    if sessions[slot].pointee.kind == .socketIO {
      sessions[slot].pointee.closeBy = now + UInt64(options.connectTimeout.nanoseconds)
      arm(slot)
    }
  }

  private func handshake(_ slot: Int32, mayUpgrade: Bool) -> [UInt8] {
    var packet: [UInt8] = []
    EngineIOHandshake(
      sid: sessions[slot].pointee.id.text, mayUpgrade: mayUpgrade,
      pingIntervalMilliseconds: Int(options.pingInterval.milliseconds),
      pingTimeoutMilliseconds: Int(options.pingTimeout.milliseconds), maxPayloadBytes: options.payloadBytesMax
    ).append(to: &packet)
    return packet
  }

  func tag(_ slot: Int32) -> UInt64 {
    UInt64(sessions[slot].pointee.generation & 0x7fff_ffff) << 32 | UInt64(UInt32(slot))
  }

  // MARK: Ending

  /// Ends a session: it leaves its rooms, the application hears of it, its client is told as its transport allows, and
  /// a WebSocket lingers until the other end has closed too. Doing it again does nothing.
  func end(_ slot: Int32, _ reason: EndReason) {
    let session = sessions[slot]
    switch session.pointee.phase {
    case .free: return
    case .lingering:
      if reason == .transportClosed || reason == .serverStopped { release(slot) }
      return
    case .open, .probing: break
    }
    leaveEverything(slot, reason)
    detachPartner(slot)
    if reason == .tooSlow { figures.cut += 1 }
    if reason == .malformed { figures.refusedPackets += 1 }
    if case .kicked = reason { sayDisconnect(slot) }
    if reason == .tokenExpired { sayDisconnect(slot) }
    if session.pointee.transport == .polling { return endPolling(slot, reason) }
    guard reason != .transportClosed else { return release(slot) }
    if reason == .tooSlow { session.pointee.queue.clear() }
    session.pointee.queue.append(
      .frame(WebSocketControlFrame.close(reason.closeCode, reason: reason.text)), isControl: true)
    session.pointee.phase = .lingering
    flushQueue(slot)
    guard sessions[slot].pointee.phase == .lingering else { return }
    shutdownIfSent(slot)
    session.pointee.heartbeat = nil
    session.pointee.expiresAt = 0
    session.pointee.message = []
    session.pointee.closeBy = now + Self.lingerTime
    arm(slot)
  }

  static var lingerTime: UInt64 { 2_000_000_000 }

  func shutdownIfSent(_ slot: Int32) {
    let session = sessions[slot]
    if session.pointee.phase == .lingering, session.pointee.queue.isEmpty {
      shutdown(session.pointee.descriptor, Int32(SHUT_WR))
    }
  }

  private func endPolling(_ slot: Int32, _ reason: EndReason) {
    let session = sessions[slot]
    switch session.pointee.engine.close(isAsked: reason == .clientClosed) {
    case .nobodyWaits: break
    case .answerNoop: answerGet(slot, [EngineIOPacket.Kind.noop.rawValue])
    case .answerClose:
      session.pointee.queue.append(.text([EngineIOPacket.Kind.close.rawValue]), isControl: true)
      answerGet(slot, drainPayload(slot))
    }
    release(slot)
  }

  /// `41` for every namespace: the client knows that it was meant, and stays away.
  private func sayDisconnect(_ slot: Int32) {
    guard sessions[slot].pointee.kind == .socketIO else { return }
    var packet: [UInt8] = []
    SocketIOPacket.appendDisconnect(to: &packet)
    sessions[slot].pointee.queue.append(.text(packet), isControl: true)
  }

  /// Gives the slot back and closes its descriptor.
  func release(_ slot: Int32) {
    let session = sessions[slot]
    if let reply = session.pointee.waitingGet { reply.refuse(.sessionUnknown) }
    if session.pointee.descriptor >= 0 {
      poller.remove(session.pointee.descriptor)
      close(session.pointee.descriptor)
      server.admission.left()
    }
    backlog.remove(slot)
    if session.pointee.compresses { compressing -= 1 }
    forgetHeld(slot)
    sessions.release(slot, parser: makeParser(.socketIO, deflate: false), identity: Self.nobody)
    figures.sessions = sessions.count
  }
}
