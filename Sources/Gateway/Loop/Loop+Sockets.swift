internal import Access
internal import Base
internal import ControlPlane
internal import SocketProtocol

/// Socket.IO 5: namespaces, events, acknowledgements.
extension Loop {
  static let limits = SocketIOPacket.Limits()

  func socketText(_ slot: Int32, _ bytes: UnsafeRawBufferPointer) {
    do throws(SocketProtocolError) {
      let session = sessions[slot]
      let output = try bytes.withSpan { (span) throws(SocketProtocolError) in
        try session.pointee.decoder.text(span, limits: Self.limits)
      }
      if case .packet(let packet) = output { handle(slot, packet, bytes, attachments: []) }
    } catch {
      end(slot, .malformed)
    }
  }

  func socketBinary(_ slot: Int32, _ bytes: UnsafeRawBufferPointer) {
    do throws(SocketProtocolError) {
      let session = sessions[slot]
      let whole = try bytes.withSpan { (span) throws(SocketProtocolError) in
        try session.pointee.decoder.binary(span, limits: Self.limits)
      }
      guard let whole else { return }
      whole.text.withUnsafeBytes { handle(slot, whole.packet, $0, attachments: whole.attachments) }
    } catch {
      end(slot, .malformed)
    }
  }

  private func handle(
    _ slot: Int32, _ packet: SocketIOPacket, _ bytes: UnsafeRawBufferPointer, attachments: [[UInt8]]
  ) {
    let name = packet.namespace.isEmpty ? "/" : String(decoding: bytes[packet.namespace], as: UTF8.self)
    let index = place(slot, name)
    switch packet.kind {
    case .connect: connect(slot, name, auth: Array(bytes[packet.payload]))
    case .disconnect: if let index { leaveNamespace(slot, index, .clientClosed) }
    case .event, .binaryEvent:
      guard let index, sessions[slot].pointee.sockets[index].state == .connected else { return end(slot, .malformed) }
      let name = JSONName.text(bytes, packet)
      cameIn(slot, name, bytes: attachments.reduce(bytes.count) { $0 + $1.count })
      let event = SocketEvent(
        name: name, json: Array(bytes[packet.payload]), attachments: attachments,
        reply: packet.acknowledgementID.map { .acknowledgement($0) } ?? .none)
      server.application.received(event, context(slot, index))
    case .acknowledgement, .binaryAcknowledgement:
      if let index, !questions.isEmpty { acknowledged(slot, index, packet, bytes, attachments: attachments) }
    case .connectError: end(slot, .malformed)
    }
  }

  func place(_ slot: Int32, _ namespace: String) -> Int? {
    let names = server.namespaces
    return sessions[slot].pointee.sockets.firstIndex { names[Int($0.namespace)] == namespace }
  }

  func context(_ slot: Int32, _ index: Int) -> SocketContext {
    let session = sessions[slot]
    return SocketContext(
      loop: self, slot: slot, generation: session.pointee.generation,
      namespace: session.pointee.sockets[index].namespace)
  }

  // MARK: Connect

  private func connect(_ slot: Int32, _ name: String, auth: [UInt8]) {
    guard let namespace = server.namespaces.firstIndex(of: name) else {
      return refuseConnect(slot, name, "Invalid namespace")
    }
    guard place(slot, name) == nil else { return end(slot, .malformed) }
    let session = sessions[slot]
    let claims = JSONObject(auth)
    note(slot, claims)
    let attempt = SessionID(loop: UInt8(seat.index), slot: UInt32(slot))
    session.pointee.sockets.append(NamespaceSocket(namespace: Int32(namespace), state: .checking, id: attempt))
    pendingAuth[attempt] = auth.isEmpty ? nil : auth
    guard server.isCredentialRequired, session.pointee.identity.authenticated == nil else {
      return connected(slot, attempt)
    }
    let id = session.pointee.id
    let mailbox = seat.mailbox
    let credentials = RequestCredentials(
      bearer: claims?.string("token").map { Secret($0) }, peer: nil, local: nil, face: .gateway)
    server.desk.check(credentials) { mailbox.post(.identified(id, attempt: attempt, $0)) }
  }

  /// The namespace that this very CONNECT packet asks for; nil when its client has left meanwhile, and may be asking
  /// again: that is another attempt, with an answer of its own.
  func checking(_ slot: Int32, _ attempt: SessionID) -> Int32? {
    sessions[slot].pointee.sockets.first { $0.id == attempt && $0.state == .checking }?.namespace
  }

  /// What the handshake calls itself, for those without a token.
  private func note(_ slot: Int32, _ claims: JSONObject?) {
    let known = sessions[slot].pointee.identity
    guard let claims, known.claimedUser == nil, known.claimedAgent == nil else { return }
    let agent = claims.string("agent").map { Self.shortened($0) }
    let user = claims.string("user").map { Self.shortened($0) }
    guard agent != nil || user != nil else { return }
    sessions[slot].pointee.identity = Identity(
      address: known.address, authenticated: known.authenticated, claimedUser: user, claimedAgent: agent)
  }

  /// What is kept of a name that a client made up: so many code points. Characters would not do: one may have any
  /// number of them.
  static func shortened(_ name: String) -> String { String(name.unicodeScalars.prefix(128)) }

  func identified(_ id: SessionID, _ attempt: SessionID, _ result: Result<Authenticated, Failure>) {
    guard let slot = sessions.find(id), let namespace = checking(slot, attempt) else { return }
    switch result {
    case .failure(let failure):
      pendingAuth[attempt] = nil
      sessions[slot].pointee.sockets.removeAll { $0.id == attempt }
      refuseConnect(slot, server.namespaces[Int(namespace)], failure.message)
    case .success(let authenticated):
      let known = sessions[slot].pointee.identity
      sessions[slot].pointee.identity = Identity(
        address: known.address, authenticated: authenticated, claimedUser: known.claimedUser,
        claimedAgent: known.claimedAgent)
      if let expires = authenticated.expiresAtMilliseconds { expire(slot, atMilliseconds: expires) }
      connected(slot, attempt)
    }
  }

  private func refuseConnect(_ slot: Int32, _ name: String, _ message: String) {
    var packet: [UInt8] = []
    SocketIOPacket.appendConnectError(message, namespace: name, to: &packet)
    queue(slot, .text(packet), isControl: true)
  }

  private func connected(_ slot: Int32, _ attempt: SessionID) {
    let session = sessions[slot]
    // A drain gave it another deadline, which stays.
    if !session.pointee.isDraining { session.pointee.closeBy = 0 }
    let claims = pendingAuth[attempt].flatMap { JSONObject($0) }
    if askForRecovery(slot, attempt, claims) { return }
    greet(slot, attempt, sid: nil, pid: nil)
  }

  /// The CONNECT answer. `sid` and `pid`: of the session it came back to; nil: a new one.
  func greet(_ slot: Int32, _ attempt: SessionID, sid: SessionID?, pid: SessionID?) {
    let session = sessions[slot]
    guard let index = session.pointee.sockets.firstIndex(where: { $0.id == attempt }) else { return }
    let namespace = session.pointee.sockets[index].namespace
    session.pointee.sockets[index].state = .connected
    if let sid { session.pointee.sockets[index].id = sid }
    if server.recovery != nil {
      session.pointee.sockets[index].pid = pid ?? SessionID(loop: UInt8(seat.index), slot: UInt32(slot))
    }
    let auth = pendingAuth.removeValue(forKey: attempt) ?? []
    var packet: [UInt8] = []
    SocketIOPacket.appendConnected(
      sid: session.pointee.sockets[index].id.text, pid: session.pointee.sockets[index].pid?.text,
      namespace: server.namespaces[Int(namespace)], to: &packet)
    queue(slot, .text(packet))
    join(slot, namespace, "")
    countUser(slot)
    server.application.connected(context(slot, index), auth: auth)
    remember(slot, index)
  }

  /// The cluster knows the socket's rooms, so that it survives this node.
  func remember(_ slot: Int32, _ index: Int) {
    guard let desk = server.recovery, sessions[slot].pointee.phase == .open,
      index < sessions[slot].pointee.sockets.count,
      let record = recoverySession(slot, sessions[slot].pointee.sockets[index])
    else { return }
    desk.connected(record)
  }

  // MARK: Leaving

  /// Puts a socket out of its namespace; the transport stays.
  func dismiss(_ slot: Int32, _ index: Int) {
    var packet: [UInt8] = []
    SocketIOPacket.appendDisconnect(
      namespace: server.namespaces[Int(sessions[slot].pointee.sockets[index].namespace)], to: &packet)
    queue(slot, .text(packet))
    leaveNamespace(slot, index, .kicked("disconnected by a server"))
  }

  func leaveNamespace(_ slot: Int32, _ index: Int, _ reason: EndReason) {
    let session = sessions[slot]
    let place = session.pointee.sockets[index]
    pendingAuth[place.id] = nil
    if let desk = server.recovery, let record = recoverySession(slot, place, isDropping: reason.isRecoverable) {
      if reason.isRecoverable { desk.dropped(record) } else { desk.forget(record.pid) }
    }
    if place.state == .connected { discountUser(slot) }
    if place.state == .connected { server.application.disconnected(context(slot, index), reason) }
    forgetQuestions(slot, index)
    settle(slot)
    while let membership = session.pointee.sockets[index].rooms.last { removeMember(slot, index, membership) }
    session.pointee.sockets.remove(at: index)
  }

  func leaveEverything(_ slot: Int32, _ reason: EndReason) {
    lastEnd = reason
    while !sessions[slot].pointee.sockets.isEmpty {
      leaveNamespace(slot, sessions[slot].pointee.sockets.count - 1, reason)
    }
  }

  // MARK: Raw sockets

  func connectRaw(_ slot: Int32) {
    sessions[slot].pointee.sockets.append(
      NamespaceSocket(namespace: 0, state: .connected, id: SessionID(loop: UInt8(seat.index), slot: UInt32(slot))))
    join(slot, 0, "")
    countUser(slot)
    server.application.connected(context(slot, 0), auth: [])
  }

  private func countUser(_ slot: Int32) {
    let (key, isNamed) = userKey(slot)
    sessions[slot].pointee.user = server.users.add(key, isNamed: isNamed)
  }

  private func discountUser(_ slot: Int32) {
    let (key, isNamed) = userKey(slot)
    server.users.remove(key, isNamed: isNamed)
  }

  /// Whom a session is counted for: itself when nothing else is known.
  private func userKey(_ slot: Int32) -> (key: String, isNamed: Bool) {
    let name = userName(slot)
    return name.isEmpty ? ("\(seat.index).\(slot)", false) : (name, true)
  }

  func rawMessage(_ slot: Int32, isText: Bool, _ bytes: UnsafeRawBufferPointer) {
    guard isText, !sessions[slot].pointee.sockets.isEmpty else { return end(slot, .malformed) }
    do throws(SocketProtocolError) {
      let message = try bytes.withSpan { (span) throws(SocketProtocolError) in try RawMessage.decode(span) }
      let name = bytes.withSpan { JSONString.text($0, message.event) } ?? ""
      var json: [UInt8] = [UInt8(ascii: "[")]
      json += bytes[message.event]
      if !message.data.isEmpty {
        json.append(UInt8(ascii: ","))
        json += bytes[message.data]
      }
      json.append(UInt8(ascii: "]"))
      cameIn(slot, name, bytes: bytes.count)
      let event = SocketEvent(
        name: name, json: json, attachments: [], reply: .raw(event: name, id: Array(bytes[message.id])))
      server.application.received(event, context(slot, 0))
    } catch {
      end(slot, .malformed)
    }
  }
}

/// An event's name as text.
enum JSONName {
  static func text(_ bytes: UnsafeRawBufferPointer, _ packet: SocketIOPacket) -> String {
    bytes.withSpan { JSONString.text($0, packet.eventName) ?? "" }
  }
}
