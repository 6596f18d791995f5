internal import Synchronization

typealias RedisReplies = Result<[RedisValue], RedisError>

/// The claim of one waiting task on its replies. Whoever resolves it first wins: the connection thread with replies or
/// an error, or the task's own cancellation. The loser's word is dropped, so a continuation resumes exactly once.
final class Ticket: Sendable {
  private enum State {
    case unclaimed
    case waiting(CheckedContinuation<RedisReplies, Never>)
    case resolved(RedisReplies)
  }

  private let state = Mutex(State.unclaimed)

  /// Registers the waiter; false when the ticket was resolved before and the waiter has been resumed.
  func wait(_ continuation: CheckedContinuation<RedisReplies, Never>) -> Bool {
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
    let waiter: CheckedContinuation<RedisReplies, Never>? = state.withLock { state in
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
