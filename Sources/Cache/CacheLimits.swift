/// The named maxima of the cache (CONTRACT, Cache). Anything past them is refused with `limit` or `invalid`.
public enum CacheLimits {
  public static let keyBytes = 512
  public static let valueBytes = 16 << 20
  public static let contentTypeBytes = 255
  /// Tags of one entry, those that events need not counted.
  public static let tags = 64
  public static let tagBytes = 256
  public static let dependencies = 64
  public static let patternBytes = 1_024
  /// Wildcards of one pattern: matching costs at most key length x pattern length steps whatever they are.
  public static let batchKeys = 1_000
  public static let batchBytes = 32 << 20
  public static let eventPaths = 10_000
  /// Longest time to live: a year.
  public static let timeToLiveMilliseconds: Int64 = 365 * 86_400_000
  /// Keys one cascade follows; past it the whole namespace is invalidated, which is safe.
  public static let cascadeKeys = 20_000
  /// Keys an answer or a dry run lists.
  public static let listedKeys = 1_000
  /// Pattern rules held at once; past it, old entries become misses instead.
  public static let patternRules = 1_024
  public static let tagRules = 100_000
  /// Invalidations the log remembers.
  public static let logEntries = 100_000
  /// Namespaces counted by name in metrics and statistics; the rest share one row.
  public static let countedNamespaces = 256
}
