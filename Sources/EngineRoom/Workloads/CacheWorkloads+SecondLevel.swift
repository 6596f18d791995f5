internal import Base
internal import Bench
internal import Cache
internal import RedisLink

/// Reading and writing through Redis, and answering without it.
extension CacheWorkloads {
  static func secondLevel(_ bench: Workbench) -> [any Workload] {
    var get = CacheFigure("get through Redis", "ms", bench, open: readThrough) { (stage) async throws(Failure) in
      try require(await stage.caches[0].get(try keys(1)[0]))
      return nil
    }.within(5, figure: .p99)
    get.arrival = .open(perSecond: 1_000)
    return [
      get,
      CacheFigure("batch of 100 x 1 KB, get", "ms", bench, open: readThrough, sample: getBatch).within(1),
      CacheFigure("batch of 100 x 1 KB, get, p99", "ms", bench, open: readThrough, sample: getBatch)
        .within(50, figure: .p99),
      CacheFigure("batch of 100 x 1 KB, set", "ms", bench, open: readThrough, sample: setBatch)
        .within(50, figure: .p99),
      CacheFigure("answers while Redis stalls", "ms", bench, open: stallable) { (stage) async throws(Failure) in
        try await outage(stage, bench)
      }.within(100, figure: .p99).few(10),
    ]
  }

  static let readThrough = { @Sendable (bench: Workbench) async throws(Failure) -> CacheStage in
    let stage = try await CacheStage.shared(bench, isReadThrough: true)
    do throws(Failure) { try await fill(stage.caches[0], try keys(batchKeys)) } catch {
      await stage.close()
      throw error
    }
    return stage
  }

  /// With the deadlines of production.
  private static let stallable = { @Sendable (bench: Workbench) async throws(Failure) in
    try await CacheStage.shared(bench, deadline: RedisOptions().commandDeadline)
  }

  static let batchKeys = 100

  @Sendable private static func getBatch(_ stage: CacheStage) async throws(Failure) -> Double? {
    let keys = try keys(batchKeys)
    let began = ContinuousClock.now
    let items = try await stage.caches[0].get(keys)
    let duration = began.duration(to: .now).milliseconds
    for item in items { try require(item) }
    return duration
  }

  @Sendable private static func setBatch(_ stage: CacheStage) async throws(Failure) -> Double? {
    let keys = try keys(batchKeys)
    let began = ContinuousClock.now
    try await fill(stage.caches[0], keys)
    return began.duration(to: .now).milliseconds
  }

  /// The slowest of twenty requests of all kinds, made at once in the moment in which Redis stops.
  private static func outage(_ stage: CacheStage, _ bench: Workbench) async throws(Failure) -> Double? {
    stage.pause(false)
    try await stage.joined(bench)
    let (cache, keys) = (stage.caches[0], try keys(20, "o"))
    stage.pause(true)
    let slowest = await withTaskGroup(of: Double.self) { group in
      for (index, key) in keys.enumerated() {
        group.addTask {
          let began = ContinuousClock.now
          switch index % 4 {
          // What these throw is bad input only, and this is none.
          case 0: _ = try? await cache.set(key, [1])
          case 1: _ = try? await cache.invalidate(Invalidation(key.namespace, .key(key.name)))
          default: _ = await cache.get(key)
          }
          return began.duration(to: .now).milliseconds
        }
      }
      return await group.reduce(0, max)
    }
    stage.pause(false)
    return slowest
  }
}
