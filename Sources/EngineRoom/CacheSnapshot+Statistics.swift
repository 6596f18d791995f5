internal import Cache
internal import ControlPlane

extension CacheSnapshot {
  /// What the cache counts, as `status` shows it.
  init(_ statistics: CacheStatistics, recent: [CacheInvalidated]) {
    self.init(redis: Redis(statistics.link))
    let total = statistics.total
    l1.entries = total.entries
    l1.bytes = total.bytes
    l1.bytesMax = statistics.bytesMax
    hits = total.hits
    l1Hits = total.firstLevelHits
    l2Hits = total.secondLevelHits
    misses = total.misses
    hitRate = statistics.hitRate
    l1HitRate = statistics.firstLevelHitRate
    l2HitRate = statistics.secondLevelHitRate
    sets = total.sets
    evictions = total.evictions
    expirations = total.expirations
    invalidations = total.invalidations.values.reduce(0, +)
    invalidationsBy = total.invalidations
    errors = total.errors
    // The row of namespaces past the counted ones, and any other without traffic, says nothing.
    namespaces = statistics.namespaces.map(Namespace.init).filter { $0 != Namespace(name: $0.name) }
    readLatency = statistics.readLatency
    writeLatency = statistics.writeLatency
    invalidateLatency = statistics.invalidateLatency
    lastInvalidations = recent
  }
}

extension CacheSnapshot.Namespace {
  init(_ row: CacheStatistics.Namespace) {
    self.init(name: row.name)
    entries = row.entries
    bytes = row.bytes
    hits = row.hits
    misses = row.misses
    hitRate = row.hitRate
    sets = row.sets
    evictions = row.evictions
    expirations = row.expirations
    invalidations = row.invalidations.values.reduce(0, +)
    errors = row.errors
  }
}

extension CacheSnapshot.Redis {
  init(_ link: CacheStatistics.Link) {
    let state: State =
      switch link.state {
      case .embedded: .embedded
      case .connected: .connected
      case .away: .away
      }
    self.init(
      state: state, latencyMilliseconds: link.latencyMilliseconds, since: link.since, reason: link.reason,
      connects: link.connects, outboxDepth: link.outboxDepth, isOutboxDurable: link.isOutboxDurable)
  }
}
