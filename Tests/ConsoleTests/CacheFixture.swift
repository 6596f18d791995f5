import Base
import ControlPlane

@testable import Console

/// Snapshots of a cache with fixed figures.
enum CacheFixture {
  static let names = ["ast", "ctx", "emb", "llm", "tool"]

  /// Second number `second` of a cache under load.
  static func cache(second: Int = 0, redis: CacheSnapshot.Redis? = nil, names: [String] = names) -> CacheSnapshot {
    var cache = CacheSnapshot(
      redis: redis
        ?? .init(state: .connected, latencyMilliseconds: 0.412, since: ModelFixture.start.wall - 60_000, connects: 1))
    let step = UInt64(second)
    cache.l1.entries = 161_000
    cache.l1.bytes = 123 << 20
    cache.l1.bytesMax = 256 << 20
    cache.l1Hits = 912_000 + 900 * step
    cache.l2Hits = 66_000 + 50 * step
    cache.hits = cache.l1Hits + cache.l2Hits
    cache.misses = 22_000 + 20 * step + 250 * (step / 5)
    cache.hitRate = Double(cache.hits) / Double(cache.hits + cache.misses)
    cache.sets = 41_000 + 10 * step
    cache.evictions = 12 * step
    cache.expirations = 340 * step
    cache.readLatency = LatencySummary(p50: 0.21, p95: 0.4, p99: 0.96)
    cache.writeLatency = LatencySummary(p50: 0.3, p95: 0.5, p99: 1.2)
    for (index, name) in names.enumerated() {
      var row = CacheSnapshot.Namespace(name: name)
      row.entries = 412_000 >> index
      row.bytes = (1 << 30) >> (4 * index)
      row.hits = UInt64(99 - 17 * index)
      row.misses = UInt64(1 + 17 * index)
      row.hitRate = Double(99 - 17 * index) / 100
      row.sets = UInt64(1_200 * (index + 1))
      cache.namespaces.append(row)
    }
    let selection = CacheSelection(namespace: "emb", .tags(["repo:api"]))
    cache.lastInvalidations = [invalidated(selection, keys: 412)]
    return cache
  }

  static func away(queued: Int = 31, seconds: Int64 = 14) -> CacheSnapshot.Redis {
    .init(
      state: .away, since: ModelFixture.start.wall - seconds * 1_000, reason: "connection refused", connects: 1,
      outboxDepth: queued)
  }

  static func invalidated(
    _ selection: CacheSelection, keys: Int, durability: CacheFinding.Durability = .committed
  ) -> CacheInvalidated {
    CacheInvalidated(
      timeMilliseconds: ModelFixture.start.wall - 30_000, selection: selection,
      finding: finding(keys: keys, durability: durability))
  }

  static func finding(
    keys: Int, names: [String]? = nil, isComplete: Bool = true, durability: CacheFinding.Durability = .committed
  ) -> CacheFinding {
    CacheFinding(
      strategy: "pattern", namespace: "default", keysDeleted: keys, keysScanned: keys, bytes: keys << 10,
      durationMilliseconds: 9, keys: names, isComplete: isComplete, isDryRun: names != nil, durability: durability)
  }

  static func snapshot(_ cache: CacheSnapshot?, second: Int = 0) -> Snapshot {
    var snapshot = ModelFixture.snapshot()
    snapshot.uptimeSeconds += Double(second)
    snapshot.cache = cache
    return snapshot
  }

  /// A console that has watched a busy cache for a while.
  static func busy(
    _ width: Int = 120, _ height: Int = 40, seconds: Int = 30, redis: CacheSnapshot.Redis? = nil,
    glyphs: GlyphSet = .braille
  ) -> ModelFixture {
    var fixture = ModelFixture(width: width, height: height, glyphs: glyphs)
    for second in 0...seconds {
      fixture.receive(.snapshot(snapshot(cache(second: second, redis: redis), second: second)))
    }
    return fixture
  }
}
