internal import SocketProtocol

/// What a client said to a question of the server.
enum Acknowledgement: Sendable, Equatable {
  /// Its first argument as JSON text (`null` when it has none), and what the placeholders in it stand for.
  case answer([UInt8], attachments: [[UInt8]])
  /// So many will not answer any more: they left, or their time is over.
  case missing(Int)
}

/// One socket that was asked.
struct AskedSocket: Hashable, Sendable {
  var slot: Int32
  var generation: UInt32
  var namespace: Int32
}

/// Questions to clients: events that are to be acknowledged (`emitWithAck`, `broadcastWithAck`). A question reaches a
/// loop as a letter, behind the broadcasts that were sequenced before it, and a client's queue behind what the tick
/// holds for it; so it keeps the place it was sent at. It is not kept for recovery: whoever is away is not asked.
extension Loop {
  /// Answers that one loop waits for.
  static var answersMax: Int { 65_536 }

  /// Sends the event to the members of its rooms and returns how many of them were asked. `listener` is called on the
  /// loop, at most once for each; by `deadline` (monotonic nanoseconds) all of them are accounted for. Nobody is asked
  /// when too many answers are waited for already, and no raw socket ever: those are told the event.
  func ask(_ emission: Emission, deadline: UInt64, _ listener: @escaping @Sendable (Acknowledgement) -> Void) -> Int {
    var asked: [AskedSocket] = []
    let selection = SocketSelection(namespace: emission.namespace, rooms: emission.rooms, except: emission.except)
    each(selection) { slot, namespace in
      let session = sessions[slot]
      if session.pointee.kind == .socketIO {
        asked.append(.init(slot: slot, generation: session.pointee.generation, namespace: namespace))
      } else {
        let frame = RawFrame.make(of: emission)
        wentOut(slot, emission.event, bytes: frame.count)
        queue(slot, .frame(frame))
      }
    }
    let id = questions.ask(Set(asked), listener, deadline: deadline, countMax: Self.answersMax)
    var text: [UInt8] = []
    SocketIOPacket.appendHead(
      emission.attachments.isEmpty ? .event : .binaryEvent, attachments: emission.attachments.count,
      namespace: emission.namespace, acknowledgementID: id, to: &text)
    text += emission.arguments
    for socket in asked where sessions[socket.slot].pointee.generation == socket.generation {
      wentOut(socket.slot, emission.event, bytes: text.count)
      queue(socket.slot, .text(text))
      for attachment in emission.attachments { queue(socket.slot, .binary(attachment)) }
    }
    return id == nil ? 0 : asked.count
  }

  func acknowledged(
    _ slot: Int32, _ index: Int, _ packet: SocketIOPacket, _ bytes: UnsafeRawBufferPointer, attachments: [[UInt8]]
  ) {
    let session = sessions[slot]
    let socket = AskedSocket(
      slot: slot, generation: session.pointee.generation, namespace: session.pointee.sockets[index].namespace)
    // An answer that nobody asked for, or that comes late, changes nothing.
    guard let id = packet.acknowledgementID, let listener = questions.answered(id, by: socket) else { return }
    cameIn(slot, SocketContext.acknowledgement, bytes: attachments.reduce(bytes.count) { $0 + $1.count })
    let answer = EventJSON(Array(bytes[packet.payload]))
    let first = answer?.elements.first.flatMap { answer?.json[$0] }
    listener(.answer(first.map { Array($0) } ?? Array("null".utf8), attachments: attachments))
  }

  func forgetQuestions(_ slot: Int32, _ index: Int) {
    guard !questions.isEmpty else { return }
    let session = sessions[slot]
    let socket = AskedSocket(
      slot: slot, generation: session.pointee.generation, namespace: session.pointee.sockets[index].namespace)
    for listener in questions.forget(socket) { listener(.missing(1)) }
  }

  func expireQuestions() {
    guard let deadline = questions.deadline, deadline <= now else { return }
    for late in questions.expire(now: now) { late.waiter(.missing(late.missing)) }
  }

  func endQuestions() {
    for waiting in questions.drain() { waiting.waiter(.missing(waiting.missing)) }
  }
}
