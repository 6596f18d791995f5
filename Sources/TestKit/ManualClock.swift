public import Base
internal import Synchronization

/// A clock that moves only when a test says so. Sleepers wake in the order of their deadlines. It is a `WallClock` too:
/// the time of day moves with it.
public final class ManualClock: Clock, WallClock {
  public struct Instant: InstantProtocol {
    /// Time since the clock was made.
    public var offset: Duration

    public init(offset: Duration) { self.offset = offset }
    public func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    public func duration(to other: Instant) -> Duration { other.offset - offset }
    public static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
  }

  private struct Sleeper {
    var deadline: Instant
    var continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var now = Instant(offset: .zero)
    var nextID: UInt64 = 0
    var sleepers: [UInt64: Sleeper] = [:]
    /// Sleeps cancelled before their continuation was there.
    var cancelled: Set<UInt64> = []
  }

  private let startMilliseconds: Int64
  private let state = Mutex(State())

  /// `startMilliseconds` is the time of day at the beginning, since 1970; the default is 2026-11-20T23:14:05.221Z.
  public init(startMilliseconds: Int64 = 1_795_216_445_221) { self.startMilliseconds = startMilliseconds }

  public var now: Instant { state.withLock { $0.now } }
  public var minimumResolution: Duration { .nanoseconds(1) }

  public func nowMilliseconds() -> Int64 { startMilliseconds + now.offset.nanoseconds / 1_000_000 }

  /// How many tasks are asleep. A test waits for them (`eventually`) before it advances.
  public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// Moves time on and wakes every sleeper whose deadline is reached.
  public func advance(by duration: Duration) {
    precondition(duration >= .zero, "time does not run backwards")
    let due = state.withLock { state in
      state.now = state.now.advanced(by: duration)
      let due = state.sleepers.filter { $0.value.deadline <= state.now }
      for id in due.keys { state.sleepers[id] = nil }
      return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }
    }
    for (_, sleeper) in due { sleeper.continuation.resume() }
  }

  public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let verdict: Result<Void, any Error>? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
          if deadline <= state.now { return .success(()) }
          state.sleepers[id] = Sleeper(deadline: deadline, continuation: continuation)
          return nil
        }
        if let verdict { continuation.resume(with: verdict) }
      }
    } onCancel: {
      let sleeper = state.withLock { state in
        let sleeper = state.sleepers.removeValue(forKey: id)
        if sleeper == nil { state.cancelled.insert(id) }
        return sleeper
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
    _ = state.withLock { $0.cancelled.remove(id) }
  }
}
