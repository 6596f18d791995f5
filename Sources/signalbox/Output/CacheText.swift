internal import Base
internal import ControlPlane

/// The cache's figures and the outcome of invalidations, for people.
enum CacheText {
  static func page(_ cache: CacheSnapshot) -> String {
    var lines = [summary(cache), redis(cache.redis)]
    if !cache.namespaces.isEmpty {
      lines.append("")
      lines.append(
        Table.render(
          header: ["NAMESPACE", "ENTRIES", "BYTES", "HITS", "MISSES", "HIT RATE", "SETS", "EVICTED", "INVALIDATIONS"],
          rows: cache.namespaces.map(row)))
    }
    return lines.joined(separator: "\n")
  }

  /// One line of `status`.
  static func summary(_ cache: CacheSnapshot) -> String {
    "hit rate \(percent(cache.hitRate))  l1 \(percent(cache.l1HitRate))  l2 \(percent(cache.l2HitRate))  "
      + "\(cache.l1.entries) entries  \(Quantity.describe(bytes: Int64(cache.l1.bytes)))/"
      + "\(Quantity.describe(bytes: Int64(cache.l1.bytesMax)))  sets \(cache.sets)  evictions \(cache.evictions)  "
      + "invalidations \(cache.invalidations)"
  }

  static func redis(_ redis: CacheSnapshot.Redis) -> String {
    guard redis.state != .embedded else { return "redis    none: this node alone" }
    var line = "redis    \(redis.state.rawValue) since \(Timestamp.iso8601(redis.since))"
    if let latency = redis.latencyMilliseconds { line += "  \(Quantity.fixed(latency, digits: 2)) ms" }
    if let reason = redis.reason, redis.state == .away { line += "  \(DisplayText(reason).truncated(to: 300))" }
    if redis.outboxDepth > 0 { line += "  \(redis.outboxDepth) invalidations wait" }
    return line
  }

  static func finding(_ finding: CacheFinding) -> String {
    let verb = finding.isDryRun ? "would invalidate" : "invalidated"
    let atLeast = finding.isComplete ? "" : "at least "
    let noun = finding.keysDeleted == 1 ? "key" : "keys"
    var lines = [
      "\(verb) \(atLeast)\(finding.keysDeleted) \(noun), \(Quantity.describe(bytes: Int64(finding.bytes))), by "
        + "\(finding.strategy) in \(DisplayText(finding.namespace)), "
        + "\(Quantity.fixed(finding.durationMilliseconds, digits: 1)) ms\(note(finding))"
    ]
    let keys = finding.keys ?? []
    lines += keys.map { "  \(DisplayText($0))" }
    if keys.count < finding.keysDeleted, finding.isDryRun {
      lines.append("  and \(finding.keysDeleted - keys.count) more")
    }
    return lines.joined(separator: "\n")
  }

  private static func note(_ finding: CacheFinding) -> String {
    switch finding.durability {
    case .committed: ""
    case .journalled: "; Redis is away: other nodes hear of it when it is back"
    case .localOnly: "; Redis is away and the journal cannot be written: on this node only"
    }
  }

  private static func row(_ row: CacheSnapshot.Namespace) -> [String] {
    [
      row.name, "\(row.entries)", Quantity.describe(bytes: Int64(row.bytes)), "\(row.hits)", "\(row.misses)",
      percent(row.hitRate), "\(row.sets)", "\(row.evictions)", "\(row.invalidations)",
    ]
  }

  private static func percent(_ rate: Double) -> String { "\(Quantity.fixed(rate * 100, digits: 1)) %" }
}
