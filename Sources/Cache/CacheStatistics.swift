public import ControlPlane

/// Everything the cache counts, read at one moment. Counters run from the start of the process.
public struct CacheStatistics: Sendable, Codable, Equatable {
  public struct Namespace: Sendable, Codable, Equatable {
    public var name: String
    /// In the first level.
    public var entries = 0
    public var bytes = 0
    public var firstLevelHits: UInt64 = 0
    public var secondLevelHits: UInt64 = 0
    public var misses: UInt64 = 0
    public var sets: UInt64 = 0
    public var bytesWritten: UInt64 = 0
    public var evictions: UInt64 = 0
    public var expirations: UInt64 = 0
    /// By strategy: key, pattern, tag, event, dependency.
    public var invalidations: [String: UInt64] = [:]
    public var errors: UInt64 = 0

    public init(name: String) { self.name = name }

    public var hits: UInt64 { firstLevelHits + secondLevelHits }
    public var hitRate: Double { CacheStatistics.rate(hits, misses) }
  }

  public struct Link: Sendable, Codable, Equatable {
    public enum State: String, Sendable, Codable {
      /// No Redis is configured.
      case embedded
      case connected
      /// The breaker is open: the first level answers or nobody does.
      case away
    }

    public var state: State
    public var reason: String?
    /// Milliseconds since 1970.
    public var since: Int64
    public var latencyMilliseconds: Double?
    /// Times the link came up.
    public var connects: UInt64
    /// Invalidations that wait for Redis.
    public var outboxDepth: Int
    /// Whether the journal is a file.
    public var isOutboxDurable: Bool
    /// What an operator should change in Redis; one line.
    public var warning: String?
    /// False until a connection came up or failed for the first time.
    public var isTried = true
  }

  public var namespaces: [Namespace] = []
  public var total = Namespace(name: "")
  public var bytesMax = 0
  /// Rules held until the sweeper has removed what they killed.
  public var rules = 0
  public var link: Link
  /// Reading from the second level, writing, invalidating; milliseconds.
  public var readLatency = LatencySummary()
  public var writeLatency = LatencySummary()
  public var invalidateLatency = LatencySummary()

  public var hitRate: Double { total.hitRate }
  public var firstLevelHitRate: Double { Self.rate(total.firstLevelHits, total.secondLevelHits + total.misses) }
  /// Of the reads that reached it.
  public var secondLevelHitRate: Double { Self.rate(total.secondLevelHits, total.misses) }

  static func rate(_ hits: UInt64, _ misses: UInt64) -> Double {
    hits + misses == 0 ? 0 : Double(hits) / Double(hits + misses)
  }
}
