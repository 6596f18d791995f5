/// Joining and leaving. Before a session's rooms change, what the running tick already holds for it is settled, so that
/// it gets exactly what was sent while it was a member.
extension Loop {
  /// False when it has as many rooms as it may. `isCounted`: the node's table knows of it already.
  @discardableResult
  func join(_ slot: Int32, _ namespace: Int32, _ name: String, isCounted: Bool = false) -> Bool {
    let session = sessions[slot]
    guard let index = session.pointee.sockets.firstIndex(where: { $0.namespace == namespace }) else { return false }
    let key = RoomKey(namespace: server.namespaces[Int(namespace)], room: name)
    let room = rooms.make(key, namespace: namespace)
    guard !session.pointee.sockets[index].rooms.contains(where: { $0.room == room }) else { return true }
    guard session.pointee.sockets[index].rooms.count <= options.roomsMax else {
      rooms.removeIfEmpty(room)
      return false
    }
    settle(slot)
    let position = Int32(rooms[room].members.count)
    rooms[room].members.append(slot)
    session.pointee.sockets[index].rooms.append(.init(room: room, position: position))
    if !isCounted { server.sequencer.joined(key, loop: seat.index) }
    return true
  }

  func leave(_ slot: Int32, _ namespace: Int32, _ name: String) {
    let session = sessions[slot]
    let key = RoomKey(namespace: server.namespaces[Int(namespace)], room: name)
    guard let room = rooms.find(key),
      let index = session.pointee.sockets.firstIndex(where: { $0.namespace == namespace }),
      let membership = session.pointee.sockets[index].rooms.first(where: { $0.room == room })
    else { return }
    settle(slot)
    removeMember(slot, index, membership)
  }

  /// Moves the last member into the place that becomes free, and tells it so.
  func removeMember(_ slot: Int32, _ index: Int, _ membership: NamespaceSocket.Membership) {
    let room = membership.room
    sessions[slot].pointee.sockets[index].rooms.removeAll { $0.room == room }
    let key = rooms[room].key
    let last = rooms[room].members.removeLast()
    if last != slot {
      rooms[room].members[Int(membership.position)] = last
      moved(last, room, to: membership.position)
    }
    rooms.removeIfEmpty(room)
    server.sequencer.left(key, loop: seat.index)
  }

  private func moved(_ slot: Int32, _ room: Int32, to position: Int32) {
    let session = sessions[slot]
    for place in session.pointee.sockets.indices {
      for entry in session.pointee.sockets[place].rooms.indices
      where session.pointee.sockets[place].rooms[entry].room == room {
        session.pointee.sockets[place].rooms[entry].position = position
      }
    }
  }

  func isMember(_ slot: Int32, _ room: Int32) -> Bool {
    let session = sessions[slot]
    for place in session.pointee.sockets {
      for membership in place.rooms where membership.room == room { return true }
    }
    return false
  }

  func roomNames(_ slot: Int32) -> [String] {
    sessions[slot].pointee.sockets.flatMap { place in
      place.rooms.map { rooms[$0.room].key.room }.filter { !$0.isEmpty }
    }
  }
}
