internal import Base
internal import ControlPlane

/// Events of the sockets somebody is looking at. Each is called for every event: the first line is all that the others
/// pay.
extension Loop {
  /// An event from the client. `bytes`: of its packet, attachments included.
  @inline(__always)
  func cameIn(_ slot: Int32, _ event: @autoclosure () -> String, bytes: @autoclosure () -> Int) {
    let session = sessions[slot]
    session.pointee.eventsIn &+= 1
    session.pointee.activeAt = now
    figures.eventsIn += 1
    if !watches.isEmpty { note(slot, .in, event(), room: nil, bytes: bytes()) }
  }

  /// An event for this client alone, or the answer to one of its own.
  @inline(__always)
  func wentOut(_ slot: Int32, _ event: @autoclosure () -> String, bytes: @autoclosure () -> Int) {
    let session = sessions[slot]
    session.pointee.eventsOut &+= 1
    session.pointee.activeAt = now
    figures.eventsOut += 1
    if !watches.isEmpty { note(slot, .out, event(), room: nil, bytes: bytes()) }
  }

  /// A broadcast that leaves the client's queue.
  @inline(__always)
  func wentOut(_ slot: Int32, _ broadcast: Broadcast) {
    let session = sessions[slot]
    session.pointee.eventsOut &+= 1
    session.pointee.activeAt = now
    figures.eventsOut += 1
    if !watches.isEmpty { note(slot, broadcast) }
  }

  /// What the tick holds of a room, sent as it is.
  @inline(__always)
  func wentOut(_ slot: Int32, room: Int32, frames: Int32) {
    let session = sessions[slot]
    session.pointee.eventsOut &+= UInt32(frames)
    session.pointee.activeAt = now
    figures.eventsOut += UInt64(frames)
    guard !watches.isEmpty, watches.isWatched(slot, generation: session.pointee.generation) else { return }
    for entry in tick.entries where entry.room == room { note(slot, entry.broadcast) }
  }

  private func note(_ slot: Int32, _ broadcast: Broadcast) {
    let session = sessions[slot]
    guard watches.isWatched(slot, generation: session.pointee.generation) else { return }
    let bytes: Int
    if session.pointee.kind == .raw {
      bytes = broadcast.rawFrame.count
    } else {
      let packet = broadcast.socketIO
      bytes = packet.attachments.reduce(packet.text.count) { $0 + $1.count }
    }
    let rooms = broadcast.emission.rooms
    note(
      slot, .out, broadcast.emission.event, room: rooms.first { isMember(slot, named: $0) } ?? rooms.first, bytes: bytes
    )
  }

  private func isMember(_ slot: Int32, named room: String) -> Bool { roomNames(slot).contains(room) }

  private func note(
    _ slot: Int32, _ direction: SocketDetail.Activity.Direction, _ event: String, room: String?, bytes: Int
  ) {
    guard watches.isWatched(slot, generation: sessions[slot].pointee.generation) else { return }
    watches.record(
      slot,
      .init(
        timeMilliseconds: SystemWallClock().nowMilliseconds(), direction: direction,
        event: Self.shortened(event), room: room, bytes: bytes))
  }
}
