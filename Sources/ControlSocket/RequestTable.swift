internal import Synchronization

/// What one client has asked for and not yet been answered. The session's reader adds, the request's own task removes.
final class RequestTable: Sendable {
  private struct Entry {
    var task: Task<Void, Never>
    var isSubscription: Bool
  }

  private struct State {
    var entries: [UInt64: Entry] = [:]
    var subscriptions = 0
    var isEnded = false
    /// The reader, while all places are taken.
    var waiter: CheckedContinuation<Void, Never>?

    var requests: Int { entries.count - subscriptions }
  }

  private let requestsMax: Int
  private let state = Mutex(State())

  init(requestsMax: Int) { self.requestsMax = requestsMax }

  var subscriptions: Int { state.withLock { $0.subscriptions } }
  /// Whether an answer is still owed; subscriptions owe none.
  var isIdle: Bool { state.withLock { $0.requests == 0 } }

  func contains(_ id: UInt64) -> Bool { state.withLock { $0.entries[id] != nil } }

  /// Waits until one more request may run. Only the reader waits, so there is at most one waiter.
  func waitForPlace() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        if state.requests < requestsMax || state.isEnded { return true }
        state.waiter = continuation
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  /// A task added after `cancelAll` is cancelled at once.
  func add(_ id: UInt64, _ task: Task<Void, Never>, isSubscription: Bool) {
    let isEnded = state.withLock { state in
      state.entries[id] = Entry(task: task, isSubscription: isSubscription)
      if isSubscription { state.subscriptions += 1 }
      return state.isEnded
    }
    if isEnded { task.cancel() }
  }

  func remove(_ id: UInt64) {
    let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
      guard let entry = state.entries.removeValue(forKey: id) else { return nil }
      if entry.isSubscription { state.subscriptions -= 1 }
      guard state.requests < requestsMax else { return nil }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  func cancel(_ id: UInt64) { state.withLock { $0.entries[id]?.task }?.cancel() }

  func cancelAll() {
    let (tasks, waiter) = state.withLock { state in
      state.isEnded = true
      defer { state.waiter = nil }
      return (state.entries.values.map(\.task), state.waiter)
    }
    for task in tasks { task.cancel() }
    waiter?.resume()
  }
}
