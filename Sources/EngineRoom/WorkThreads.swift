internal import Base
internal import Dispatch
internal import Synchronization

/// Threads for work that computes or waits for the disk, so that it stands in the way of no task: a bounded number of
/// them, and a bounded number of pieces that wait.
final class WorkThreads: Sendable {
  private struct State {
    var waiting: BoundedQueue<@Sendable () -> Void>
    var busy = 0
  }

  private let queue: DispatchQueue
  private let threads: Int
  private let waitingMax: Int
  private let state: Mutex<State>

  /// `waiting`: pieces of work that may wait for a thread.
  init(label: String, threads: Int, waiting: Int) {
    queue = DispatchQueue(label: label, qos: .userInitiated, attributes: .concurrent)
    self.threads = threads
    waitingMax = waiting
    state = Mutex(State(waiting: BoundedQueue(capacity: waiting)))
  }

  /// Runs `body` on a thread, in the order of the calls. Throws `limit`, which may be tried again, when too many wait.
  func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws(Failure) -> Value {
    let value: Value? = await withCheckedContinuation { continuation in
      if !enqueue({ continuation.resume(returning: body()) }) { continuation.resume(returning: nil) }
    }
    guard let value else {
      throw Failure(.limit, "too many questions at once", hint: "ask again", isRetriable: true)
    }
    return value
  }

  private func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool {
    let (isTaken, needsThread) = state.withLock { state -> (Bool, Bool) in
      guard state.waiting.count < waitingMax else { return (false, false) }
      state.waiting.append(work)
      guard state.busy < threads else { return (true, false) }
      state.busy += 1
      return (true, true)
    }
    if needsThread { queue.async { self.drain() } }
    return isTaken
  }

  private func drain() {
    while true {
      let work = state.withLock { state -> (@Sendable () -> Void)? in
        if let work = state.waiting.popFirst() { return work }
        state.busy -= 1
        return nil
      }
      guard let work else { return }
      work()
    }
  }
}
