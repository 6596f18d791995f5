/// The cache in `status` and in `GET /v1/cache/stats` (CONTRACT, Commands). Counters run from the start of the node.
public struct CacheSnapshot: Sendable, Codable, Equatable {
  public struct FirstLevel: Sendable, Codable, Equatable {
    public var entries = 0
    public var bytes = 0
    /// CACHE_L1_MAX.
    public var bytesMax = 0

    public init() {}
  }

  public struct Redis: Sendable, Codable, Equatable {
    public enum State: String, Sendable, Codable {
      /// REDIS_URL is not set: this node alone.
      case embedded
      case connected
      /// The first level answers, or nobody does.
      case away
    }

    public var state: State
    public var latencyMilliseconds: Double?
    /// Milliseconds since 1970.
    public var since: Int64
    public var reason: String?
    /// Times the link came up.
    public var connects: UInt64
    /// Invalidations that wait for Redis.
    public var outboxDepth: Int
    /// Whether those survive this process.
    public var isOutboxDurable: Bool

    public init(
      state: State, latencyMilliseconds: Double? = nil, since: Int64 = 0, reason: String? = nil, connects: UInt64 = 0,
      outboxDepth: Int = 0, isOutboxDurable: Bool = true
    ) {
      self.state = state
      self.latencyMilliseconds = latencyMilliseconds
      self.since = since
      self.reason = reason
      self.connects = connects
      self.outboxDepth = outboxDepth
      self.isOutboxDurable = isOutboxDurable
    }
  }

  public struct Namespace: Sendable, Codable, Equatable {
    public var name: String
    /// In the first level.
    public var entries = 0
    public var bytes = 0
    public var hits: UInt64 = 0
    public var misses: UInt64 = 0
    public var hitRate = 0.0
    public var sets: UInt64 = 0
    public var evictions: UInt64 = 0
    public var expirations: UInt64 = 0
    public var invalidations: UInt64 = 0
    public var errors: UInt64 = 0

    public init(name: String) { self.name = name }
  }

  public var l1 = FirstLevel()
  public var hits: UInt64 = 0
  public var l1Hits: UInt64 = 0
  public var l2Hits: UInt64 = 0
  public var misses: UInt64 = 0
  public var hitRate = 0.0
  public var l1HitRate = 0.0
  /// Of the reads that reached the second level.
  public var l2HitRate = 0.0
  public var sets: UInt64 = 0
  public var evictions: UInt64 = 0
  public var expirations: UInt64 = 0
  public var invalidations: UInt64 = 0
  /// By strategy.
  public var invalidationsBy: [String: UInt64] = [:]
  public var errors: UInt64 = 0
  public var redis: Redis
  public var namespaces: [Namespace] = []
  /// Reading from the second level, writing, invalidating.
  public var readLatency = LatencySummary()
  public var writeLatency = LatencySummary()
  public var invalidateLatency = LatencySummary()
  /// Asked for at this node, the newest first.
  public var lastInvalidations: [CacheInvalidated] = []

  public init(redis: Redis) { self.redis = redis }
}
