internal import ControlPlane
internal import Synchronization

/// Hands each event to any number of listeners, each with a ring of its own.
final class RingTable: Sendable {
  private struct State {
    var rings: [UInt64: EventRing] = [:]
    var nextID: UInt64 = 0
    var isFinished = false
  }

  private let state = Mutex(State())

  func subscribe() -> AsyncStream<Event> {
    let ring = EventRing()
    let id: UInt64? = state.withLock { state in
      guard !state.isFinished else { return nil }
      state.nextID += 1
      state.rings[state.nextID] = ring
      return state.nextID
    }
    guard let id else {
      ring.finish()
      return ring.stream()
    }
    return ring.stream { [weak self] in _ = self?.state.withLock { $0.rings.removeValue(forKey: id) } }
  }

  func publish(_ event: Event) {
    for ring in state.withLock({ Array($0.rings.values) }) { ring.append(event) }
  }

  func finish() {
    let rings = state.withLock { state in
      state.isFinished = true
      defer { state.rings = [:] }
      return Array(state.rings.values)
    }
    for ring in rings { ring.finish() }
  }
}
