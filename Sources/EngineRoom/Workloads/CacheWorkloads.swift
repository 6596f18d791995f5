internal import Base
internal import Bench
internal import Cache
internal import Glibc

/// The `cache` suite. Figures with the unit `x` are ratios to a peer that runs in turn with ours in the same sample.
enum CacheWorkloads {
  static func all(_ bench: Workbench) -> [any Workload] {
    let shared = redisServer == nil ? [] : secondLevel(bench) + invalidation(bench) + peers(bench)
    return firstLevel(bench) + shared
  }

  /// Why rows are missing; nil when none is.
  static var leftOut: String? {
    redisServer == nil ? "there is no redis-server: the rows of the second level are left out" : nil
  }

  static var redisServer: String? { program("redis-server") }

  static func program(_ name: String) -> String? {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    return ProgramFinder.find(name, path: path)
  }

  // MARK: Material

  static let valueBytes = 1_024

  static func keys(_ count: Int, _ prefix: String = "k") throws(Failure) -> [CacheKey] {
    let namespace = try CacheNamespace("bench")
    var keys: [CacheKey] = []
    for number in 0..<count { keys.append(try CacheKey(namespace, "\(prefix)\(number)")) }
    return keys
  }

  static func fill(_ cache: Cache, _ keys: [CacheKey], tags: [String] = []) async throws(Failure) {
    for start in stride(from: 0, to: keys.count, by: 500) {
      let part = keys[start..<min(start + 500, keys.count)]
      let options = CacheWriteOptions(tags: tags)
      // An array of its own for each: threads that read different keys must not meet at one reference count.
      let outcome = try await cache.set(
        part.map { CacheEntry($0, [UInt8](repeating: 7, count: valueBytes), options) })
      guard outcome == .stored else { throw Failure(.unavailable, "Redis was lost during the bench") }
    }
  }

  static func require(_ item: CacheItem?) throws(Failure) {
    guard item != nil else { throw Failure(.unavailable, "the cache did not have a value that was just written") }
  }
}
