internal import Base
internal import Bench
internal import Cache
internal import Dispatch
internal import FoundationEssentials
internal import RedisLink
internal import Synchronization

/// One connection for everybody, against what others do: plain C, a pool, and Redis' own bench.
extension CacheWorkloads {
  static func peers(_ bench: Workbench) -> [any Workload] {
    var rows = [
      CacheFigure("get p50 to plain C hiredis", "x", bench, open: withPeerKey, sample: againstPlain)
        .within(1.6).few(10),
      CacheFigure("64 tasks to a pool of 16", "x", bench, open: withPeerKey, sample: againstPool)
        .within(5, atLeast: true).few(5),
    ]
    guard let program = program("redis-benchmark") else { return rows }
    rows.append(
      CacheFigure("64 tasks to redis-benchmark -P 16 -c 1", "x", bench, open: withPeerKey) {
        (stage) async throws(Failure) in
        try await tasksPerSecond(stage) / redisBenchmark(program, stage, bench)
      }.within(0.5, atLeast: true).few(5))
    return rows
  }

  private static let peerKey = "peer"
  private static let (tasks, perTask, pool) = (64, 200, 16)

  private static let withPeerKey = { @Sendable (bench: Workbench) async throws(Failure) -> CacheStage in
    let stage = try await readThrough(bench)
    do throws(Failure) {
      let connection = try await stage.connection()
      defer { connection.close() }
      let value = [UInt8](repeating: 7, count: valueBytes)
      _ = try await send(connection, RedisCommand("SET", .text(peerKey), .bytes(value)))
    } catch {
      await stage.close()
      throw error
    }
    return stage
  }

  /// Medians of two thousand gets, in turn.
  @Sendable private static func againstPlain(_ stage: CacheStage) async throws(Failure) -> Double? {
    let key = try keys(1)[0]
    var (ours, theirs): ([Duration], [Duration]) = ([], [])
    for _ in 0..<20 {
      theirs += try await onThread(stage) { (redis) throws(RedisError) in
        var times: [Duration] = []
        for _ in 0..<100 {
          let began = ContinuousClock.now
          _ = try redis.get(peerKey)
          times.append(began.duration(to: .now))
        }
        return times
      }
      for _ in 0..<100 {
        let began = ContinuousClock.now
        try require(await stage.caches[0].get(key))
        ours.append(began.duration(to: .now))
      }
    }
    return ours.sorted()[ours.count / 2] / theirs.sorted()[theirs.count / 2]
  }

  @Sendable private static func againstPool(_ stage: CacheStage) async throws(Failure) -> Double? {
    let ours = try await tasksPerSecond(stage)
    return try await ours / poolPerSecond(stage)
  }

  private static func tasksPerSecond(_ stage: CacheStage) async throws(Failure) -> Double {
    let keys = try keys(tasks)
    return try await perSecond { task throws(Failure) in
      for _ in 0..<perTask { try require(await stage.caches[0].get(keys[task])) }
    }
  }

  /// As many tasks, each request on the next of sixteen blocking connections with a queue of its own.
  private static func poolPerSecond(_ stage: CacheStage) async throws(Failure) -> Double {
    var connections: [PooledRedis] = []
    do throws(RedisError) {
      for _ in 0..<pool { connections.append(try PooledRedis(path: stage.socketPath)) }
    } catch { throw error.failure }
    return try await perSecond { [connections] task throws(Failure) in
      for round in 0..<perTask { try await connections[(task + round) % pool].get(peerKey) }
    }
  }

  private static func perSecond(
    _ work: @escaping @Sendable (Int) async throws(Failure) -> Void
  ) async throws(Failure) -> Double {
    let began = ContinuousClock.now
    let failure = await withTaskGroup(of: Failure?.self) { group in
      for task in 0..<tasks {
        group.addTask {
          do throws(Failure) {
            try await work(task)
            return nil
          } catch { return error }
        }
      }
      return await group.reduce(nil) { $0 ?? $1 }
    }
    if let failure { throw failure }
    return Double(tasks * perTask) * 1_000 / began.duration(to: .now).milliseconds
  }

  private static func redisBenchmark(
    _ program: String, _ stage: CacheStage, _ bench: Workbench
  ) async throws(Failure) -> Double {
    let output = "\(bench.folder)/b\(NodeID.random().rawValue.prefix(6))"
    let words = ["-s", stage.socketPath, "-c", "1", "-P", "16", "-n", "50000", "-q", "GET", peerKey]
    _ = try await BenchChild.run(
      program, .init(arguments: words, environment: [:], output: output), deadline: .seconds(30))
    // "GET peer: 440000.00 requests per second, p50=…", after lines of progress.
    let text = String(decoding: try WholeFile.read(output, maxBytes: 1 << 20) ?? [], as: UTF8.self)
    let tokens = text.split { $0 == " " || $0.isNewline }
    guard let place = tokens.lastIndex(of: "requests"), place > 0, let rate = Double(tokens[place - 1]), rate > 0 else {
      throw Failure(.internal, "redis-benchmark said something unknown")
    }
    return rate
  }

  /// A connection of its own, off the threads that tasks run on.
  private static func onThread<Value: Sendable>(
    _ stage: CacheStage, _ body: @escaping @Sendable (borrowing BlockingRedis) throws(RedisError) -> Value
  ) async throws(Failure) -> Value {
    let path = stage.socketPath
    let result: Result<Value, RedisError> = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        do throws(RedisError) {
          continuation.resume(returning: .success(try body(BlockingRedis(path: path))))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    do throws(RedisError) { return try result.get() } catch { throw error.failure }
  }
}

/// One blocking connection of a pool, and the queue of those who want it.
private final class PooledRedis: Sendable {
  private let queue = DispatchQueue(label: "bench.pool")
  private let redis: Mutex<BlockingRedis>

  init(path: String) throws(RedisError) { redis = Mutex(try BlockingRedis(path: path)) }

  func get(_ key: String) async throws(Failure) {
    let result: Result<Int, RedisError> = await withCheckedContinuation { continuation in
      queue.async { [self] in
        continuation.resume(
          returning: redis.withLock { redis in
            do throws(RedisError) { return .success(try redis.get(key)) } catch { return .failure(error) }
          })
      }
    }
    do throws(RedisError) { _ = try result.get() } catch { throw error.failure }
  }
}
