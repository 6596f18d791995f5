internal import Base
internal import HeapModule
internal import SocketProtocol

/// Heartbeats and deadlines. Each session has at most one entry that counts in the heap: `armedAt`.
///
/// Heartbeat (Engine.IO 4): the server pings `pingInterval` after the handshake and after each pong, and closes when no
/// pong comes within `pingTimeout`. The wait of the loop counts nanoseconds, so a ping is late by the tick it falls
/// into and no more.
extension Loop {
  /// Puts the session's next deadline into the heap, unless an earlier look at it is due anyway.
  func arm(_ slot: Int32) {
    let session = sessions[slot]
    let next = session.pointee.nextDeadline
    guard next != .max, session.pointee.armedAt == 0 || next < session.pointee.armedAt else { return }
    session.pointee.armedAt = next
    timers.insert(TimerEntry(at: next, slot: slot, generation: session.pointee.generation))
  }

  func fireTimers() {
    while let first = timers.min, first.at <= now {
      _ = timers.popMin()
      let session = sessions[first.slot]
      guard session.pointee.phase != .free, session.pointee.generation == first.generation,
        session.pointee.armedAt == first.at
      else { continue }
      session.pointee.armedAt = 0
      due(first.slot)
      if sessions[first.slot].pointee.phase != .free, sessions[first.slot].pointee.generation == first.generation {
        arm(first.slot)
      }
    }
  }

  private func due(_ slot: Int32) {
    let session = sessions[slot]
    if isDue(session.pointee.closeBy) {
      switch session.pointee.phase {
      case .open where session.pointee.isDraining: return end(slot, .draining)
      case .open: return end(slot, .connectTimeout)
      case .probing: return end(slot, .upgradeTimeout)
      case .lingering, .free: return release(slot)
      }
    }
    if isDue(session.pointee.expiresAt) { return end(slot, .tokenExpired) }
    switch session.pointee.heartbeat?.tick(now: now, timing: timing) {
    case .sendPing: ping(slot)
    case .timedOut: end(slot, .pingTimeout)
    case .some(.none), nil: break
    }
  }

  private func isDue(_ deadline: UInt64) -> Bool { deadline != 0 && deadline <= now }

  private func ping(_ slot: Int32) {
    if sessions[slot].pointee.kind.isEngine {
      queue(slot, .text([UInt8(ascii: "2")]), isControl: true)
    } else {
      queue(slot, .frame([FrameHeader.ping, 0]), isControl: true)
    }
  }

  func pong(_ slot: Int32) {
    let session = sessions[slot]
    guard let roundTrip = session.pointee.heartbeat?.pongReceived(now: now, timing: timing) else { return }
    session.pointee.roundTrip = UInt32(clamping: roundTrip / 1_000)
    arm(slot)
  }

  func startHeartbeat(_ slot: Int32, from start: UInt64) {
    sessions[slot].pointee.heartbeat = HeartbeatMachine(now: start, timing: timing)
    arm(slot)
  }
}
