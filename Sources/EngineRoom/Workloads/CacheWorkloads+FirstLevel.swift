internal import Base
internal import Bench
internal import Cache
internal import Glibc

/// The first level: the price of a hit, of memory, and the hit rate against LRU.
extension CacheWorkloads {
  static func firstLevel(_ bench: Workbench) -> [any Workload] {
    let warm = { @Sendable (_: Workbench) async throws(Failure) -> CacheStage in
      let stage = try CacheStage.alone()
      try await fill(stage.caches[0], try keys(hotKeys))
      return stage
    }
    return [
      // First, while the process has no freed memory to give out again; the largest sample counts for that reason too.
      CacheFigure("10,000 x 1 KB in memory", "MB", bench, open: empty, sample: memory)
        .within(15, figure: .largest).few(3),
      CacheFigure("10,000 items of 1 KB, old target", "MB", bench, open: empty, sample: memory)
        .within(100, figure: .largest).few(3),
      CacheFigure("first level hit, 1 thread", "ns", bench, open: warm, sample: hitNanoseconds).within(100),
      CacheFigure("first level hits, 4 threads", "M/s", bench, open: warm, sample: hitsOfFour)
        .within(15, atLeast: true),
      CacheFigure("hit rate, 80/20", "%", bench, open: small) { (stage) async throws(Failure) in
        try await rates(stage, .eightyTwenty).ours
      }.within(80, atLeast: true).few(3),
      CacheFigure("hit rate over LRU, Zipf", "points", bench, open: small) { (stage) async throws(Failure) in
        let rates = try await rates(stage, .zipf)
        return max(0, rates.ours - rates.theirs)
      }.within(4, atLeast: true).few(3),
      // A sample is not negative, so this one counts how far LRU is ahead.
      CacheFigure("LRU ahead, window of 60 %", "points", bench, open: small) { (stage) async throws(Failure) in
        let rates = try await rates(stage, .window)
        return max(0, rates.theirs - rates.ours)
      }.within(3).few(3),
    ]
  }

  private static let hotKeys = 4_096
  private static let empty = { @Sendable (_: Workbench) async throws(Failure) in try CacheStage.alone() }
  /// One shard of some 800 entries.
  private static let small = { @Sendable (_: Workbench) async throws(Failure) in
    try CacheStage.alone(bytes: 1 << 20)
  }

  // MARK: Speed

  @Sendable private static func hitNanoseconds(_ stage: CacheStage) async throws(Failure) -> Double? {
    let keys = try keys(hotKeys)
    let began = ContinuousClock.now
    for _ in 0..<8 { try await hit(stage.caches[0], keys) }
    return began.duration(to: .now).milliseconds * 1e6 / Double(8 * hotKeys)
  }

  @Sendable private static func hitsOfFour(_ stage: CacheStage) async throws(Failure) -> Double? {
    let keys = try keys(hotKeys)
    let (threads, rounds) = (4, 32)
    let began = ContinuousClock.now
    let failure = await withTaskGroup(of: Failure?.self) { group in
      for thread in 0..<threads {
        group.addTask {
          let mine = Array(keys[(thread * hotKeys / threads)...] + keys[..<(thread * hotKeys / threads)])
          do throws(Failure) {
            for _ in 0..<rounds { try await hit(stage.caches[0], mine) }
            return nil
          } catch { return error }
        }
      }
      return await group.reduce(nil) { $0 ?? $1 }
    }
    if let failure { throw failure }
    return Double(threads * rounds * hotKeys) / began.duration(to: .now).milliseconds / 1_000
  }

  private static func hit(_ cache: Cache, _ keys: [CacheKey]) async throws(Failure) {
    for key in keys { try require(await cache.get(key)) }
  }

  // MARK: Memory

  /// By how much the resident memory of this process grows; other work of the node in the same moment counts too.
  @Sendable private static func memory(_ stage: CacheStage) async throws(Failure) -> Double? {
    let keys = try keys(10_000, "m")
    let fresh = try CacheStage.alone()
    let outcome: Result<Double, Failure>
    do throws(Failure) {
      let before = try residentBytes()
      try await fill(fresh.caches[0], keys)
      outcome = .success(Double(max(0, try residentBytes() - before)) / 1e6)
    } catch {
      outcome = .failure(error)
    }
    await fresh.close()
    return try outcome.get()
  }

  /// The second number of `/proc/self/statm` is the resident pages (proc(5)).
  private static func residentBytes() throws(Failure) -> Int {
    let fields = String(decoding: try WholeFile.read("/proc/self/statm", maxBytes: 4_096) ?? [], as: UTF8.self)
      .split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else {
      throw Failure(.internal, "/proc/self/statm does not say how much memory is resident")
    }
    return pages * Int(getpagesize())
  }

  // MARK: Hit rate

  /// Of the cache and of an LRU with as many entries, over the same requests, in percent.
  private static func rates(
    _ stage: CacheStage, _ kind: CacheTrace.Kind
  ) async throws(Failure) -> (ours: Double, theirs: Double) {
    let cache = stage.caches[0]
    try await fill(cache, try keys(2_000, "fill"))
    let capacity = cache.statistics().total.entries
    var trace = CacheTrace(kind, capacity: capacity)
    var peer = CacheTrace.LRU(capacity: capacity)
    let (requests, warmUp) = (60_000, 10_000)
    let keys = try keys(trace.keyCount)
    var hits = (ours: 0, theirs: 0)
    for step in 0..<requests {
      let number = trace.next()
      let isHit = await cache.get(keys[number]) != nil
      if !isHit { try await cache.set(keys[number], [UInt8](repeating: 1, count: valueBytes)) }
      let isTheirs = peer.request(number)
      guard step >= warmUp else { continue }
      hits.ours += isHit ? 1 : 0
      hits.theirs += isTheirs ? 1 : 0
    }
    let counted = Double(requests - warmUp) / 100
    return (Double(hits.ours) / counted, Double(hits.theirs) / counted)
  }
}
