internal import ControlPlane
internal import Telemetry

extension StatusMetrics {
  /// How often everything took how long: a series for each range that holds something, so that a dashboard can draw
  /// what the console draws. Not a Prometheus histogram, which wants the sum of all durations too.
  static func ranges(_ snapshot: Snapshot) -> [MetricFamily] {
    let latencies: [(String, LatencySummary?)] = [
      ("http", snapshot.control.httpLatency), ("gateway", snapshot.gateway?.latency),
      ("index_query", snapshot.index?.queryLatency), ("sandbox_start", snapshot.sandbox?.startLatency),
      ("sandbox_run", snapshot.sandbox?.latency), ("cache_read", snapshot.cache?.readLatency),
      ("cache_write", snapshot.cache?.writeLatency), ("cache_invalidate", snapshot.cache?.invalidateLatency),
    ]
    let samples = latencies.flatMap { name, latency in
      (latency?.counts ?? []).enumerated().filter { $0.element > 0 }.map { range, count in
        MetricFamily.Sample(
          labels: ["of": name, "under_milliseconds": "\(LatencySummary.end(ofRange: range))"], Double(count))
      }
    }
    guard !samples.isEmpty else { return [] }
    return [
      MetricFamily(
        "signalbox_node_latency_count_total", help: "How often what took less than this and more than half of it.",
        kind: .counter, samples: samples)
    ]
  }
}
