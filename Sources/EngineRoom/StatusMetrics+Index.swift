internal import Base
internal import ControlPlane
internal import Telemetry

extension StatusMetrics {
  /// Projects with figures of their own; more would be more labels than a scraper likes.
  private static let projectsMax = 100

  static func index(_ index: IndexSnapshot) -> [MetricFamily] {
    totals(index) + perProject(Array(index.projects.prefix(projectsMax)))
  }

  private static func totals(_ index: IndexSnapshot) -> [MetricFamily] {
    let latency = index.queryLatency
    let states: [ProjectStatus.State] = [.ready, .indexing, .stale, .failed]
    let computed = Double(index.embeddingsComputed)
    let known = Double(index.embeddingsFromCache)
    return [
      MetricFamily(
        "signalbox_index_projects", help: "Projects by the state of their index.", kind: .gauge,
        samples: states.map { state in
          .init(labels: ["state": state.rawValue], Double(index.projects.count { $0.state == state }))
        }),
      .gauge("signalbox_index_files", "Files in the index.", Double(index.projects.reduce(0) { $0 + $1.files })),
      .gauge("signalbox_index_chunks", "Chunks in the index.", Double(index.projects.reduce(0) { $0 + $1.chunks })),
      .gauge("signalbox_index_bytes", "Bytes of the index on disk.", Double(index.bytes)),
      .gauge("signalbox_index_state_bytes_max", "SIGNALBOX_STATE_MAX.", Double(index.bytesMax)),
      .counter("signalbox_index_queries_total", "Searches answered.", Double(index.queries)),
      .counter("signalbox_index_embeddings_computed_total", "Chunks embedded.", computed),
      .counter("signalbox_index_embeddings_known_total", "Chunks whose embedding was known.", known),
      .gauge(
        "signalbox_index_embedding_hit_ratio", "Known embeddings of all that were needed.",
        computed + known == 0 ? 0 : known / (computed + known)),
      MetricFamily(
        "signalbox_index_query_latency_milliseconds", help: "Time to answer a search, by quantile.", kind: .gauge,
        samples: [("0.5", latency.p50), ("0.95", latency.p95), ("0.99", latency.p99)].map { quantile, value in
          .init(labels: ["quantile": quantile], value)
        }),
    ]
  }

  private static func perProject(_ projects: [ProjectStatus]) -> [MetricFamily] {
    let figures: [(String, String, (ProjectStatus) -> Double)] = [
      ("signalbox_index_project_files", "Files of the project in the index.", { Double($0.files) }),
      ("signalbox_index_project_chunks", "Chunks of the project in the index.", { Double($0.chunks) }),
      ("signalbox_index_project_progress_ratio", "How far its run is; 1 when none is under way.", { $0.progress }),
      ("signalbox_index_project_files_per_second", "Of the run under way.", { $0.filesPerSecond }),
      ("signalbox_index_project_eta_seconds", "Until the run under way ends; 0 when none is.", { $0.etaSeconds ?? 0 }),
      (
        "signalbox_index_project_embedding_hit_ratio", "Known embeddings of all that it needed.",
        { $0.embedCacheHitRate ?? 0 }
      ),
    ]
    return figures.map { name, help, value in
      MetricFamily(
        name, help: help, kind: .gauge,
        samples: projects.map { .init(labels: ["project": $0.id.rawValue], value($0)) })
    }
  }
}
