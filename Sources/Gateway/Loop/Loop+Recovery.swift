internal import Base
internal import SocketProtocol

/// A client comes back to its rooms and to what it missed.
///
/// Nothing may be given twice or not at all between the history and the live stream:
///
///     this loop                                       sequencer's lock
///     joins the rooms in the node's table             from here on broadcasts to them reach this mailbox
///     takes the missed ones and, in the same moment,
///       empties its mailbox                           all that was numbered so far is in one of the two
///     collects what was in the mailbox                not a member yet: gets none of it
///     becomes a member, queues the missed ones
///     goes on                                         gets all that is numbered from then on
extension Loop {
  /// Asks for the session of a CONNECT packet with `pid` and `offset`. False when there is nothing to ask for.
  func askForRecovery(_ slot: Int32, _ attempt: SessionID, _ claims: JSONObject?) -> Bool {
    guard let desk = server.recovery, let pid = claims?.string("pid"), let offset = claims?.string("offset"),
      pid.utf8.count <= 64, offset.utf8.count <= 8_192
    else { return false }
    let id = sessions[slot].pointee.id
    let mailbox = seat.mailbox
    return server.errands.add {
      let found = await desk.take(pid: pid, offset: offset)
      mailbox.post(.work { $0.recovered(id, attempt, found, since: offset) })
    }
  }

  func recovered(_ id: SessionID, _ attempt: SessionID, _ found: RecoveredSession?, since offset: String) {
    guard let slot = sessions.find(id), let namespace = checking(slot, attempt) else { return }
    let name = server.namespaces[Int(namespace)]
    guard let found, found.session.namespace == name, isSameUser(slot, found.session), mayRejoin(slot, found.session),
      let sid = SessionID(found.session.sid), let missed = rejoin(slot, namespace, found, since: offset)
    else { return greet(slot, attempt, sid: nil, pid: nil) }
    greet(slot, attempt, sid: sid, pid: SessionID(found.session.pid))
    for room in found.session.rooms { join(slot, namespace, room, isCounted: true) }
    join(slot, namespace, found.session.sid)
    // What comes from the cluster's logs carries no offset: a client that drops again before it reaches the live stream
    // asks for all of it again.
    for remote in found.older {
      let broadcast = Broadcast(
        emission: remote.emission, origin: BroadcastOrigin(id: remote.originID, sequence: remote.originSequence ?? 0),
        sequence: 0, sequencedAt: now, offset: [])
      replay(slot, broadcast)
    }
    for broadcast in missed { replay(slot, broadcast) }
  }

  /// Past the throttle: what was missed is told whole, and none of it may be held and lost once more.
  private func replay(_ slot: Int32, _ broadcast: Broadcast) {
    guard sessions[slot].pointee.phase == .open else { return }
    settle(slot)
    enqueue(slot, .broadcast(broadcast), isVolatile: false)
    markDirty(slot)
  }

  /// A session belongs to who began it.
  private func isSameUser(_ slot: Int32, _ session: RecoverySession) -> Bool {
    userName(slot) == session.user || session.user.isEmpty
  }

  /// The token it comes back with may cover less than the one it left with. With rooms that it may not join the session
  /// is another one: told that it has come back, the client would wait for them in vain.
  private func mayRejoin(_ slot: Int32, _ session: RecoverySession) -> Bool {
    let identity = sessions[slot].pointee.identity
    return session.rooms.allSatisfy { server.application.allows(identity, joining: $0) }
  }

  /// The user, when it is more than the connection itself.
  func userName(_ slot: Int32) -> String {
    let identity = sessions[slot].pointee.identity
    return identity.verifiedUser ?? identity.claimedAgent ?? identity.claimedUser ?? ""
  }

  /// What it missed; its rooms are joined in the node's table from then on. Nil when some of it is gone or it is more
  /// than its queue takes: then nothing is joined.
  private func rejoin(
    _ slot: Int32, _ namespace: Int32, _ found: RecoveredSession, since offset: String
  ) -> [Broadcast]? {
    let name = server.namespaces[Int(namespace)]
    let rooms = found.session.rooms
    for room in rooms { server.sequencer.joined(RoomKey(namespace: name, room: room), loop: seat.index) }
    var waiting: [Letter] = []
    let missed = server.sequencer.missed(
      namespace: name, rooms: rooms + [found.session.sid], since: offset, held: found.session.held,
      covered: found.covered
    ) { missed in
      seat.mailbox.take(into: &waiting)
      return missed
    }
    catchUp(waiting)
    let bytes = (missed ?? []).reduce(0) { $0 + $1.size + OutputQueue.entryBytes }
    if let missed, bytes < options.queueBytesMax, missed.count + found.older.count < options.queueFramesMax {
      return missed
    }
    for room in rooms { server.sequencer.left(RoomKey(namespace: name, room: room), loop: seat.index) }
    return nil
  }

  /// What is kept of a socket whose client may come back.
  func recoverySession(_ slot: Int32, _ place: NamespaceSocket, isDropping: Bool = false) -> RecoverySession? {
    guard let pid = place.pid else { return nil }
    let sid = place.id.text
    return RecoverySession(
      pid: pid.text, sid: sid, namespace: server.namespaces[Int(place.namespace)], user: userName(slot),
      rooms: place.rooms.map { rooms[$0.room].key.room }.filter { !$0.isEmpty && $0 != sid },
      droppedAtMilliseconds: nil, held: isDropping ? heldStreams(slot) : [])
  }
}
