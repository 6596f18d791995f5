internal import Access
internal import Base
internal import ControlPlane

/// Sessions as the node's faces show them.
extension Loop {
  static var idleAfter: UInt64 { 60_000_000_000 }

  func records() -> [SocketRecord] {
    var records: [SocketRecord] = []
    records.reserveCapacity(sessions.count)
    let clock = SystemWallClock().nowMilliseconds()
    forEachSession { slot, _ in
      if let record = record(slot, clock: clock) { records.append(record) }
    }
    return records
  }

  /// Nil for a session that is in no namespace yet.
  private func record(_ slot: Int32, clock: Int64) -> SocketRecord? {
    let session = sessions[slot]
    guard let place = session.pointee.sockets.first, place.state == .connected else { return nil }
    let identity = session.pointee.identity
    let id = place.id.text
    let names = roomNames(slot).filter { $0 != id }.sorted()
    let age = Double(max(1, now &- session.pointee.connectedAt)) / 1e9
    let idle = now &- session.pointee.activeAt
    return SocketRecord(
      id: id, user: identity.verifiedUser ?? identity.claimedAgent ?? identity.claimedUser ?? id,
      isVerified: identity.verifiedUser != nil, agent: identity.claimedAgent,
      rooms: Array(names.prefix(SocketRecord.roomsMax)), roomCount: names.count, transport: transport(slot),
      state: session.pointee.queue.heldBytes > options.queueBytesMax / 2
        ? .slow : session.pointee.isDraining ? .closing : idle > Self.idleAfter ? .idle : .live,
      rttMilliseconds: session.pointee.roundTrip == 0 ? nil : Double(session.pointee.roundTrip) / 1_000,
      inPerSecond: Double(session.pointee.eventsIn) / age, outPerSecond: Double(session.pointee.eventsOut) / age,
      queuedBytes: session.pointee.queue.heldBytes, queuedFrames: session.pointee.queue.count,
      connectedAt: clock - Int64((now &- session.pointee.connectedAt) / 1_000_000),
      idleMilliseconds: Int64(idle / 1_000_000), address: identity.address?.description ?? "",
      node: server.sequencer.node)
  }

  private func transport(_ slot: Int32) -> SocketRecord.Transport {
    let session = sessions[slot]
    if session.pointee.kind == .raw || session.pointee.kind == .rawEcho { return .raw }
    return session.pointee.transport == .polling ? .polling : .websocket
  }

  func detail(_ id: String) -> SocketDetail? {
    let clock = SystemWallClock().nowMilliseconds()
    guard let slot = find(id), let record = record(slot, clock: clock) else { return nil }
    let session = sessions[slot]
    let expires = session.pointee.expiresAt
    return SocketDetail(
      socket: record, rooms: roomNames(slot).filter { $0 != record.id }.sorted(),
      namespaces: session.pointee.sockets.map { server.namespaces[Int($0.namespace)] },
      eventsIn: UInt64(session.pointee.eventsIn), eventsOut: UInt64(session.pointee.eventsOut),
      bytesIn: session.pointee.bytesIn, bytesOut: session.pointee.bytesOut,
      dropped: UInt64(session.pointee.dropped),
      expiresAt: expires == 0 ? nil : clock + Int64(expires > now ? (expires - now) / 1_000_000 : 0))
  }
}
