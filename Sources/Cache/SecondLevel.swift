internal import RedisLink

/// What all nodes share: values, and the committed order of invalidations. Two forms exist: Redis, and the embedded
/// one of a node that stands alone.
protocol SecondLevel: Sendable {
  /// Values as they lie there, not yet judged by any rule; in the order of `keys`.
  func read(_ keys: [CacheKey]) async throws(RedisError) -> [SecondLevelRead]

  /// Stores values that somebody set: each gets the number of invalidations committed so far as its stamp.
  func write(_ items: [CacheItem]) async throws(RedisError) -> [UInt64]

  /// Stores what a loader found, if nothing was invalidated since `sequence` and the key still holds `mark`.
  func fill(_ item: CacheItem, sequence: UInt64, mark: [UInt8]) async throws(RedisError) -> FillOutcome

  /// Commits an invalidation: it has a place in the order when this returns, and every node will hear of it.
  func commit(_ rule: InvalidationRule) async throws(RedisError) -> Commit

  /// The keys that an invalidation of `keys` would reach, themselves included.
  func closure(_ namespace: CacheNamespace, _ keys: [String]) async throws(RedisError) -> [String]

  /// Some of the entries of a namespace (nil: of all), from a cursor that begins and ends as "0".
  func page(_ namespace: CacheNamespace?, cursor: String) async throws(RedisError) -> SurveyPage

  /// Bytes of each key's envelope; 0 where there is none.
  func sizes(of keys: [CacheKey]) async throws(RedisError) -> [Int]

  /// Removes values whose replacement could not be stored. Works where writing does not, as when memory is full.
  func discard(_ keys: [CacheKey]) async throws(RedisError)

  /// Removes what is still the same write; how many that were.
  func remove(_ entries: [SurveyEntry]) async throws(RedisError) -> Int
}

struct SecondLevelRead: Sendable {
  var item: CacheItem?
  /// Which write lies there, valid or not; empty when none does.
  var mark: [UInt8] = []
}

enum FillOutcome: Sendable, Equatable {
  case stored
  /// Somebody else wrote the key meanwhile: theirs stays.
  case superseded
  /// There are invalidations up to this number; look at them first.
  case behind(UInt64)
}

struct Commit: Sendable {
  var entries: [LogEntry]
  /// Values removed from the second level by name.
  var removed: Int
  /// Entries of the first level that went at once.
  var dropped: [CacheItem] = []
}

struct SurveyPage: Sendable {
  var entries: [SurveyEntry]
  var scanned: Int
  var cursor: String
}

/// One entry of the second level without its value.
struct SurveyEntry: Sendable {
  var redisKey: String
  var mark: [UInt8]
  var epoch: UInt64
  var stamp: UInt64
  var expires: Int64
  var namespace: String
  var key: String
  var tags: [String]
  var bytes: Int
}
