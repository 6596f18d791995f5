internal import Base
internal import Synchronization

/// The events of one listener, between a producer that never waits and a consumer that may be slow. When the ring is
/// full the oldest event goes, and before the next one the consumer finds `.dropped` with the number that are missing.
public final class EventRing: Sendable {
  /// Events kept for a listener.
  public static let defaultCapacity = 1_024

  private struct State {
    var queue: BoundedQueue<Event>
    /// Of `queue.dropped`, how many the consumer has been told of.
    var reported: UInt64 = 0
    var isFinished = false
    var waiter: CheckedContinuation<Event?, Never>?
  }

  private let state: Mutex<State>

  public init(capacity: Int = EventRing.defaultCapacity) {
    state = Mutex(State(queue: BoundedQueue(capacity: capacity)))
  }

  /// Never waits. After `finish` it does nothing.
  public func append(_ event: Event) {
    let waiter: CheckedContinuation<Event?, Never>? = state.withLock { state in
      guard !state.isFinished else { return nil }
      guard let waiter = state.waiter else {
        state.queue.append(event)
        return nil
      }
      state.waiter = nil
      return waiter
    }
    waiter?.resume(returning: event)
  }

  /// The consumer gets what is still queued, then the end.
  public func finish() {
    let waiter = state.withLock { state in
      state.isFinished = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: nil)
  }

  /// The next event; waits for it. Nil at the end, or when the waiting task is cancelled. One consumer at a time: a
  /// second one that waits ends the first one's wait.
  public func next() async -> Event? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (ready, replaced) = state.withLock { state in take(&state, continuation) }
        replaced?.resume(returning: nil)
        if let ready { continuation.resume(returning: ready.event) }
      }
    } onCancel: {
      finish()
    }
  }

  /// The ring as a stream. `onEnd` runs once, when the consumer lets go of the stream or is cancelled.
  public func stream(onEnd: @escaping @Sendable () -> Void = {}) -> AsyncStream<Event> {
    let lease = Lease(ring: self, onEnd: onEnd)
    return AsyncStream(unfolding: { await lease.ring.next() }, onCancel: { [weak self] in self?.finish() })
  }

  private struct Ready { var event: Event? }

  private func take(
    _ state: inout State, _ continuation: CheckedContinuation<Event?, Never>
  ) -> (Ready?, CheckedContinuation<Event?, Never>?) {
    let missing = state.queue.dropped - state.reported
    if missing > 0, let time = state.queue.contents.first?.timeMilliseconds {
      state.reported += missing
      return (Ready(event: Event(timeMilliseconds: time, body: .dropped(count: missing))), nil)
    }
    if let event = state.queue.popFirst() { return (Ready(event: event), nil) }
    if state.isFinished { return (Ready(event: nil), nil) }
    defer { state.waiter = continuation }
    return (nil, state.waiter)
  }

  /// Lives as long as the stream's closure does; its end is the only sign that a consumer just stopped reading.
  private final class Lease: Sendable {
    let ring: EventRing
    private let onEnd: @Sendable () -> Void

    init(ring: EventRing, onEnd: @escaping @Sendable () -> Void) {
      self.ring = ring
      self.onEnd = onEnd
    }

    deinit {
      ring.finish()
      onEnd()
    }
  }
}
