internal import ControlPlane
internal import Telemetry

/// Every number of `signalbox status` as a Prometheus family, read at scrape time (CONTRACT, Commands).
enum StatusMetrics {
  static func families(_ snapshot: Snapshot) -> [MetricFamily] {
    node(snapshot) + process(snapshot.process) + control(snapshot.control) + bench(snapshot.bench)
      + (snapshot.gateway.map(gateway) ?? []) + (snapshot.index.map(index) ?? [])
      + (snapshot.sandbox.map(sandbox) ?? []) + (snapshot.cache.map(cache) ?? []) + ranges(snapshot)
  }

  private static func node(_ snapshot: Snapshot) -> [MetricFamily] {
    let states: [Health.State] = [.ok, .degraded, .down]
    return [
      .gauge("signalbox_node_uptime_seconds", "Time since the node started.", snapshot.uptimeSeconds),
      .gauge("signalbox_node_projects", "Projects the node knows.", Double(snapshot.projects.count)),
      .gauge("signalbox_node_peers", "Other nodes of the cluster.", Double(snapshot.peers.count)),
      MetricFamily(
        "signalbox_node_health", help: "1 for the state the node is in.", kind: .gauge,
        samples: states.map { .init(labels: ["state": $0.rawValue], snapshot.health == $0 ? 1 : 0) }),
      MetricFamily(
        "signalbox_node_info", help: "Always 1; the version is a label.", kind: .gauge,
        samples: [.init(labels: ["version": snapshot.version], 1)]),
    ]
  }

  private static func process(_ process: ProcessSnapshot) -> [MetricFamily] {
    [
      .counter("signalbox_process_cpu_seconds_total", "User and system time.", process.cpuSeconds),
      .gauge("signalbox_process_resident_bytes", "Resident memory.", Double(process.residentBytes)),
      .gauge("signalbox_process_open_files", "Open file descriptors.", Double(process.openFiles)),
      .gauge("signalbox_process_open_files_max", "Limit of open file descriptors.", Double(process.openFilesMax)),
      .gauge("signalbox_process_threads", "Threads.", Double(process.threads)),
    ]
  }

  private static func control(_ control: ControlSnapshot) -> [MetricFamily] {
    let latency = control.httpLatency
    return [
      .gauge("signalbox_control_clients", "Attached consoles and commands.", Double(control.clients)),
      .counter("signalbox_control_commands_total", "Commands that change something.", Double(control.commands)),
      .counter("signalbox_control_commands_failed_total", "Those that failed.", Double(control.commandsFailed)),
      .counter("signalbox_control_events_dropped_total", "Events slow listeners lost.", Double(control.eventsDropped)),
      .counter("signalbox_api_http_requests_total", "Requests of the HTTP API.", Double(control.httpRequests)),
      .counter("signalbox_api_http_refused_total", "Requests that access refused.", Double(control.httpRefused)),
      MetricFamily(
        "signalbox_api_http_latency_milliseconds", help: "Time to answer, by quantile.", kind: .gauge,
        samples: [("0.5", latency.p50), ("0.95", latency.p95), ("0.99", latency.p99)].map { quantile, value in
          .init(labels: ["quantile": quantile], value)
        }),
    ]
  }

  private static func gateway(_ gateway: GatewaySnapshot) -> [MetricFamily] {
    let latency = gateway.latency
    return [
      .gauge("signalbox_gateway_connections", "Sockets now.", Double(gateway.connections)),
      .gauge("signalbox_gateway_connections_peak", "The most sockets at once.", Double(gateway.peak)),
      .gauge("signalbox_gateway_connections_max", "Sockets this node takes.", Double(gateway.connectionsMax)),
      .counter("signalbox_gateway_connections_total", "Sockets accepted.", Double(gateway.total)),
      .counter("signalbox_gateway_connections_refused_total", "Sockets refused.", Double(gateway.refused)),
      .gauge("signalbox_gateway_users", "Users with a socket.", Double(gateway.users)),
      .gauge("signalbox_gateway_rooms", "Rooms with a member.", Double(gateway.rooms)),
      .gauge("signalbox_gateway_in_per_second", "Events a second from clients.", gateway.inPerSecond),
      .gauge("signalbox_gateway_out_per_second", "Events a second to clients.", gateway.outPerSecond),
      .gauge("signalbox_gateway_queued_bytes", "Bytes that wait for slow sockets.", Double(gateway.queuedBytes)),
      .gauge("signalbox_gateway_slow_connections", "Sockets that cannot keep up.", Double(gateway.slow)),
      .counter("signalbox_gateway_throttled_total", "Events the throttle held back.", Double(gateway.throttled)),
      .counter("signalbox_gateway_merged_total", "Events sent inside of another.", Double(gateway.merged)),
      .counter("signalbox_gateway_dropped_total", "Events slow sockets lost.", Double(gateway.dropped)),
      .counter("signalbox_gateway_cut_total", "Sockets closed for being too slow.", Double(gateway.cut)),
      .gauge(
        "signalbox_gateway_redis_connected", "1 while other nodes are reached, or there are none to reach.",
        gateway.redis.state == .away ? 0 : 1),
      .gauge(
        "signalbox_gateway_redis_waiting", "Events that wait to be published to other nodes.",
        Double(gateway.redis.waiting)),
      .counter(
        "signalbox_gateway_redis_malformed_total", "Messages on the cluster's channels that could not be read.",
        Double(gateway.redis.malformed)),
      MetricFamily(
        "signalbox_gateway_latency_milliseconds", help: "From the packet to the send, by quantile.", kind: .gauge,
        samples: [("0.5", latency.p50), ("0.95", latency.p95), ("0.99", latency.p99)].map { quantile, value in
          .init(labels: ["quantile": quantile], value)
        }),
    ]
  }

  /// What the cache counts it hands to swift-metrics itself; these are the figures made from them.
  private static func cache(_ cache: CacheSnapshot) -> [MetricFamily] {
    [
      MetricFamily(
        "signalbox_cache_hit_ratio", help: "Hits of all reads that reached the level.", kind: .gauge,
        samples: [("all", cache.hitRate), ("1", cache.l1HitRate), ("2", cache.l2HitRate)].map { level, value in
          .init(labels: ["level": level], value)
        }),
      .gauge("signalbox_cache_l1_entries", "Entries of the first level.", Double(cache.l1.entries)),
      .gauge("signalbox_cache_l1_bytes", "Bytes of the first level.", Double(cache.l1.bytes)),
      .gauge("signalbox_cache_l1_bytes_max", "CACHE_L1_MAX.", Double(cache.l1.bytesMax)),
      .gauge(
        "signalbox_cache_redis_latency_milliseconds", "The last PING's; 0 when there is none.",
        cache.redis.latencyMilliseconds ?? 0),
      .gauge(
        "signalbox_cache_redis_since_seconds", "When the link's state last changed, in seconds since 1970.",
        Double(cache.redis.since) / 1_000),
    ]
  }

  private static func sandbox(_ sandbox: SandboxSnapshot) -> [MetricFamily] {
    let outcomes = [
      ("succeeded", sandbox.succeeded), ("failed", sandbox.failed), ("timedOut", sandbox.timedOut),
      ("outOfMemory", sandbox.outOfMemory), ("blocked", sandbox.blocked), ("killed", sandbox.killed),
      ("error", sandbox.errors),
    ]
    return [
      MetricFamily(
        "signalbox_sandbox_runs_total", help: "Runs that ended, by outcome.", kind: .counter,
        samples: outcomes.map { .init(labels: ["outcome": $0.0], Double($0.1)) }),
      .counter("signalbox_sandbox_runs_cached_total", "Runs answered from the cache.", Double(sandbox.cached)),
      .gauge("signalbox_sandbox_running", "Programs that run.", Double(sandbox.running)),
      .gauge("signalbox_sandbox_queued", "Programs that wait.", Double(sandbox.queued)),
      .gauge("signalbox_sandbox_concurrency_max", "SANDBOX_CONCURRENCY.", Double(sandbox.concurrencyMax)),
      .gauge("signalbox_sandbox_success_ratio", "Succeeded of all that ended.", sandbox.successRate),
      .gauge("signalbox_sandbox_warm", "Started interpreters that wait for a program.", Double(sandbox.warm)),
      MetricFamily(
        "signalbox_sandbox_backend", help: "1 for what isolates programs.", kind: .gauge,
        samples: ["bubblewrap", "docker", "none"].map {
          .init(labels: ["backend": $0], sandbox.backend == $0 ? 1 : 0)
        }),
      quantiles("signalbox_sandbox_run_milliseconds", "Time of programs, by quantile.", sandbox.latency),
      quantiles(
        "signalbox_sandbox_start_milliseconds", "From the end of the queue to the program, by quantile.",
        sandbox.startLatency),
    ]
  }

  private static func quantiles(_ name: String, _ help: String, _ latency: LatencySummary) -> MetricFamily {
    MetricFamily(
      name, help: help, kind: .gauge,
      samples: [("0.5", latency.p50), ("0.95", latency.p95), ("0.99", latency.p99)].map { quantile, value in
        .init(labels: ["quantile": quantile], value)
      })
  }

  private static func bench(_ bench: BenchSnapshot) -> [MetricFamily] {
    [
      .gauge("signalbox_bench_results_met", "Targets met in the last run.", Double(bench.met)),
      .gauge("signalbox_bench_results_missed", "Targets missed in the last run.", Double(bench.missed)),
      .gauge("signalbox_bench_regressions", "Regressions of the last run.", Double(bench.regressions)),
    ]
  }
}

extension MetricFamily {
  static func gauge(_ name: String, _ help: String, _ value: Double) -> MetricFamily {
    MetricFamily(name, help: help, kind: .gauge, value: value)
  }

  static func counter(_ name: String, _ help: String, _ value: Double) -> MetricFamily {
    MetricFamily(name, help: help, kind: .counter, value: value)
  }
}
