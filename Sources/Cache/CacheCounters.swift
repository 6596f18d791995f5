internal import Synchronization

/// What is counted outside of the shards, by namespace number.
final class CacheCounters: Sendable {
  struct Row: Sendable {
    var secondLevelHits: UInt64 = 0
    var misses: UInt64 = 0
    /// First-level hits that were not served: stale, or known to be nothing.
    var unserved: UInt64 = 0
    var sets: UInt64 = 0
    var bytesWritten: UInt64 = 0
    var errors: UInt64 = 0
    var invalidations: [Invalidation.Kind: UInt64] = [:]
  }

  private let state = Mutex<[Row]>([])

  func count(_ namespace: UInt16, _ change: (inout Row) -> Void) {
    state.withLock { rows in
      while rows.count <= Int(namespace) { rows.append(Row()) }
      change(&rows[Int(namespace)])
    }
  }

  var rows: [Row] { state.withLock { $0 } }
}
