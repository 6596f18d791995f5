internal import Base
internal import Bench
internal import Cache
internal import Glibc
internal import RedisLink
internal import Synchronization

/// What `signalbox bench cache` measures. Each figure is one of what the cache promises; baselines run in the same run.
enum CacheWorkloads {
  static func all(_ bed: CacheBed) -> [CacheWorkload] {
    [
      firstLevel(bed), firstLevelOfFour(bed), secondLevel(bed), plainLoop(bed), tasks(bed), pipelined(bed),
      batch(bed), dependents(bed), scan(bed), acrossNodes(bed),
    ].compactMap(\.self)
  }

  // MARK: First level

  private static func hits(_ cache: Cache, _ keys: [CacheKey], _ count: Int) async throws(Failure) -> Duration {
    let start = ContinuousClock.now
    var found = 0
    for index in 0..<count where await cache.get(keys[index & 1_023]) != nil { found += 1 }
    let time = ContinuousClock.now - start
    guard found == count else { throw Failure(.internal, "the first level lost a value") }
    return time
  }

  private static func keys() throws(Failure) -> [CacheKey] {
    var keys: [CacheKey] = []
    for index in 0..<1_024 { keys.append(try CacheBed.key("small", index)) }
    return keys
  }

  private static func firstLevel(_ bed: CacheBed) -> CacheWorkload {
    CacheWorkload(name: "first-level hit", unit: "ns", target: 100) { () throws(Failure) in
      try await hits(bed.alone, try keys(), 100_000).nanosecondsAsDouble / 100_000
    }
  }

  private static func firstLevelOfFour(_ bed: CacheBed) -> CacheWorkload {
    CacheWorkload(name: "first-level hits, 4 tasks", unit: "M/s", target: 15, isLowerBetter: false) {
      () throws(Failure) in
      let keys = try keys()
      let start = ContinuousClock.now
      let results = await withTaskGroup(of: Result<Duration, Failure>.self) { group in
        for _ in 0..<4 {
          group.addTask {
            do throws(Failure) { return .success(try await hits(bed.alone, keys, 200_000)) } catch {
              return .failure(error)
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      for result in results { _ = try result.get() }
      return 800_000 / ((ContinuousClock.now - start).nanosecondsAsDouble / 1_000)
    }
  }

  // MARK: Second level

  /// Runs over the seeded keys, so that a first level of 1 MiB has forgotten each before its turn comes again.
  private static let turn = Atomic<Int>(0)

  private static func next(_ count: Int) -> Int { turn.wrappingAdd(count, ordering: .relaxed).oldValue }

  private static func get(_ bed: CacheBed, _ index: Int) async throws(Failure) {
    guard await bed.second.get(try CacheBed.key("small", index % CacheBed.seededKeys)) != nil else {
      throw Failure(.unavailable, "a value of the bench is missing: Redis was too slow on this machine")
    }
  }

  private static func secondLevel(_ bed: CacheBed) -> CacheWorkload {
    CacheWorkload(name: "second-level get", unit: "us", baseline: ("plain hiredis loop", 1.6)) { () throws(Failure) in
      let start = next(500)
      var times: [Double] = []
      for index in start..<start + 500 {
        let begin = ContinuousClock.now
        try await get(bed, index)
        times.append((ContinuousClock.now - begin).nanosecondsAsDouble / 1_000)
      }
      return times.sorted()[250]
    }
  }

  private static func plainLoop(_ bed: CacheBed) -> CacheWorkload {
    CacheWorkload(name: "plain hiredis loop", unit: "us") { () throws(Failure) in
      let times = try PlainLoop.times(socket: bed.socket, key: "plain", count: 500)
      return Double(times.sorted()[250]) / 1_000
    }
  }

  private static func tasks(_ bed: CacheBed) -> CacheWorkload {
    let baseline = bed.benchmarkProgram == nil ? nil : ("redis-benchmark -P 16 -c 1", 0.5)
    return CacheWorkload(
      name: "second-level gets, 64 tasks", unit: "1/s", isLowerBetter: false, baseline: baseline
    ) { () throws(Failure) in
      let start = next(64 * 100)
      let begin = ContinuousClock.now
      let results = await withTaskGroup(of: Result<Void, Failure>.self) { group in
        for task in 0..<64 {
          group.addTask {
            do throws(Failure) {
              for index in 0..<100 { try await get(bed, start + task * 100 + index) }
              return .success(())
            } catch {
              return .failure(error)
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      for result in results { try result.get() }
      return 6_400 / ((ContinuousClock.now - begin).nanosecondsAsDouble / 1e9)
    }
  }

  private static func pipelined(_ bed: CacheBed) -> CacheWorkload? {
    guard let program = bed.benchmarkProgram else { return nil }
    return CacheWorkload(name: "redis-benchmark -P 16 -c 1", unit: "1/s", isLowerBetter: false) {
      () throws(Failure) in
      let command = ProbeCommand(
        executable: program,
        arguments: ["-s", bed.socket, "-P", "16", "-c", "1", "-n", "50000", "--csv", "GET", "plain"], environment: [:],
        deadline: .seconds(30))
      guard case .ended(0, let output) = await command.run(),
        let line = output.split(separator: "\n").last, let field = line.split(separator: ",").dropFirst().first,
        let rate = Double(field.filter { $0 != "\"" })
      else { throw Failure(.unavailable, "redis-benchmark gave no figure") }
      return rate
    }
  }

  private static func batch(_ bed: CacheBed) -> CacheWorkload {
    CacheWorkload(name: "batch of 100 x 1 KB", unit: "ms", target: 1) { () throws(Failure) in
      let start = next(100)
      var keys: [CacheKey] = []
      for index in start..<start + 100 { keys.append(try CacheBed.key("kilo", index % CacheBed.kilobyteKeys)) }
      let begin = ContinuousClock.now
      let values = try await bed.second.get(keys)
      let time = ContinuousClock.now - begin
      guard values.allSatisfy({ $0 != nil }) else { throw Failure(.unavailable, "a value of the bench is missing") }
      return time.milliseconds
    }
  }

  // MARK: Invalidation

  private static func dependents(_ bed: CacheBed) -> CacheWorkload {
    CacheWorkload(
      name: "invalidate 100 keys of a million", unit: "ms", baseline: ("SCAN over a million keys", 0.01)
    ) { () throws(Failure) in
      let namespace = try CacheNamespace("graph")
      let root = "root:\(next(1))"
      var entries = [CacheEntry(try CacheKey(namespace, root), [1])]
      for index in 1..<100 {
        entries.append(
          CacheEntry(try CacheKey(namespace, "\(root):\(index)"), [1], CacheWriteOptions(dependencies: [root])))
      }
      try await bed.first.set(entries)
      let begin = ContinuousClock.now
      let report = try await bed.first.invalidate(Invalidation(namespace, .key(root)))
      let time = ContinuousClock.now - begin
      guard report.keysDeleted == 100 else { throw Failure(.internal, "an invalidation missed dependents") }
      return time.milliseconds
    }
  }

  private static func scan(_ bed: CacheBed) -> CacheWorkload {
    CacheWorkload(name: "SCAN over a million keys", unit: "ms") { () throws(Failure) in
      let begin = ContinuousClock.now
      var cursor = "0"
      repeat {
        do throws(RedisError) {
          let reply = try await bed.redis.send(
            RedisCommand("SCAN", .text(cursor), "MATCH", "nothing:*", "COUNT", "1000"))
          cursor = reply.elements?.first?.text ?? "0"
        } catch {
          throw Failure(.unavailable, "the bench's Redis does not answer: \(error.reason)")
        }
      } while cursor != "0"
      return (ContinuousClock.now - begin).milliseconds
    }
  }

  private static func acrossNodes(_ bed: CacheBed) -> CacheWorkload {
    CacheWorkload(name: "invalidation seen by another node", unit: "ms", target: 50, figure: .p99) {
      () throws(Failure) in
      let key = try CacheKey(CacheNamespace("shared"), "key:\(next(1))")
      try await bed.first.set(key, [1])
      guard await bed.second.get(key) != nil else { throw Failure(.unavailable, "a value of the bench is missing") }
      let begin = ContinuousClock.now
      try await bed.first.invalidate(Invalidation(key.namespace, .key(key.name)))
      while await bed.second.get(key) != nil {
        guard ContinuousClock.now - begin < .seconds(1) else {
          throw Failure(.timeout, "an invalidation did not reach the other node within a second")
        }
        await Task.yield()
      }
      return (ContinuousClock.now - begin).milliseconds
    }
  }
}

extension Duration {
  fileprivate var nanosecondsAsDouble: Double { milliseconds * 1e6 }
}
