internal import Synchronization

/// What the index has done since the node started.
final class IndexCounters: Sendable {
  private let computedCount = Atomic<UInt64>(0)
  private let fromCacheCount = Atomic<UInt64>(0)

  /// Chunks.
  func add(computed: Int, fromCache: Int) {
    computedCount.wrappingAdd(UInt64(max(0, computed)), ordering: .relaxed)
    fromCacheCount.wrappingAdd(UInt64(max(0, fromCache)), ordering: .relaxed)
  }

  var computed: UInt64 { computedCount.load(ordering: .relaxed) }
  var fromCache: UInt64 { fromCacheCount.load(ordering: .relaxed) }
}
