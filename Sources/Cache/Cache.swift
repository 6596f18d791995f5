public import Base
internal import ControlPlane
internal import Glibc
public import Logging
internal import RedisLink
internal import Telemetry

/// The cache: a first level in this process, a second that all nodes share, and invalidation that holds across both.
///
/// `run()` keeps it joined to Redis, sweeps, refreshes stale values and saves the snapshot; start it before use and
/// cancel it to stop. Every other function may be called from anywhere at any time, also while Redis is away: reads
/// then answer from the first level or not at all, and invalidations are journalled.
public final class Cache: Sendable {
  let options: CacheOptions
  let clock: any WallClock
  let logger: Logger
  let store: CacheStore
  let coherence: Coherence
  let counters = CacheCounters()
  let backing: Backing
  let flights = SingleFlight<CacheItem?>()
  let refreshes: RefreshQueue
  let readLatency = LatencyRecorder()
  let writeLatency = LatencyRecorder()
  let invalidateLatency = LatencyRecorder()
  private let metrics: CacheMetrics
  let startedAt: Int64

  enum Backing: Sendable {
    case embedded(EmbeddedSecondLevel, Snapshot?)
    case redis(CacheLink)
  }

  /// Throws `invalid` for options out of range. Touches the state folder, and nothing else, before `run`.
  public init(
    _ options: CacheOptions, clock: any WallClock = CoarseWallClock(), logger: Logger = Logger(label: "cache")
  ) throws(Failure) {
    guard options.firstLevelBytes >= 1 << 20 else {
      throw Failure(.invalid, "CACHE_L1_MAX is too small", hint: "at least 1M")
    }
    guard (1...CacheLimits.timeToLiveMilliseconds).contains(options.timeToLiveMilliseconds) else {
      throw Failure(.invalid, "CACHE_TTL_DAYS is out of range", hint: "1 to 365")
    }
    self.options = options
    self.clock = clock
    self.logger = logger
    startedAt = clock.nowMilliseconds()
    let rules = RuleBook()
    if let folder = options.stateFolder { try Self.prepare(folder) }
    switch options.backing {
    case .embedded:
      store = CacheStore(bytesMax: options.firstLevelBytes, rules: rules)
      coherence = Coherence(store: store, rules: rules)
      backing = Self.embedded(options, coherence, now: clock.nowMilliseconds())
    case .redis(let url, let prefix):
      store = CacheStore(
        bytesMax: options.firstLevelBytes, rules: rules, ageMaxMilliseconds: options.ageMaxMilliseconds)
      coherence = Coherence(store: store, rules: rules)
      backing = .redis(Self.link(options, url, prefix, coherence, clock, logger))
    }
    refreshes = RefreshQueue()
    metrics = CacheMetrics()
  }

  private static func prepare(_ folder: String) throws(Failure) {
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST, access(folder, W_OK | X_OK) == 0 else {
      throw Failure(.unavailable, "the cache's state folder cannot be written")
    }
  }

  private static func embedded(_ options: CacheOptions, _ coherence: Coherence, now: Int64) -> Backing {
    let snapshot = options.stateFolder.map { Snapshot(path: $0 + "/cache.snapshot") }
    var restored: [CacheItem] = []
    let sequence = snapshot?.restore(into: coherence.store, now: now) { item in
      if !item.dependencies.isEmpty { restored.append(item) }
    }
    let level = EmbeddedSecondLevel(sequence: sequence ?? 1) { coherence.applied($0) }
    _ = level.stamp(restored)
    return .embedded(level, snapshot)
  }

  private static func link(
    _ options: CacheOptions, _ url: RedisURL, _ prefix: String, _ coherence: Coherence, _ clock: any WallClock,
    _ logger: Logger
  ) -> CacheLink {
    var link = CacheLinkOptions(url: url, keyspace: RedisKeyspace(prefix), node: options.node.rawValue)
    link.redis = options.redis
    link.redis.clientName = "signalbox-cache-\(options.node)"
    link.sweepInterval = options.sweepInterval
    link.heartbeat = options.heartbeat
    link.positionFile = options.stateFolder.map { PositionFile(path: $0 + "/cache.position") }
    let outbox = Outbox(path: options.stateFolder.map { $0 + "/cache.outbox" })
    return CacheLink(link, coherence: coherence, outbox: outbox, clock: clock, logger: logger)
  }

  /// The service: returns after the task is cancelled and everything is put away.
  public func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.refreshes.run() }
      group.addTask { await self.housekeep() }
      if case .redis(let link) = backing {
        group.addTask { await link.run() }
      }
    }
    if case .embedded(let level, let snapshot?) = backing {
      let isKept = snapshot.save(store, sequence: level.sequence, now: clock.nowMilliseconds())
      if !isKept { logger.warning("the cache could not be saved for the next start") }
    }
  }

  /// Every second the metrics; now and then the dead of the first level.
  private func housekeep() async {
    var sinceSweep = Duration.zero
    do {
      while true {
        try await Task.sleep(for: .seconds(1))
        metrics.publish(statistics())
        sinceSweep += .seconds(1)
        if coherence.hasSwept { coherence.purge() }
        guard sinceSweep >= options.sweepInterval else { continue }
        sinceSweep = .zero
        await sweepFirstLevel()
      }
    } catch {
      return
    }
  }

  /// Removes what has expired or was killed by a rule, so that its memory returns before its turn comes. A node that
  /// stands alone then needs its rules no longer.
  func sweepFirstLevel() async {
    let now = clock.nowMilliseconds()
    var sequence: UInt64 = 0
    if case .embedded(let level, _) = backing { sequence = level.sequence }
    store.walk { items in
      for item in items where item.expires <= now { _ = store.remove(item, isExpiry: true) }
      return true
    }
    coherence.purge()
    guard case .embedded(let level, _) = backing else { return }
    store.rules.forget(through: sequence)
    level.prune { namespace, name in
      do {
        return store.get(try CacheKey(CacheNamespace(namespace), name), now: now, isCounted: false) != nil
      } catch {
        return false
      }
    }
  }

  /// The second level, if it may be used now, and how far this node has followed its history.
  func current() -> (life: UInt64, level: any SecondLevel, sequence: UInt64)? {
    switch backing {
    case .embedded(let level, _): return (0, level, level.sequence)
    case .redis(let link):
      guard let opened = coherence.opened, let level = link.level(opened.life) else { return nil }
      return (opened.life, level, opened.sequence)
    }
  }

  /// Whether a life of the second level still stands.
  func isCurrent(_ life: UInt64) -> Bool {
    if case .embedded = backing { return true }
    return coherence.isOpen(life)
  }

  /// Draws the conclusion from an error of the second level: all but being busy or cancelled end the link.
  func note(_ error: RedisError, life: UInt64, _ namespace: CacheNamespace?) {
    if let namespace { counters.count(store.namespaces.index(of: namespace)) { $0.errors += 1 } }
    guard error != .busy, error != .cancelled, case .redis(let link) = backing else { return }
    link.fail(life, error.reason)
  }
}

/// Time of day to a few milliseconds, at a fifth of the price: enough for expiries, and on every read.
public struct CoarseWallClock: WallClock {
  public init() {}

  public func nowMilliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }
}
