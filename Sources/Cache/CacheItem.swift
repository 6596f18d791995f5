/// One cached value with everything that decides whether it may be served. Immutable; each key has its own object, so
/// that threads which read different keys never touch the same reference count.
public final class CacheItem: Sendable {
  public let key: CacheKey
  public let value: [UInt8]
  public let contentType: String
  public let tags: [String]
  /// Keys of the same namespace whose invalidation takes this one along.
  public let dependencies: [String]
  /// Milliseconds since 1970: when it was written, until when it is fresh, and until when it may be served at all
  /// (past `freshUntil` only by loads that allow stale values).
  public let created: Int64
  public let freshUntil: Int64
  public let expires: Int64
  /// The loader said that there is no such thing; remembered for a short time.
  public let isNegative: Bool
  /// The number of invalidations that had been committed when it was written: rules with higher ones apply to it.
  let stamp: UInt64
  /// Random, to tell two writes of one key apart.
  let writeID: UInt64

  init(
    key: CacheKey, value: [UInt8], contentType: String = "", tags: [String] = [], dependencies: [String] = [],
    created: Int64, freshUntil: Int64, expires: Int64, isNegative: Bool = false, stamp: UInt64, writeID: UInt64
  ) {
    self.key = key
    self.value = value
    self.contentType = contentType
    self.tags = tags
    self.dependencies = dependencies
    self.created = created
    self.freshUntil = freshUntil
    self.expires = expires
    self.isNegative = isNegative
    self.stamp = stamp
    self.writeID = writeID
  }

  /// The same write with the stamp that the second level gave it.
  func stamped(_ stamp: UInt64) -> CacheItem {
    CacheItem(
      key: key, value: value, contentType: contentType, tags: tags, dependencies: dependencies, created: created,
      freshUntil: freshUntil, expires: expires, isNegative: isNegative, stamp: stamp, writeID: writeID)
  }

  /// What it costs in memory: its bytes, and what object, arrays and table slots take beside them.
  var weight: Int {
    var weight = value.count + key.name.utf8.count + 256
    for tag in tags { weight += tag.utf8.count + 16 }
    for dependency in dependencies { weight += dependency.utf8.count + 16 }
    return weight
  }
}
