internal import ControlPlane

/// What the cache did in each of the last seconds, from the counters of the snapshots. The node's uptime is the clock:
/// it stands for the same moment as the counters, however late the console hears of them.
struct CacheTrend: Sendable, Equatable {
  /// Reads of one second.
  struct Sample: Sendable, Equatable {
    var hits = 0.0
    var reads = 0.0
  }

  /// Seconds kept.
  static let length = 60

  private struct Reading: Equatable {
    let uptime: Double
    let hits, misses, sets, evictions, expirations: UInt64

    init(_ cache: CacheSnapshot, uptime: Double) {
      self.uptime = uptime
      hits = cache.hits
      misses = cache.misses
      sets = cache.sets
      evictions = cache.evictions
      expirations = cache.expirations
    }
  }

  /// Oldest first. A second without reads has none, which is not a hit rate of zero.
  private(set) var samples: [Sample] = []
  /// Of the last second, each.
  private(set) var readsPerSecond = 0.0
  private(set) var setsPerSecond = 0.0
  private(set) var evictionsPerSecond = 0.0
  private(set) var expirationsPerSecond = 0.0
  private(set) var (reads, evictions) = (Series(), Series())
  private var last: Reading?

  /// Hits among the reads of the seconds kept; nil when there were no reads.
  var hitRate: Double? {
    let reads = samples.reduce(0) { $0 + $1.reads }
    return reads > 0 ? samples.reduce(0) { $0 + $1.hits } / reads : nil
  }

  /// What a sparkline of the newest `count` seconds shows: nothing for a second without reads, and something for one
  /// whose reads all missed.
  func heights(_ count: Int) -> [Double] {
    samples.suffix(count).map { $0.reads > 0 ? max(0.01, $0.hits / $0.reads) : 0 }
  }

  /// True when something that is shown has changed.
  mutating func add(_ cache: CacheSnapshot, uptime: Double) -> Bool {
    let reading = Reading(cache, uptime: uptime)
    guard let last, Self.continues(last, reading) else {
      // The first one, or another life of the node.
      let isChanged = !samples.isEmpty
      self = CacheTrend()
      self.last = reading
      return isChanged
    }
    let seconds = reading.uptime - last.uptime
    guard seconds >= 0.9 else { return false }
    let before = self
    self.last = reading
    func rate(_ path: KeyPath<Reading, UInt64>) -> Double {
      Double(reading[keyPath: path] - last[keyPath: path]) / seconds
    }
    readsPerSecond = rate(\.hits) + rate(\.misses)
    setsPerSecond = rate(\.sets)
    evictionsPerSecond = rate(\.evictions)
    expirationsPerSecond = rate(\.expirations)
    // A gap between two snapshots is shared out evenly: nobody knows more.
    let missed = min(Self.length, max(1, Int(seconds.rounded())))
    let sample = Sample(hits: rate(\.hits), reads: readsPerSecond)
    samples = (samples + Array(repeating: sample, count: missed)).suffix(Self.length)
    _ = reads.add(readsPerSecond, seconds: missed)
    _ = evictions.add(evictionsPerSecond, seconds: missed)
    return !looksLike(before)
  }

  private static func continues(_ last: Reading, _ next: Reading) -> Bool {
    next.uptime >= last.uptime && next.hits >= last.hits && next.misses >= last.misses && next.sets >= last.sets
      && next.evictions >= last.evictions && next.expirations >= last.expirations
  }

  private func looksLike(_ other: CacheTrend) -> Bool {
    heights(Self.length).drop { $0 == 0 } == other.heights(Self.length).drop { $0 == 0 }
      && rates == other.rates
  }

  private var rates: [Double] { [readsPerSecond, setsPerSecond, evictionsPerSecond, expirationsPerSecond] }
}
