internal import Base
internal import Cache
public import RedisLink

/// What the cache is told at its start.
public struct CacheSettings: Sendable {
  /// REDIS_URL; nil: embedded.
  public var redis: RedisURL?
  /// SIGNALBOX_NAMESPACE: before every key and channel.
  public var prefix: String
  /// CACHE_TTL_DAYS.
  public var timeToLiveDays: Int
  /// CACHE_L1_MAX.
  public var firstLevelBytes: Int

  public init(
    redis: RedisURL? = nil, prefix: String = "signalbox", timeToLiveDays: Int = 30, firstLevelBytes: Int = 256 << 20
  ) {
    self.redis = redis
    self.prefix = prefix
    self.timeToLiveDays = timeToLiveDays
    self.firstLevelBytes = firstLevelBytes
  }

  func options(node: NodeID, stateFolder: String) -> CacheOptions {
    var options = CacheOptions(redis.map { .redis($0, prefix: prefix) } ?? .embedded, node: node)
    options.firstLevelBytes = firstLevelBytes
    options.timeToLiveMilliseconds = Int64(timeToLiveDays) * 86_400_000
    options.stateFolder = StateFolder.cacheFolder(in: stateFolder)
    return options
  }
}
