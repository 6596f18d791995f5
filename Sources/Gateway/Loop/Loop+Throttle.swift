/// Who holds something in the second stage of the throttle: one connection of this loop.
struct ReceiverKey: Hashable, Sendable {
  var slot: Int32
  var generation: UInt32
}

/// The second stage of the throttle (CONTRACT, Gateway): a receiver whose rooms together say more than the rate gets
/// the excess merged. Whoever is in one such room is bounded by the room's own stage and never looked at here, so the
/// fan-out to a big room pays nothing for it. The rate is the user's: its connections share a pace, on whatever loops
/// they are, and each holds its own.
///
/// What a connection holds when it drops is not lost: its session remembers from where on each stream was held, and
/// whoever comes back is given that part of the history with what it missed (`HeldStream`).
extension Loop {
  /// Whether a receiver may be told more than one room's rate.
  func hearsMuch(_ slot: Int32) -> Bool { hearsSeveralRooms(slot) || sessions[slot].pointee.user?.isShared == true }

  /// More than one room beside the namespace and its own.
  private func hearsSeveralRooms(_ slot: Int32) -> Bool {
    var count = 0
    for place in sessions[slot].pointee.sockets { count += max(0, place.rooms.count - 1) }
    return count > 1
  }

  /// Whether a broadcast waits for its receiver's next turn, or is lost to a bound.
  func isHeldBack(_ slot: Int32, _ broadcast: Broadcast) -> Bool {
    guard broadcast.emission.kind != .plain, receivers.policy.interval != nil, hearsMuch(slot) else {
      return false
    }
    let key = ReceiverKey(slot: slot, generation: sessions[slot].pointee.generation)
    let item = Throttle<ReceiverKey>.Item(
      emission: broadcast.emission, offset: broadcast.offset, origin: broadcast.origin)
    let user = sessions[slot].pointee.user
    let pace = user?.isShared == true ? user?.pace : nil
    switch receivers.offer(item, for: key, sharing: pace, ticket: broadcast.sequence, now: now) {
    case .deliver: return false
    case .held: return true
    case .dropped:
      dropped(slot, 1)
      return true
    }
  }

  func releaseHeld() {
    guard let due = receivers.nextDue, due <= now else { return }
    for release in receivers.release(now: now) {
      let slot = release.key.slot
      let session = sessions[slot]
      guard session.pointee.phase == .open, session.pointee.generation == release.key.generation else { continue }
      let broadcast = Broadcast(
        emission: release.item.emission, origin: BroadcastOrigin(id: server.sequencer.node, sequence: 0), sequence: 0,
        sequencedAt: now, offset: release.item.offset)
      settle(slot)
      enqueue(slot, .broadcast(broadcast), isVolatile: false)
      markDirty(slot)
    }
  }

  /// From where on its streams were held; of a session that drops.
  func heldStreams(_ slot: Int32) -> [HeldStream] {
    let key = ReceiverKey(slot: slot, generation: sessions[slot].pointee.generation)
    return receivers.oldestHeld(key).prefix(HeldStream.countMax).compactMap { HeldStream($0) }
  }

  func forgetHeld(_ slot: Int32) {
    _ = receivers.forget(ReceiverKey(slot: slot, generation: sessions[slot].pointee.generation))
  }
}
