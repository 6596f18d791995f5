internal import Telemetry

extension Cache {
  /// Everything that is counted, at this moment. Cheap enough for every frame of a console.
  public func statistics() -> CacheStatistics {
    let names = store.namespaces.names + ["other"]
    let shards = store.counters()
    let rows = counters.rows
    var statistics = CacheStatistics(link: linkStatistics())
    for (index, name) in names.enumerated() where index < max(shards.count, rows.count) {
      let row = namespace(
        name, index < shards.count ? shards[index] : .init(), index < rows.count ? rows[index] : .init())
      statistics.total.add(row)
      statistics.namespaces.append(row)
    }
    statistics.bytesMax = store.bytesMax
    statistics.rules = store.rules.count
    statistics.readLatency = readLatency.summary()
    statistics.writeLatency = writeLatency.summary()
    statistics.invalidateLatency = invalidateLatency.summary()
    return statistics
  }

  private func namespace(_ name: String, _ shards: CacheShard.Counters, _ row: CacheCounters.Row)
    -> CacheStatistics.Namespace
  {
    var namespace = CacheStatistics.Namespace(name: name)
    namespace.entries = shards.entries
    namespace.bytes = shards.bytes
    namespace.firstLevelHits = shards.hits - min(shards.hits, row.unserved)
    namespace.evictions = shards.evictions
    namespace.expirations = shards.expirations
    namespace.secondLevelHits = row.secondLevelHits
    namespace.misses = row.misses
    namespace.sets = row.sets
    namespace.bytesWritten = row.bytesWritten
    namespace.errors = row.errors
    for (kind, count) in row.invalidations { namespace.invalidations[kind.rawValue] = count }
    return namespace
  }

  private func linkStatistics() -> CacheStatistics.Link {
    guard case .redis(let link) = backing else {
      return .init(
        state: .embedded, reason: nil, since: startedAt, latencyMilliseconds: nil, connects: 0, outboxDepth: 0,
        isOutboxDurable: options.stateFolder != nil)
    }
    let status = link.status
    return .init(
      state: status.isOpen ? .connected : .away, reason: status.reason, since: status.since,
      latencyMilliseconds: status.latencyMilliseconds, connects: status.lives, outboxDepth: link.outbox.depth,
      isOutboxDurable: link.outbox.isDurable, warning: status.evictionPolicy.flatMap(Self.warning(aboutPolicy:)),
      isTried: status.isTried)
  }

  /// An edge that Redis evicts while its dependent lives is a cascade that stops short; edges have no time to live, so
  /// the `volatile-*` policies spare them.
  public static func warning(aboutPolicy policy: String) -> String? {
    guard policy.hasPrefix("allkeys-") else { return nil }
    return "Redis' maxmemory-policy \(policy) may evict what cascades need: use noeviction or volatile-lru"
  }
}

extension CacheStatistics.Namespace {
  mutating func add(_ other: CacheStatistics.Namespace) {
    entries += other.entries
    bytes += other.bytes
    firstLevelHits += other.firstLevelHits
    secondLevelHits += other.secondLevelHits
    misses += other.misses
    sets += other.sets
    bytesWritten += other.bytesWritten
    evictions += other.evictions
    expirations += other.expirations
    errors += other.errors
    invalidations.merge(other.invalidations, uniquingKeysWith: +)
  }
}
