internal import Synchronization

/// Lets one task do what many want at the same moment. The first does it within its own task; the others wait for its
/// result. If the first is cancelled, one of the others takes over.
final class SingleFlight<Value: Sendable>: Sendable {
  private enum Landing: Sendable {
    case result(Result<Value, any Error>)
    /// The leader was cancelled: try again.
    case abandoned
    case cancelled
    case refused
  }

  private struct Flight {
    var waiters: [UInt64: CheckedContinuation<Landing, Never>] = [:]
  }

  private struct State {
    var flights: [CacheKey: Flight] = [:]
    var nextWaiter: UInt64 = 0
    var cancelled: Set<UInt64> = []
  }

  /// Tasks that may wait for one key.
  static var waitersMax: Int { 10_000 }

  private let state = Mutex(State())

  var count: Int { state.withLock { $0.flights.count } }

  /// The result of `body`, run by this task or by another that was first.
  func run(_ key: CacheKey, _ body: () async throws -> Value) async throws -> Value {
    while true {
      let isLeader = state.withLock { state in
        guard state.flights[key] == nil else { return false }
        state.flights[key] = Flight()
        return true
      }
      if isLeader { return try await lead(key, body) }
      switch await follow(key) {
      case .result(let result): return try result.get()
      case .abandoned: try Task.checkCancellation()
      case .cancelled: throw CancellationError()
      case .refused: throw RefusedFlight()
      }
    }
  }

  struct RefusedFlight: Error {}

  private func lead(_ key: CacheKey, _ body: () async throws -> Value) async throws -> Value {
    do {
      let value = try await body()
      land(key, .result(.success(value)))
      return value
    } catch {
      let isOurs = error is CancellationError || Task.isCancelled
      land(key, isOurs ? .abandoned : .result(.failure(error)))
      throw error
    }
  }

  private func land(_ key: CacheKey, _ landing: Landing) {
    let flight = state.withLock { $0.flights.removeValue(forKey: key) }
    for waiter in (flight?.waiters ?? [:]).values { waiter.resume(returning: landing) }
  }

  private func follow(_ key: CacheKey) async -> Landing {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    let landing = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let early: Landing? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return .cancelled }
          // It landed between the look and the wait.
          guard let waiting = state.flights[key]?.waiters.count else { return .abandoned }
          guard waiting < Self.waitersMax else { return .refused }
          state.flights[key]?.waiters[id] = continuation
          return nil
        }
        if let early { continuation.resume(returning: early) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        let waiter = state.flights[key]?.waiters.removeValue(forKey: id)
        if waiter == nil { state.cancelled.insert(id) }
        return waiter
      }
      waiter?.resume(returning: .cancelled)
    }
    _ = state.withLock { $0.cancelled.remove(id) }
    return landing
  }
}
