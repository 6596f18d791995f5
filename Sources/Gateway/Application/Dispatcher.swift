internal import Synchronization

/// The way of every publication of this node: through the room's throttle, then into the node's order.
///
/// The throttle comes first, so that what it merges is encoded and numbered once. What it holds is released by the
/// first loop's timer; `nextDue` is all that loop looks at while nothing is held.
final class Dispatcher: Sendable {
  let sequencer: Sequencer
  /// Nil: everything passes.
  private let throttle: Mutex<Throttle<RoomKey>>
  private let due = Atomic<UInt64>(.max)
  private let clockwork: Mailbox

  init(sequencer: Sequencer, policy: ThrottlePolicy, clockwork: Mailbox) {
    self.sequencer = sequencer
    self.clockwork = clockwork
    throttle = Mutex(Throttle(policy))
  }

  /// Never waits.
  func publish(_ emission: Emission) -> EmissionReceipt {
    guard emission.kind != .plain, emission.rooms.count == 1 else { return sequencer.emit(emission) }
    let key = RoomKey(namespace: emission.namespace, room: emission.rooms[0])
    // What passes gets its place under the throttle's lock: nothing held may overtake it.
    let (receipt, isEarlier) = throttle.withLock { throttle -> (EmissionReceipt?, Bool) in
      let verdict = throttle.offer(.init(emission: emission), for: key, now: MonotonicTime.now())
      let next = throttle.nextDue ?? .max
      let isEarlier = next < due.exchange(next, ordering: .acquiringAndReleasing)
      switch verdict {
      case .deliver: return (sequencer.emit(emission), isEarlier)
      case .held: return (EmissionReceipt(outcome: .held, localMembers: sequencer.members(key)), isEarlier)
      case .dropped: return (EmissionReceipt(outcome: .dropped, localMembers: 0), isEarlier)
      }
    }
    // The loop that releases may sleep longer than that.
    if isEarlier { clockwork.post(.work { _ in }, isDroppable: true) }
    return receipt ?? EmissionReceipt(outcome: .dropped, localMembers: 0)
  }

  /// When `release` next has something to do, in monotonic nanoseconds.
  var nextDue: UInt64 { due.load(ordering: .acquiring) }

  func release(now: UInt64) {
    throttle.withLock { throttle in
      for release in throttle.release(now: now) { sequencer.emit(release.item.emission) }
      due.store(throttle.nextDue ?? .max, ordering: .releasing)
    }
  }

  var counters: ThrottleCounters { throttle.withLock { $0.counters } }
}
