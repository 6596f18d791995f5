internal import Synchronization

/// GCRA's one number: the time at which a key would be idle if everything delivered so far had been spread evenly.
struct ThrottlePace: Sendable, Equatable {
  private(set) var idleAt: UInt64 = 0

  /// Whether one more may go now; it is counted if so.
  mutating func take(now: UInt64, _ policy: ThrottlePolicy, _ interval: UInt64) -> Bool {
    guard idleAt <= now + UInt64(policy.burst - 1) * interval else { return false }
    idleAt = max(idleAt, now) + interval
    return true
  }
}

/// The pace of a user with several connections, which may be on several loops. The rate is the user's and not each
/// connection's (CONTRACT, Gateway): an event that goes to two of them counts once, and what had to be held takes
/// turns.
final class SharedPace: Sendable {
  private struct State {
    var pace = ThrottlePace()
    /// Events that were let through last, so that the other connections get them too.
    var admitted: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    /// Connections that hold something.
    var holders = 0
  }

  private let state = Mutex(State())

  /// `ticket`: the event's place in the node's order; 0: none, it counts whatever came before.
  func take(_ ticket: UInt64, now: UInt64, _ policy: ThrottlePolicy, _ interval: UInt64) -> Bool {
    state.withLock { state in
      let last = state.admitted
      if ticket != 0, last.0 == ticket || last.1 == ticket || last.2 == ticket || last.3 == ticket { return true }
      guard state.pace.take(now: now, policy, interval) else { return false }
      if ticket != 0 { state.admitted = (ticket, last.0, last.1, last.2) }
      return true
    }
  }

  func began() { state.withLock { $0.holders += 1 } }
  func ended() { state.withLock { $0.holders = max(0, $0.holders - 1) } }

  /// The idle time, and how many connections stand between this one's turn and its next.
  var standing: (idleAt: UInt64, others: Int) { state.withLock { ($0.pace.idleAt, max(0, $0.holders - 1)) } }
}
