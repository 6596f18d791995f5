internal import Base
internal import NIOCore
internal import Synchronization

/// Every connection that is open, so that a stopping server reaches them all, also one that nobody serves yet.
final class SessionRegistry: Sendable {
  private struct State {
    var sessions: [ObjectIdentifier: ControlSession] = [:]
    var isDraining = false
    var isClosed = false
  }

  /// Connections, greeted or not. One beyond is closed without a word.
  private let connectionsMax: Int
  private let state = Mutex(State())

  init(connectionsMax: Int) { self.connectionsMax = connectionsMax }

  /// The registry keeps the session until its channel is closed.
  func add(_ session: ControlSession) {
    let isClosed = state.withLock { state in
      state.sessions[ObjectIdentifier(session)] = session
      return state.isClosed || state.sessions.count > connectionsMax
    }
    session.channel.closeFuture.whenComplete { [self] _ in
      state.withLock { _ = $0.sessions.removeValue(forKey: ObjectIdentifier(session)) }
    }
    if isClosed { session.channel.close(promise: nil) }
  }

  var isDraining: Bool { state.withLock { $0.isDraining } }

  var count: Int { state.withLock { $0.sessions.count } }

  /// Each session ends when its last request has been answered; all that remain are closed at the deadline.
  func drain(deadline: Duration) {
    let sessions = state.withLock { state in
      state.isDraining = true
      return Array(state.sessions.values)
    }
    for session in sessions {
      session.drain()
      let channel = session.channel
      let timer = channel.eventLoop.scheduleTask(in: TimeAmount(deadline)) { channel.close(promise: nil) }
      channel.closeFuture.whenComplete { _ in timer.cancel() }
    }
  }

  func closeAll() {
    let sessions = state.withLock { state in
      state.isClosed = true
      return Array(state.sessions.values)
    }
    for session in sessions { session.channel.close(promise: nil) }
  }
}
