internal import Synchronization

/// The socket between `listen` and `run`.
final class ListeningSlot: Sendable {
  private struct State {
    var socket: ListeningSocket?
    var isTaken = false
  }

  private let state = Mutex(State())

  /// Whether there is, or was, a socket.
  var isUsed: Bool { state.withLock { $0.socket != nil || $0.isTaken } }

  func put(_ socket: ListeningSocket) { state.withLock { $0.socket = socket } }

  func take() -> ListeningSocket? {
    state.withLock { state in
      state.isTaken = true
      defer { state.socket = nil }
      return state.socket
    }
  }
}
