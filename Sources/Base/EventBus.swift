internal import Synchronization

/// Publishes values to any number of listeners. `publish` never waits: each listener has a ring of fixed size, from
/// which the oldest value goes when the listener is slow, and the loss is counted.
public final class EventBus<Value: Sendable>: Sendable {
  private struct State {
    var nextID: UInt64 = 0
    var listeners: [UInt64: AsyncStream<Value>.Continuation] = [:]
    var dropped: UInt64 = 0
    var isFinished = false
  }

  /// Values kept for each listener.
  public let capacity: Int
  private let state = Mutex(State())

  public init(capacity: Int = 1_024) {
    precondition(capacity > 0, "a listener's ring holds at least one value")
    self.capacity = capacity
  }

  /// A listener never waits for a bus that is gone.
  deinit { finish() }

  /// Hands `value` to every listener, and returns at once.
  public func publish(_ value: Value) {
    let listeners = state.withLock { Array($0.listeners.values) }
    guard !listeners.isEmpty else { return }
    var lost: UInt64 = 0
    for listener in listeners {
      if case .dropped = listener.yield(value) { lost += 1 }
    }
    if lost > 0 { state.withLock { $0.dropped += lost } }
  }

  /// A stream of everything published from now on. It ends with the bus; ending it ends the subscription.
  public func subscribe() -> AsyncStream<Value> {
    let (stream, continuation) = AsyncStream.makeStream(of: Value.self, bufferingPolicy: .bufferingNewest(capacity))
    let id: UInt64? = state.withLock { state in
      guard !state.isFinished else { return nil }
      state.nextID += 1
      state.listeners[state.nextID] = continuation
      return state.nextID
    }
    guard let id else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in
      _ = self?.state.withLock { $0.listeners.removeValue(forKey: id) }
    }
    return stream
  }

  /// How many listeners there are.
  public var listenerCount: Int { state.withLock { $0.listeners.count } }

  /// How many values slow listeners have lost.
  public var dropped: UInt64 { state.withLock { $0.dropped } }

  /// Ends every stream; later subscriptions end at once.
  public func finish() {
    let listeners = state.withLock { state in
      defer { state.listeners = [:] }
      state.isFinished = true
      return Array(state.listeners.values)
    }
    for listener in listeners { listener.finish() }
  }
}
