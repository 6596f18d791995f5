internal import Base
internal import Synchronization

/// Connection state recovery (Socket.IO 4.6): the session of a client that dropped is kept, and given to the client
/// that shows its private id. On this node alone from memory, in a cluster from Redis.
final class RecoveryDesk: Sendable {
  private let kept: Mutex<RecoveryStore>
  private let adapter: any ClusterAdapter
  private let isCluster: Bool
  private let clock: any WallClock

  init(adapter: any ClusterAdapter, isCluster: Bool, limits: RecoveryStore.Limits, clock: any WallClock) {
    self.adapter = adapter
    self.isCluster = isCluster
    self.clock = clock
    kept = Mutex(RecoveryStore(limits))
  }

  func connected(_ session: RecoverySession) { adapter.saveSession(session) }

  /// The client went away and may come back.
  func dropped(_ session: RecoverySession) {
    var session = session
    session.droppedAtMilliseconds = clock.nowMilliseconds()
    kept.withLock { $0.keep(session, now: MonotonicTime.now()) }
    adapter.saveSession(session)
  }

  /// The client said goodbye or was put out.
  func forget(_ pid: String) {
    kept.withLock { $0.forget(pid) }
    adapter.forgetSession(pid: pid)
  }

  /// Nil when there is nothing to come back to. A session is given out once.
  func take(pid: String, offset: String) async -> RecoveredSession? {
    let local = kept.withLock { $0.take(pid, now: MonotonicTime.now()) }
    if isCluster, let found = await adapter.recover(pid: pid, offset: offset) { return found }
    adapter.forgetSession(pid: pid)
    return local.map { RecoveredSession(session: $0, older: [], covered: [:]) }
  }
}
