internal import Base
internal import Synchronization

/// Where the cluster's messages enter: the adapter is made before the server it serves.
final class ClusterInlet: ClusterDelegate {
  private struct Target {
    weak var server: GatewayServer?
  }

  private let target = Mutex(Target())

  func connect(_ server: GatewayServer) { target.withLock { $0.server = server } }

  private var server: GatewayServer? { target.withLock { $0.server } }

  func deliver(_ remote: RemoteBroadcast) { server?.context.sequencer.emit(remote.emission, remote: remote) }

  func advance(origin: String, to sequence: UInt64) {
    server?.context.sequencer.advance(origin: origin, to: sequence)
  }

  func cut(origin: String, through sequence: UInt64) {
    server?.context.sequencer.cut(origin: origin, through: sequence)
  }

  /// Those that would have to be told are the ones connected now: each is disconnected in a way its client takes for a
  /// lost connection, and comes back unrecovered, so that it reads its state anew.
  func resync(origin: String) {
    guard let server else { return }
    for seat in server.seats { seat.mailbox.post(.work { $0.resync() }) }
  }

  func begin(_ request: RemoteRequest) -> @Sendable () async -> RemoteResponse {
    guard let server else { return { .done } }
    switch request {
    case .join(let selection, let rooms):
      return done(
        server.pose { loop in loop.each(selection) { slot, space in rooms.forEach { loop.join(slot, space, $0) } } })
    case .leave(let selection, let rooms):
      return done(
        server.pose { loop in loop.each(selection) { slot, space in rooms.forEach { loop.leave(slot, space, $0) } } })
    case .disconnect(let selection, let closesTransport):
      return done(server.pose { $0.disconnect(selection, closesTransport: closesTransport) })
    case .fetchSockets(let selection):
      let pending = server.pose { $0.remoteSockets(selection) }
      return { .sockets(await pending().flatMap { $0 }) }
    case .rooms(let namespace): return { .rooms(server.context.sequencer.rooms(namespace)) }
    case .count(let namespace): return { .count(await server.members(namespace, [])) }
    case .members(let namespace, let rooms): return { .count(await server.members(namespace, rooms)) }
    case .broadcastWithAcknowledgement(let emission, let deadline, let answer):
      let pending = server.begin(emission, within: min(deadline, GatewayServer.acknowledgementDeadlineMax)) {
        if case .answer(let json, let attachments) = $0 { answer(json, attachments) }
      }
      return { .count(await pending()) }
    }
  }

  private func done(_ pending: @escaping @Sendable () async -> [Void]) -> @Sendable () async -> RemoteResponse {
    {
      _ = await pending()
      return .done
    }
  }
}

/// A cluster's requests on one loop.
extension Loop {
  /// Each session that is meant, with the place of its namespace.
  func each(_ selection: SocketSelection, _ body: (Int32, Int32) -> Void) {
    guard let namespace = server.namespaces.firstIndex(of: selection.namespace) else { return }
    seenStamp &+= 1
    for room in selection.except { forEachMember(selection.namespace, room) { sessions[$0].pointee.seen = seenStamp } }
    var slots: [Int32] = []
    for room in selection.rooms.isEmpty ? [""] : selection.rooms {
      forEachMember(selection.namespace, room) { slot in
        guard sessions[slot].pointee.seen != seenStamp else { return }
        sessions[slot].pointee.seen = seenStamp
        slots.append(slot)
      }
    }
    for slot in slots where sessions[slot].pointee.phase == .open { body(slot, Int32(namespace)) }
  }

  /// How many are meant.
  func count(of selection: SocketSelection) -> Int {
    var count = 0
    each(selection) { _, _ in count += 1 }
    return count
  }

  func disconnect(_ selection: SocketSelection, closesTransport: Bool) {
    each(selection) { slot, namespace in
      if closesTransport { return end(slot, .kicked("disconnected by another server")) }
      guard let index = sessions[slot].pointee.sockets.firstIndex(where: { $0.namespace == namespace }) else { return }
      dismiss(slot, index)
    }
  }

  func remoteSockets(_ selection: SocketSelection) -> [RemoteSocket] {
    var found: [RemoteSocket] = []
    each(selection) { slot, namespace in
      guard let place = sessions[slot].pointee.sockets.first(where: { $0.namespace == namespace }) else { return }
      let id = place.id.text
      let names = place.rooms.map { rooms[$0.room].key.room }.filter { !$0.isEmpty && $0 != id }
      found.append(
        RemoteSocket(id: id, rooms: [id] + names, handshakeJSON: Array("{}".utf8), dataJSON: Array("{}".utf8)))
    }
    return found
  }

  /// Everybody's transport is closed, and nobody's session is kept.
  func resync() {
    forEachSession { slot, _ in
      if let desk = server.recovery {
        for place in sessions[slot].pointee.sockets { if let pid = place.pid { desk.forget(pid.text) } }
        for place in sessions[slot].pointee.sockets.indices { sessions[slot].pointee.sockets[place].pid = nil }
      }
      end(slot, .draining)
    }
  }
}
