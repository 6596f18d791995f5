internal import Base
internal import ControlPlane

/// A snapshot as a page of aligned lines, as one sentence, and as what must change before it is worth telling again.
enum StatusText {
  static func page(_ snapshot: Snapshot) -> String {
    let phase = "\(snapshot.phase.rawValue)  up \(uptime(snapshot))"
    var lines = [
      row("node", "\(safe(snapshot.node))  \(safe(snapshot.version))  \(phase)"),
      row("health", snapshot.health.rawValue),
    ]
    lines += snapshot.reasons.map { reason in
      row("", "\(safe(reason.component)): \(safe(reason.reason)), since \(Timestamp.iso8601(reason.since))")
    }
    lines.append(row("process", process(snapshot.process)))
    lines.append(row("control", control(snapshot.control)))
    if let gateway = snapshot.gateway { lines.append(row("gateway", SocketsText.summary(gateway))) }
    if let index = snapshot.index { lines.append(row("index", IndexText.summary(index))) }
    if let sandbox = snapshot.sandbox { lines.append(row("sandbox", RunText.summary(sandbox))) }
    if let cache = snapshot.cache { lines.append(row("cache", CacheText.summary(cache))) }
    lines.append(row("bench", bench(snapshot.bench)))
    lines += list("peers", snapshot.peers.map { "\(safe($0.node))  \(safe($0.version))  \($0.sockets) sockets" })
    lines += list("projects", snapshot.projects.map { project(of: $0, in: snapshot) })
    return lines.joined(separator: "\n")
  }

  /// A sentence without columns or signs, so that it can be read aloud.
  static func line(_ snapshot: Snapshot) -> String {
    var pieces = [
      "node \(safe(snapshot.node))", snapshot.phase.rawValue, "health \(snapshot.health.rawValue)",
      "up \(uptime(snapshot))", plural(snapshot.projects.count, "project"), plural(snapshot.peers.count, "peer"),
      plural(snapshot.control.clients, "client"),
    ]
    pieces += snapshot.reasons.map { "\(safe($0.component)): \(safe($0.reason))" }
    return pieces.joined(separator: ", ")
  }

  /// The snapshot without what changes by itself: time passing, the load of the process, being asked.
  static func steady(_ snapshot: Snapshot) -> Snapshot {
    var steady = snapshot
    steady.uptimeSeconds = 0
    steady.process = ProcessSnapshot(
      processID: snapshot.process.processID, cpuSeconds: 0, cpuPercent: 0, residentBytes: 0, openFiles: 0,
      openFilesMax: snapshot.process.openFilesMax, threads: 0)
    steady.control.httpLatency = LatencySummary()
    steady.control.httpRequests = 0
    // Traffic is no change; a link that comes or goes is.
    steady.cache = snapshot.cache.map { CacheSnapshot(redis: .init(state: $0.redis.state, reason: $0.redis.reason)) }
    steady.index = snapshot.index.map { steadyIndex($0) }
    // Clients come and go; where they connect and whether other nodes are reached is worth a line.
    steady.gateway = snapshot.gateway.map { gateway in
      var still = GatewaySnapshot(redis: .init(state: gateway.redis.state, reason: gateway.redis.reason))
      still.port = gateway.port
      return still
    }
    // Runs come and go; what they are isolated by is worth a line.
    steady.sandbox = snapshot.sandbox.map { SandboxSnapshot(backend: $0.backend) }
    for index in steady.peers.indices { steady.peers[index].lastSeenMilliseconds = 0 }
    for index in steady.peers.indices { steady.peers[index].sockets = 0 }
    return steady
  }

  /// A project that becomes ready, stale or failed, or stands at another commit; not how far a run is.
  private static func steadyIndex(_ index: IndexSnapshot) -> IndexSnapshot {
    IndexSnapshot(
      projects: index.projects.map {
        var status = ProjectStatus(
          id: $0.id, path: $0.path, ref: $0.ref, commit: $0.commit, state: $0.state, files: 0, chunks: 0,
          error: $0.error)
        status.dirty = $0.dirty
        return status
      }, embedder: index.embedder, store: index.store)
  }

  private static func row(_ label: String, _ text: String) -> String {
    text.isEmpty ? label : "\(Table.pad(label, 9)) \(text)"
  }

  private static func list(_ label: String, _ items: [String]) -> [String] {
    guard let first = items.first else { return [row(label, "none")] }
    return [row(label, first)] + items.dropFirst().map { row("", $0) }
  }

  private static func project(of project: ProjectSummary, in snapshot: Snapshot) -> String {
    let known = snapshot.index?.projects.first { $0.id == project.id }
    let state = known.map { "  \($0.files) files  \(IndexText.state($0))" } ?? ""
    return "\(project.id)  \(safe(project.path))\(state)"
  }

  private static func process(_ process: ProcessSnapshot) -> String {
    "pid \(process.processID)  cpu \(Quantity.fixed(process.cpuPercent, digits: 1)) %  "
      + "memory \(Quantity.describe(bytes: process.residentBytes))  "
      + "files \(process.openFiles)/\(process.openFilesMax)  threads \(process.threads)"
  }

  private static func control(_ control: ControlSnapshot) -> String {
    let latency = control.httpLatency
    let times = [latency.p50, latency.p95, latency.p99].map { Quantity.fixed($0, digits: 1) }.joined(separator: "/")
    return "clients \(control.clients)  commands \(control.commands) (\(control.commandsFailed) failed)  "
      + "http \(control.httpRequests) (\(control.httpRefused) refused)  p50/p95/p99 \(times) ms"
  }

  private static func bench(_ bench: BenchSnapshot) -> String {
    guard let last = bench.lastRun else { return "no run yet" }
    return "\(bench.met) met  \(bench.missed) missed  \(bench.regressions) regressions  "
      + "last run \(Timestamp.iso8601(last))"
  }

  private static func uptime(_ snapshot: Snapshot) -> String {
    let seconds = snapshot.uptimeSeconds
    guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "?" }
    return Quantity.describe(milliseconds: Int64(seconds) * 1_000)
  }

  private static func plural(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  private static func safe(_ text: String) -> String { DisplayText(text).truncated(to: 500).text }
}
