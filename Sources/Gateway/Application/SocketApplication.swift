internal import SocketProtocol

/// What is done with events: the product's rooms, or the conformance fixture's echoes. Called on the loop that owns the
/// socket; it must not wait.
protocol SocketApplication: Sendable {
  /// The first is the main one, `/`.
  var namespaces: [String] { get }
  /// `auth`: the JSON object of the CONNECT packet; empty when there was none.
  func connected(_ socket: SocketContext, auth: [UInt8])
  /// Whether a client may be in a room: asked for those of a session that it comes back to.
  func allows(_ identity: Identity, joining room: String) -> Bool
  func received(_ event: SocketEvent, _ socket: SocketContext)
  func disconnected(_ socket: SocketContext, _ reason: EndReason)
}

/// An event from a client.
struct SocketEvent {
  /// Where the answer to an event goes.
  enum Reply: Sendable {
    case none
    case acknowledgement(UInt64)
    /// A message of `/ws`: answered by one of the same name and id.
    case raw(event: String, id: [UInt8])
  }

  var name: String
  /// The event's JSON array, its name first, as it came.
  var json: [UInt8]
  var attachments: [[UInt8]]
  var reply: Reply
}

/// One socket in one namespace, as its application sees it, for the time of one call.
struct SocketContext {
  let loop: Loop
  let slot: Int32
  let generation: UInt32
  let namespace: Int32

  private var session: UnsafeMutablePointer<Session>? {
    let session = loop.sessions[slot]
    return session.pointee.generation == generation && session.pointee.phase == .open ? session : nil
  }

  var identity: Identity { loop.sessions[slot].pointee.identity }
  var namespaceName: String { loop.server.namespaces[Int(namespace)] }
  var isRaw: Bool { loop.sessions[slot].pointee.kind == .raw }

  /// Its public id, which is the name of a room, too.
  var id: SessionID {
    let session = loop.sessions[slot]
    return session.pointee.sockets.first { $0.namespace == namespace }?.id ?? session.pointee.id
  }

  /// Sends an event to this socket. `json`: its array, name first.
  func emit(json: [UInt8], attachments: [[UInt8]] = []) {
    guard let session else { return }
    if session.pointee.kind == .raw {
      let arguments = EventJSON(json)
      let name = arguments?.name ?? ""
      return sendRaw(event: name, data: arguments?.data ?? [], id: [])
    }
    send(attachments.isEmpty ? .event : .binaryEvent, nil, json, attachments)
  }

  /// Answers an event. `json`: an array of the answer's arguments; of a raw socket its first is the data.
  func answer(_ reply: SocketEvent.Reply, json: [UInt8], attachments: [[UInt8]] = []) {
    guard session != nil else { return }
    switch reply {
    case .none: break
    case .acknowledgement(let id):
      send(attachments.isEmpty ? .acknowledgement : .binaryAcknowledgement, id, json, attachments)
    case .raw(let event, let id):
      let inner = json.count >= 2 ? Array(json.dropFirst().dropLast()) : []
      sendRaw(event: event, data: inner.isEmpty ? Array("null".utf8) : inner, id: id)
    }
  }

  private func sendRaw(event: String, data: [UInt8], id: [UInt8]) {
    let frame = RawFrame.make(event: event, data: data, id: id)
    loop.wentOut(slot, event, bytes: frame.count)
    loop.queue(slot, .frame(frame))
  }

  private func send(_ kind: SocketIOPacket.Kind, _ id: UInt64?, _ json: [UInt8], _ attachments: [[UInt8]]) {
    var text: [UInt8] = []
    SocketIOPacket.appendHead(
      kind, attachments: attachments.count, namespace: namespaceName, acknowledgementID: id, to: &text)
    text += json
    loop.wentOut(
      slot, id == nil ? EventJSON(json)?.name ?? "" : Self.acknowledgement,
      bytes: attachments.reduce(text.count) { $0 + $1.count })
    loop.queue(slot, .text(text))
    for attachment in attachments { loop.queue(slot, .binary(attachment)) }
  }

  /// What the answer to an event is called among a socket's last events.
  static let acknowledgement = "ack"

  /// False when it has as many rooms as it may.
  func join(_ room: String) -> Bool {
    guard session != nil, loop.join(slot, namespace, room) else { return false }
    remember()
    return true
  }

  func leave(_ room: String) {
    guard session != nil else { return }
    loop.leave(slot, namespace, room)
    remember()
  }

  private func remember() {
    if let index = session?.pointee.sockets.firstIndex(where: { $0.namespace == namespace }) {
      loop.remember(slot, index)
    }
  }

  /// Publishes, and answers when it has its place in the node's order. What a hook must come before waits for it, and
  /// the client's later publications behind it.
  func publish(_ emission: Emission, _ reply: SocketEvent.Reply) {
    guard let session else { return }
    let hooks = loop.server.hooks
    let dispatcher = loop.server.dispatcher
    let isHooked = hooks.wants(emission)
    guard isHooked || session.pointee.hooksWaiting > 0 else {
      return accept(dispatcher.publish(emission), reply)
    }
    let (slot, generation, namespace, mailbox) = (slot, generation, namespace, loop.seat.mailbox)
    let job = HookQueue.Job(client: session.pointee.id, emission: emission, isHooked: isHooked) { emission in
      let receipt = dispatcher.publish(emission)
      mailbox.post(
        .work { loop in
          let socket = SocketContext(loop: loop, slot: slot, generation: generation, namespace: namespace)
          guard let session = socket.session else { return }
          session.pointee.hooksWaiting -= 1
          socket.accept(receipt, reply)
        })
    }
    guard session.pointee.hooksWaiting < HookQueue.clientMax, hooks.add(job) else {
      return answer(reply, json: Self.busy)
    }
    session.pointee.hooksWaiting += 1
  }

  private static let busy = Array("[{\"ok\":false,\"error\":\"too many publications wait\"}]".utf8)

  private func accept(_ receipt: EmissionReceipt, _ reply: SocketEvent.Reply) {
    answer(reply, json: receipt.outcome == .dropped ? Self.busy : RoomApplication.accepted)
  }

  /// Whether this client may publish one more event now.
  func takesPublish() -> Bool {
    guard let session else { return false }
    let isAllowed = session.pointee.bucket.take(
      rate: loop.options.publishRate, burst: loop.options.publishBurst, now: loop.now)
    if !isAllowed { loop.figures.publishesRefused += 1 }
    return isAllowed
  }
}
