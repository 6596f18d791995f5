/// What an operator asks of a loop.
extension Loop {
  /// Every session gets a moment of its own within `nanoseconds` to be told to reconnect, so that they do not all come
  /// to the next node at once. What is not connected yet goes at once.
  func drain(over nanoseconds: UInt64) {
    for slot in 0..<Int32(sessions.capacity) {
      let session = sessions[slot]
      guard session.pointee.phase == .open || session.pointee.phase == .probing else { continue }
      session.pointee.isDraining = true
      session.pointee.closeBy = now + UInt64.random(in: 0...max(1, nanoseconds * 9 / 10))
      arm(slot)
    }
  }

  /// False when there is no such session.
  func kick(_ id: String, reason: String) -> Bool {
    guard let slot = find(id) else { return false }
    end(slot, .kicked(reason))
    return true
  }

  /// By the id of the session, or the public id of one of its sockets.
  func find(_ text: String) -> Int32? {
    guard let id = SessionID(text) else { return nil }
    let isOwn = Int(id.loop) == seat.index && Int(id.slot) < sessions.capacity
    if isOwn, isOpen(Int32(id.slot), id) { return Int32(id.slot) }
    // A socket that came back keeps its id and not its place.
    for slot in 0..<Int32(sessions.capacity) where isOpen(slot, id) { return slot }
    return nil
  }

  private func isOpen(_ slot: Int32, _ id: SessionID) -> Bool {
    let session = sessions[slot]
    return session.pointee.phase == .open && session.pointee.sockets.contains { $0.id == id }
  }
}
