internal import Base
internal import Bench
internal import Cache
internal import RedisLink

/// Invalidating: among a million, a hundred times, and until another node knows.
extension CacheWorkloads {
  static func invalidation(_ bench: Workbench) -> [any Workload] {
    [
      CacheFigure("100 invalidations", "ms", bench, open: readThrough, sample: hundred).within(1_000).few(5),
      CacheFigure("invalidation seen by another node", "ms", bench, open: two, sample: crossing)
        .within(50, figure: .p99),
      CacheFigure(
        "100 keys of a million against SCAN", "x", bench,
        open: { (bench) async throws(Failure) in try await crowded(bench) }, sample: againstScan
      ).within(100, atLeast: true).few(3),
    ]
  }

  private static let two = { @Sendable (bench: Workbench) async throws(Failure) in
    try await CacheStage.shared(bench, nodes: 2)
  }

  @Sendable private static func hundred(_ stage: CacheStage) async throws(Failure) -> Double? {
    let keys = try keys(100)
    try await fill(stage.caches[0], keys)
    let began = ContinuousClock.now
    for key in keys { try await stage.caches[0].invalidate(Invalidation(key.namespace, .key(key.name))) }
    return began.duration(to: .now).milliseconds
  }

  private static let crossingLimit = Duration.seconds(30)

  /// From before one node invalidates until the other, which holds the value in its first level, has none.
  @Sendable private static func crossing(_ stage: CacheStage) async throws(Failure) -> Double? {
    let (writer, reader) = (stage.caches[0], stage.caches[1])
    let key = try keys(1, "x\(NodeID.random())")[0]
    try await fill(writer, [key])
    try require(await reader.get(key))
    let began = ContinuousClock.now
    try await writer.invalidate(Invalidation(key.namespace, .key(key.name)))
    while await reader.get(key) != nil {
      guard began.duration(to: .now) < crossingLimit else {
        throw Failure(.timeout, "an invalidation did not reach the other node")
      }
      await Task.yield()
    }
    return began.duration(to: .now).milliseconds
  }

  /// A Redis with a million strangers in it.
  private static func crowded(_ bench: Workbench) async throws(Failure) -> CacheStage {
    let stage = try await readThrough(bench)
    let script = "for i=ARGV[1],ARGV[2] do redis.call('SET','stranger:'..i,'0123456789abcdef0123456789abcdef') end"
    do throws(Failure) {
      let connection = try await stage.connection()
      defer { connection.close() }
      let (total, step) = (bench.isQuick ? 20_000 : 1_000_000, 10_000)
      for start in stride(from: 1, through: total, by: step) {
        let range = [Int64(start), Int64(start + step - 1)].map { RedisCommand.Argument.integer($0) }
        _ = try await send(connection, RedisCommand("EVAL", arguments: [.text(script), "0"] + range))
      }
    } catch {
      await stage.close()
      throw error
    }
    return stage
  }

  /// A hundred entries of one tag, against a hundred keys that SCAN finds and UNLINK removes.
  @Sendable private static func againstScan(_ stage: CacheStage) async throws(Failure) -> Double? {
    let keys = try keys(100)
    try await fill(stage.caches[0], keys, tags: ["victim"])
    let began = ContinuousClock.now
    try await stage.caches[0].invalidate(Invalidation(keys[0].namespace, .tags(["victim"])))
    let ours = began.duration(to: .now)
    let connection = try await stage.connection()
    defer { connection.close() }
    for number in 0..<100 { _ = try await send(connection, RedisCommand("SET", .text("victim:\(number)"), "v")) }
    let theirs = try await scanAndUnlink(connection)
    return theirs.milliseconds / ours.milliseconds
  }

  private static func scanAndUnlink(_ connection: RedisConnection) async throws(Failure) -> Duration {
    let began = ContinuousClock.now
    var (cursor, removed) = ("0", 0)
    repeat {
      let reply = try await send(
        connection, RedisCommand("SCAN", .text(cursor), "MATCH", "victim:*", "COUNT", "1000"))
      guard let parts = reply.elements, parts.count == 2, let next = parts[0].text else { break }
      cursor = next
      let found = parts[1].elements?.compactMap(\.text) ?? []
      guard !found.isEmpty else { continue }
      removed += found.count
      _ = try await send(connection, RedisCommand("UNLINK", arguments: found.map { .text($0) }))
    } while cursor != "0"
    guard removed == 100 else { throw Failure(.internal, "SCAN found \(removed) of 100 keys") }
    return began.duration(to: .now)
  }

  static func send(_ connection: RedisConnection, _ command: RedisCommand) async throws(Failure) -> RedisValue {
    do throws(RedisError) { return try await connection.send(command) } catch { throw error.failure }
  }
}
