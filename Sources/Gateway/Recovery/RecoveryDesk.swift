internal import Base
internal import Synchronization

/// Connection state recovery (Socket.IO 4.6): the session of a client that dropped is kept, and given to the client
/// that shows its private id. On this node alone from memory, in a cluster from Redis.
final class RecoveryDesk: Sendable {
  private let kept: Mutex<RecoveryStore>
  private let adapter: any ClusterAdapter
  private let isCluster: Bool
  private let clock: any WallClock
  /// Monotonic nanoseconds.
  private let now: @Sendable () -> UInt64

  init(
    adapter: any ClusterAdapter, isCluster: Bool, limits: RecoveryStore.Limits, clock: any WallClock,
    now: @escaping @Sendable () -> UInt64 = { MonotonicTime.now() }
  ) {
    self.now = now
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
    kept.withLock { $0.keep(session, now: now()) }
    adapter.saveSession(session)
  }

  /// How often sessions are looked at whose clients did not come back.
  static let sweepInterval = Duration.seconds(15)

  /// Forgets, here and in the cluster, those to which nobody came back in time; until the task is cancelled. Without it
  /// they would stay until the next client drops, and in Redis as long as this node lives.
  func sweep(on clock: some Clock<Duration>) async {
    while !Task.isCancelled {
      for pid in kept.withLock({ $0.takeGone(now: now()) }) { adapter.forgetSession(pid: pid) }
      // Cancelled: the loop ends.
      try? await clock.sleep(for: Self.sweepInterval)
    }
  }

  /// Sessions that are kept, and what they take.
  var standing: (count: Int, bytes: Int) { kept.withLock { ($0.count, $0.bytes) } }

  /// The client said goodbye or was put out.
  func forget(_ pid: String) {
    kept.withLock { $0.forget(pid) }
    adapter.forgetSession(pid: pid)
  }

  /// Nil when there is nothing to come back to. A session is given out once.
  func take(pid: String, offset: String) async -> RecoveredSession? {
    let local = kept.withLock { $0.take(pid, now: now()) }
    if isCluster, let found = await adapter.recover(pid: pid, offset: offset) { return found }
    adapter.forgetSession(pid: pid)
    return local.map { RecoveredSession(session: $0, older: [], covered: [:]) }
  }
}
