internal import Access
internal import Base
internal import ControlPlane

/// Sessions as the node's faces show them.
extension Loop {
  static var idleAfter: UInt64 { 60_000_000_000 }

  /// Leaves a mark for rates. False when there was none old enough to tell them: who asks should come back in a moment.
  func markRates() -> Bool {
    now = MonotonicTime.now()
    let isReady = marks.isReady(now: now)
    marks.look(now: now) { (0..<Int32(sessions.capacity)).map(count) }
    return isReady
  }

  private func count(_ slot: Int32) -> RateMarks.Count {
    let session = sessions[slot]
    return RateMarks.Count(
      generation: session.pointee.generation, input: session.pointee.eventsIn, output: session.pointee.eventsOut)
  }

  func records() -> [SocketRecord] {
    now = MonotonicTime.now()
    var records: [SocketRecord] = []
    records.reserveCapacity(sessions.count)
    forEachSession { slot, _ in
      if let record = record(slot) { records.append(record) }
    }
    return records
  }

  /// Nil for a session that is in no namespace yet.
  private func record(_ slot: Int32) -> SocketRecord? {
    let session = sessions[slot]
    guard let place = session.pointee.sockets.first, place.state == .connected else { return nil }
    let identity = session.pointee.identity
    let id = place.id.text
    let names = roomNames(slot).filter { $0 != id }.sorted()
    let rates = marks.rates(
      Int(slot), count(slot), connectedAt: session.pointee.connectedAt, now: now)
    let idle = now &- session.pointee.activeAt
    return SocketRecord(
      id: id, user: identity.verifiedUser ?? identity.claimedAgent ?? identity.claimedUser ?? id,
      isVerified: identity.verifiedUser != nil, agent: identity.claimedAgent,
      rooms: Array(names.prefix(SocketRecord.roomsMax)), roomCount: names.count, transport: transport(slot),
      state: isSlow(session)
        ? .slow : session.pointee.isDraining ? .closing : idle > Self.idleAfter ? .idle : .live,
      rttMilliseconds: session.pointee.roundTrip == 0 ? nil : Double(session.pointee.roundTrip) / 1_000,
      inPerSecond: rates.input, outPerSecond: rates.output,
      queuedBytes: session.pointee.queue.heldBytes, queuedFrames: session.pointee.queue.count,
      connectedAt: server.wallClockOffset + Int64(session.pointee.connectedAt / 1_000_000),
      idleMilliseconds: Int64(idle / 1_000_000), address: identity.address?.description ?? "",
      node: server.sequencer.node)
  }

  private func transport(_ slot: Int32) -> SocketRecord.Transport {
    let session = sessions[slot]
    if session.pointee.kind == .raw || session.pointee.kind == .rawEcho { return .raw }
    return session.pointee.transport == .polling ? .polling : .websocket
  }

  func detail(_ id: String) -> SocketDetail? {
    now = MonotonicTime.now()
    let clock = SystemWallClock().nowMilliseconds()
    guard let slot = find(id), let record = record(slot) else { return nil }
    let session = sessions[slot]
    let expires = session.pointee.expiresAt
    return SocketDetail(
      socket: record, rooms: roomNames(slot).filter { $0 != record.id }.sorted(),
      namespaces: session.pointee.sockets.map { server.namespaces[Int($0.namespace)] },
      recent: watches.look(slot, generation: session.pointee.generation, now: now),
      eventsIn: UInt64(session.pointee.eventsIn), eventsOut: UInt64(session.pointee.eventsOut),
      bytesIn: session.pointee.bytesIn, bytesOut: session.pointee.bytesOut,
      dropped: UInt64(session.pointee.dropped),
      expiresAt: expires == 0 ? nil : clock + Int64(expires > now ? (expires - now) / 1_000_000 : 0))
  }
}
