internal import ControlPlane
internal import CoreMetrics
internal import Synchronization

/// Hands the counts on to swift-metrics, once a second and only what has grown: counting itself happens under the locks
/// that a read takes anyway.
final class CacheMetrics: Sendable {
  private let last = Mutex<[String: CacheStatistics.Namespace]>([:])

  func publish(_ statistics: CacheStatistics) {
    let before = last.withLock { last in
      defer { last = Dictionary(statistics.namespaces.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }) }
      return last
    }
    for row in statistics.namespaces { publish(row, since: before[row.name] ?? .init(name: row.name)) }
    Gauge(label: "signalbox_cache_outbox_entries").record(statistics.link.outboxDepth)
    Gauge(label: "signalbox_cache_rules_entries").record(statistics.rules)
    Gauge(label: "signalbox_cache_redis_up_boolean").record(statistics.link.state == .away ? 0 : 1)
    for (name, latency) in [
      ("read", statistics.readLatency), ("write", statistics.writeLatency),
      ("invalidate", statistics.invalidateLatency),
    ] {
      for (quantile, value) in [("0.5", latency.p50), ("0.95", latency.p95), ("0.99", latency.p99)] {
        let dimensions = [("operation", name), ("quantile", quantile)]
        Gauge(label: "signalbox_cache_latency_seconds", dimensions: dimensions).record(value / 1_000)
      }
    }
  }

  private func publish(_ row: CacheStatistics.Namespace, since before: CacheStatistics.Namespace) {
    let own = [("namespace", row.name)]
    count("signalbox_cache_hits_total", own + [("level", "1")], row.firstLevelHits, before.firstLevelHits)
    count("signalbox_cache_hits_total", own + [("level", "2")], row.secondLevelHits, before.secondLevelHits)
    count("signalbox_cache_misses_total", own, row.misses, before.misses)
    count("signalbox_cache_sets_total", own, row.sets, before.sets)
    count("signalbox_cache_written_bytes_total", own, row.bytesWritten, before.bytesWritten)
    count("signalbox_cache_evictions_total", own, row.evictions, before.evictions)
    count("signalbox_cache_expirations_total", own, row.expirations, before.expirations)
    count("signalbox_cache_errors_total", own, row.errors, before.errors)
    for (kind, value) in row.invalidations {
      let dimensions = own + [("strategy", kind)]
      count("signalbox_cache_invalidations_total", dimensions, value, before.invalidations[kind] ?? 0)
    }
    Gauge(label: "signalbox_cache_entries", dimensions: own).record(row.entries)
    Gauge(label: "signalbox_cache_bytes", dimensions: own).record(row.bytes)
  }

  private func count(_ label: String, _ dimensions: [(String, String)], _ now: UInt64, _ before: UInt64) {
    guard now > before else { return }
    Counter(label: label, dimensions: dimensions).increment(by: Int64(clamping: now - before))
  }
}
