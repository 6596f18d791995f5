internal import Synchronization

typealias RedisReplies = Result<[RedisValue], RedisError>

/// Commands that go out as one unit, and the claim of the task that waits for their replies. Whoever resolves it first
/// wins: replies, an error, or the task's own cancellation. The loser's word is dropped, so a continuation resumes
/// exactly once; that is also why an unchecked one will do.
final class Ticket: Sendable {
  private enum State {
    case unclaimed
    case waiting(UnsafeContinuation<RedisReplies, Never>)
    case resolved(RedisReplies)
  }

  let commands: [RedisCommand]
  /// On CLOCK_MONOTONIC, in nanoseconds.
  let deadline: UInt64
  /// Bytes of output that the commands may take, for the bound on what waits.
  let sizeEstimate: Int
  /// The one that was handed over before, while both lie in a `CommandInbox`.
  let next = Atomic<Unmanaged<Ticket>?>(nil)
  private let state = Mutex(State.unclaimed)

  init(_ commands: [RedisCommand] = [], deadline: UInt64 = .max) {
    self.commands = commands
    self.deadline = deadline
    sizeEstimate = commands.reduce(0) { $0 + $1.sizeEstimate }
  }

  var replies: RedisReplies? {
    state.withLock { state in
      if case .resolved(let replies) = state { return replies }
      return nil
    }
  }

  /// Registers the waiter; false when the ticket was resolved before and the waiter has been resumed.
  func wait(_ continuation: UnsafeContinuation<RedisReplies, Never>) -> Bool {
    let early: RedisReplies? = state.withLock { state in
      if case .resolved(let replies) = state { return replies }
      state = .waiting(continuation)
      return nil
    }
    guard let early else { return true }
    continuation.resume(returning: early)
    return false
  }

  func resolve(_ replies: RedisReplies) {
    let waiter: UnsafeContinuation<RedisReplies, Never>? = state.withLock { state in
      switch state {
      case .resolved: return nil
      case .unclaimed:
        state = .resolved(replies)
        return nil
      case .waiting(let continuation):
        state = .resolved(replies)
        return continuation
      }
    }
    waiter?.resume(returning: replies)
  }
}
