internal import Base
internal import Synchronization

/// The socket between `listen` and `run`.
final class ListeningSlot: Sendable {
  private struct State {
    var socket: ListeningSocket?
    var isTaken = false
  }

  private let state = Mutex(State())

  func fill(_ make: () throws(Failure) -> ListeningSocket) throws(Failure) {
    let result: Result<Void, Failure> = state.withLock { state in
      guard state.socket == nil, !state.isTaken else { return .success(()) }
      do throws(Failure) {
        state.socket = try make()
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  func take() -> ListeningSocket? {
    state.withLock { state in
      state.isTaken = true
      defer { state.socket = nil }
      return state.socket
    }
  }
}
