internal import Base
internal import ControlPlane
internal import NIOCore
internal import Synchronization

/// What a client waits for: greeting, answers, events. Filled by callers, emptied by the connection's event loop.
final class PendingRequests: Sendable {
  typealias Answer = CheckedContinuation<Result<ControlResponse, Failure>, Never>
  typealias Greeting = CheckedContinuation<Result<ControlWelcome, Failure>, Never>

  /// Requests and event streams of one client that may wait at once.
  static let waitingMax = 1_024

  private struct Entry {
    var answer: Answer
    var deadline: Scheduled<Void>?
  }

  private struct State {
    var nextID: UInt64 = 1
    var entries: [UInt64: Entry] = [:]
    var rings: [UInt64: EventRing] = [:]
    var greeting: Greeting?
    var greeted: Result<ControlWelcome, Failure>?
    var end: Failure?
    var waiters: [CheckedContinuation<Failure, Never>] = []
  }

  private let state = Mutex(State())

  func makeID() -> UInt64 {
    state.withLock { state in
      defer { state.nextID += 1 }
      return state.nextID
    }
  }

  /// Why the connection is over; nil while it stands.
  var end: Failure? { state.withLock { $0.end } }

  /// Nil when `answer` now waits, else why it cannot.
  func add(_ id: UInt64, _ answer: Answer) -> Failure? {
    state.withLock { state in
      if let end = state.end { return end }
      guard state.entries.count < Self.waitingMax else {
        return Failure(.limit, "\(Self.waitingMax) control requests wait already", isRetriable: true)
      }
      state.entries[id] = Entry(answer: answer)
      return nil
    }
  }

  /// `deadline` is cancelled with the answer.
  func set(deadline: Scheduled<Void>, for id: UInt64) {
    let isWaiting = state.withLock { state in
      guard state.entries[id] != nil else { return false }
      state.entries[id]?.deadline = deadline
      return true
    }
    if !isWaiting { deadline.cancel() }
  }

  /// Whether somebody waited for it.
  @discardableResult
  func resolve(_ id: UInt64, _ result: Result<ControlResponse, Failure>) -> Bool {
    guard let entry = state.withLock({ $0.entries.removeValue(forKey: id) }) else { return false }
    entry.deadline?.cancel()
    entry.answer.resume(returning: result)
    return true
  }

  /// Whether the ring was taken; it is not once the connection is over.
  func add(_ id: UInt64, _ ring: EventRing) -> Bool {
    state.withLock { state in
      guard state.end == nil, state.rings.count < Self.waitingMax else { return false }
      state.rings[id] = ring
      return true
    }
  }

  func ring(_ id: UInt64) -> EventRing? { state.withLock { $0.rings[id] } }

  @discardableResult
  func removeRing(_ id: UInt64) -> EventRing? { state.withLock { $0.rings.removeValue(forKey: id) } }

  func awaitGreeting(_ greeting: Greeting) {
    let known = state.withLock { state in
      if state.greeted == nil { state.greeting = greeting }
      return state.greeted
    }
    if let known { greeting.resume(returning: known) }
  }

  func greet(_ result: Result<ControlWelcome, Failure>) {
    let greeting = state.withLock { state -> Greeting? in
      guard state.greeted == nil else { return nil }
      state.greeted = result
      defer { state.greeting = nil }
      return state.greeting
    }
    greeting?.resume(returning: result)
  }

  /// The connection is over: everything that waits fails with `failure`, unless it was over before.
  func finish(_ failure: Failure) {
    let (entries, rings, waiters) = state.withLock { state in
      guard state.end == nil else { return ([Entry](), [EventRing](), [CheckedContinuation<Failure, Never>]()) }
      state.end = failure
      defer {
        state.entries = [:]
        state.rings = [:]
        state.waiters = []
      }
      return (Array(state.entries.values), Array(state.rings.values), state.waiters)
    }
    greet(.failure(failure))
    for entry in entries {
      entry.deadline?.cancel()
      entry.answer.resume(returning: .failure(failure))
    }
    for ring in rings { ring.finish() }
    for waiter in waiters { waiter.resume(returning: failure) }
  }

  /// Returns when the connection is over.
  func waitForEnd() async -> Failure {
    await withCheckedContinuation { continuation in
      let end = state.withLock { state in
        if state.end == nil { state.waiters.append(continuation) }
        return state.end
      }
      if let end { continuation.resume(returning: end) }
    }
  }
}
