public import Base
public import RedisLink

/// What a cache is built from. Values of settings come in here; the room reads no environment.
public struct CacheOptions: Sendable {
  public enum Backing: Sendable {
    /// A node that stands alone.
    case embedded
    /// Shared with other nodes. `prefix` is SIGNALBOX_NAMESPACE.
    case redis(RedisURL, prefix: String)
  }

  public var backing: Backing
  public var node: NodeID
  /// CACHE_L1_MAX: bytes of the first level. At least 1 MiB.
  public var firstLevelBytes = 256 << 20
  /// CACHE_TTL_DAYS, for writes that name no time to live.
  public var timeToLiveMilliseconds: Int64 = 30 * 86_400_000
  /// The part of a time to live that chance may take away, so that what was written together does not expire together.
  public var jitter = 0.05
  /// A folder of the node's own for the journal, the position and the snapshot; nil: none of them survives a restart,
  /// and what is invalidated while Redis is away is only as durable as this process.
  public var stateFolder: String?
  public var redis = RedisOptions()
  /// Nothing stays in the first level for longer without being read again from Redis.
  public var ageMaxMilliseconds: Int64 = 60_000
  public var sweepInterval = Duration.seconds(30)
  /// Pause between the PINGs by which a dead link is noticed.
  public var heartbeat = Duration.milliseconds(500)

  public init(_ backing: Backing, node: NodeID) {
    self.backing = backing
    self.node = node
  }
}

/// How a value is written.
public struct CacheWriteOptions: Sendable, Equatable {
  /// Nil: the cache's default.
  public var timeToLiveMilliseconds: Int64?
  /// For loads: so long after the time to live the old value is served while a new one is loaded, or if that fails.
  public var staleMilliseconds: Int64
  /// For loads: how long "there is no such thing" is remembered; 0: not at all.
  public var negativeMilliseconds: Int64
  public var contentType: String
  public var tags: [String]
  /// Keys of the same namespace.
  public var dependencies: [String]

  public init(
    timeToLiveMilliseconds: Int64? = nil, staleMilliseconds: Int64 = 0, negativeMilliseconds: Int64 = 0,
    contentType: String = "application/octet-stream", tags: [String] = [], dependencies: [String] = []
  ) {
    self.timeToLiveMilliseconds = timeToLiveMilliseconds
    self.staleMilliseconds = staleMilliseconds
    self.negativeMilliseconds = negativeMilliseconds
    self.contentType = contentType
    self.tags = tags
    self.dependencies = dependencies
  }

  /// Throws `invalid` or `limit`, one line.
  func validate() throws(Failure) {
    let longest = CacheLimits.timeToLiveMilliseconds
    if let life = timeToLiveMilliseconds, !(1...longest).contains(life) {
      throw Failure(.invalid, "the time to live is out of range", hint: "above 0 and at most 365 days")
    }
    guard (0...longest).contains(staleMilliseconds), (0...longest).contains(negativeMilliseconds) else {
      throw Failure(.invalid, "a time of the write options is out of range", hint: "0 to 365 days")
    }
    guard CacheText.isPlain(contentType, bytesMax: CacheLimits.contentTypeBytes) else {
      throw Failure(
        .invalid, "this is not a content type",
        hint: "1 to \(CacheLimits.contentTypeBytes) bytes without control characters")
    }
    _ = try CacheTag.validated(tags)
    guard dependencies.count <= CacheLimits.dependencies else {
      throw Failure(.limit, "too many dependencies", hint: "at most \(CacheLimits.dependencies)")
    }
    for dependency in dependencies where !CacheText.isPlain(dependency, bytesMax: CacheLimits.keyBytes) {
      throw Failure(.invalid, "a dependency is not a cache key", hint: "a key is \(CacheKey.rule)")
    }
  }
}

/// One value to write.
public struct CacheEntry: Sendable {
  public var key: CacheKey
  public var value: [UInt8]
  public var options: CacheWriteOptions

  public init(_ key: CacheKey, _ value: [UInt8], _ options: CacheWriteOptions = .init()) {
    self.key = key
    self.value = value
    self.options = options
  }
}

/// What became of a write.
public enum CacheWriteOutcome: String, Sendable {
  /// In the second level: every node sees it.
  case stored
  /// On this node only, until Redis is back; what Redis held under the key will not be served again.
  case localOnly
}
