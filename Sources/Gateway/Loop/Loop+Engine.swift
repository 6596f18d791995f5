internal import Base
internal import NIOHTTP1
internal import SocketProtocol

/// Engine.IO 4: packets over both transports, polling, and the upgrade between them. Which request may do what is
/// decided by `EngineSessionMachine`; here it is done.
///
///     client                         polling session                 probing WebSocket
///     GET … transport=polling   ->   0{sid…}
///     WebSocket with sid        ->                                   phase probing
///     2probe                    ->   probed: GETs get 6              3probe
///     5                         ->   takes its descriptor            gone
extension Loop {
  // MARK: Packets

  func engineText(_ slot: Int32, _ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first, let kind = EngineIOPacket.Kind(rawValue: first) else {
      return end(slot, .malformed)
    }
    packet(slot, kind, bytes, payload: 1..<bytes.count)
  }

  private func packet(_ slot: Int32, _ kind: EngineIOPacket.Kind, _ bytes: UnsafeRawBufferPointer, payload: Range<Int>)
  {
    switch sessions[slot].pointee.engine.received(kind) {
    case .pong: pong(slot)
    case .goodbye: end(slot, .clientClosed)
    case .ignore: break
    case .violation: end(slot, .malformed)
    case .deliver:
      let piece = UnsafeRawBufferPointer(rebasing: bytes[payload])
      if sessions[slot].pointee.kind == .engineEcho {
        queue(slot, .text([EngineIOPacket.Kind.message.rawValue] + piece))
      } else {
        socketText(slot, piece)
      }
    }
  }

  func engineBinary(_ slot: Int32, _ bytes: UnsafeRawBufferPointer) {
    if sessions[slot].pointee.kind == .engineEcho {
      queue(slot, .binary(Array(bytes)))
    } else {
      socketBinary(slot, bytes)
    }
  }

  // MARK: Polling

  func poll(_ id: SessionID, _ reply: HTTPReply) {
    guard let slot = sessions.find(id) else { return reply.refuse(.sessionUnknown) }
    let session = sessions[slot]
    switch session.pointee.engine.pollOpened() {
    case .refuse: reply.refuse(.badRequest)
    case .refuseAndClose:
      // Two at once: the client has lost count of its requests, and packets would come in no order.
      reply.refuse(.badRequest)
      end(slot, .malformed)
    case .answerNow:
      session.pointee.waitingGet = reply
      answerGet(
        slot, session.pointee.queue.isEmpty ? [EngineIOPacket.Kind.noop.rawValue] : drainPayload(slot))
    case .hold:
      session.pointee.waitingGet = reply
      if !session.pointee.queue.isEmpty { flushQueue(slot) }
    }
  }

  func answerGet(_ slot: Int32, _ payload: [UInt8]) {
    guard let reply = sessions[slot].pointee.waitingGet else { return }
    sessions[slot].pointee.waitingGet = nil
    sessions[slot].pointee.engine.pollAnswered()
    reply.send(payload: payload)
  }

  func post(_ id: SessionID, _ body: [UInt8], _ reply: HTTPReply) {
    guard let slot = sessions.find(id), sessions[slot].pointee.engine.acceptsPost() else {
      return reply.refuse(.sessionUnknown)
    }
    let session = sessions[slot]
    session.pointee.bytesIn += UInt64(body.count)
    var checker = UTF8Checker()
    let isText = body.withUnsafeBytes { checker.accepts($0) } && checker.isAtBoundary
    let isGood = isText && body.withUnsafeBytes { unpack(slot, id, $0) }
    if isGood {
      reply.send(.init(status: .ok, type: "text/html", body: Array("ok".utf8)))
    } else {
      reply.refuse(.badRequest)
      if sessions.find(id) == slot { end(slot, .malformed) }
    }
  }

  /// Packets that one POST may hold.
  static var packetsMax: Int { 1_000 }

  private func unpack(_ slot: Int32, _ id: SessionID, _ body: UnsafeRawBufferPointer) -> Bool {
    var payload = PollingPayload(packetsMax: Self.packetsMax)
    do throws(SocketProtocolError) {
      while let packet = try body.withSpan({ (span) throws(SocketProtocolError) in try payload.next(span) }) {
        switch packet {
        case .text(let text): self.packet(slot, text.kind, body, payload: text.payload)
        case .binary(let range):
          var decoded: [UInt8] = []
          let encoded = UnsafeRawBufferPointer(rebasing: body[range])
          try encoded.withSpan { (span) throws(SocketProtocolError) in try Base64.decode(span, into: &decoded) }
          decoded.withUnsafeBytes { engineBinary(slot, $0) }
        }
        guard sessions.find(id) == slot else { return endedByRequest }
      }
      return true
    } catch {
      return false
    }
  }

  /// A session that ended while its own POST was read: properly (a close packet) or for a malformed packet.
  private var endedByRequest: Bool { lastEnd != .malformed }

  func pollAborted(_ id: SessionID, _ reply: HTTPReply) {
    guard let slot = sessions.find(id), sessions[slot].pointee.waitingGet === reply,
      sessions[slot].pointee.engine.pollAborted()
    else { return }
    sessions[slot].pointee.waitingGet = nil
    end(slot, .transportClosed)
  }

  /// Packets that wait, as the body of one answer: at least one, and no more than a client must take.
  func drainPayload(_ slot: Int32) -> [UInt8] {
    let session = sessions[slot]
    var payload: [UInt8] = []
    while payload.count < options.payloadBytesMax, let item = session.pointee.queue.popFirst() {
      switch item {
      case .text(let text):
        PollingPayload.separate(&payload)
        payload += text
      case .binary(let bytes):
        PollingPayload.separate(&payload)
        PollingPayload.appendBinary(bytes.span, to: &payload)
      case .broadcast(let broadcast):
        let packet = broadcast.socketIO
        PollingPayload.separate(&payload)
        payload += packet.text
        for attachment in packet.attachments {
          PollingPayload.separate(&payload)
          PollingPayload.appendBinary(attachment.span, to: &payload)
        }
        wentOut(slot, broadcast)
      case .frame: break
      }
    }
    session.pointee.bytesOut += UInt64(payload.count)
    return payload
  }

  // MARK: The upgrade

  func startProbe(_ slot: Int32, _ wanted: SessionID) {
    let session = sessions[slot]
    guard let target = sessions.find(wanted), sessions[target].pointee.kind == session.pointee.kind,
      sessions[target].pointee.engine.webSocketOpened() == .probe
    else { return end(slot, .denied) }
    session.pointee.phase = .probing
    session.pointee.partner = target
    sessions[target].pointee.partner = slot
    session.pointee.closeBy = now + UInt64(options.upgradeTimeout.nanoseconds)
    arm(slot)
  }

  /// A message of a WebSocket that does not own a session yet.
  func probed(_ slot: Int32, isText: Bool, _ bytes: UnsafeRawBufferPointer) {
    let target = sessions[slot].pointee.partner
    guard isText, target >= 0, let kind = bytes.first.flatMap({ EngineIOPacket.Kind(rawValue: $0) }) else {
      return end(slot, .malformed)
    }
    let isProbe = bytes.dropFirst().elementsEqual("probe".utf8)
    switch sessions[target].pointee.engine.probeReceived(kind, isProbe: isProbe) {
    case .answer(let releasesPoll):
      queue(slot, .text(Array("3probe".utf8)), isControl: true)
      if releasesPoll { answerGet(target, [EngineIOPacket.Kind.noop.rawValue]) }
    case .upgraded(let releasesPoll):
      if releasesPoll { answerGet(target, [EngineIOPacket.Kind.noop.rawValue]) }
      takeOver(slot, target)
    case .closeProbe: end(slot, .malformed)
    }
  }

  /// The session gets the socket; the slot that probed is free again.
  private func takeOver(_ slot: Int32, _ target: Int32) {
    let probe = sessions[slot]
    let session = sessions[target]
    session.pointee.descriptor = probe.pointee.descriptor
    session.pointee.parser = probe.pointee.parser
    session.pointee.compresses = probe.pointee.compresses
    session.pointee.partner = -1
    probe.pointee.descriptor = -1
    probe.pointee.partner = -1
    sessions.release(slot, parser: makeParser(.socketIO, deflate: false), identity: Self.nobody)
    backlog.remove(slot)
    figures.sessions = sessions.count
    poller.change(session.pointee.descriptor, Poller.readable, tag: tag(target))
    movedTo = target
    if !session.pointee.queue.isEmpty { markDirty(target) }
  }

  /// A probe ends: its session polls on. A session ends: its probe ends too.
  func detachPartner(_ slot: Int32) {
    let session = sessions[slot]
    let partner = session.pointee.partner
    guard partner >= 0 else { return }
    session.pointee.partner = -1
    sessions[partner].pointee.partner = -1
    if session.pointee.phase == .probing {
      sessions[partner].pointee.engine.probeEnded()
    } else {
      end(partner, .transportClosed)
    }
  }
}
