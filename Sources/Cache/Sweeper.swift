internal import Base
internal import RedisLink

/// Gives back the memory of values that rules have killed, and with it lets the rules go. One node at a time holds the
/// lease; it walks all values in small steps, removes what is dead and still the same write, and then commits that all
/// rules up to the number it began with are swept. A value that comes in during the walk has a stamp at least that
/// high, so the walk cannot miss a victim.
struct Sweeper: Sendable {
  let level: RedisSecondLevel
  let coherence: Coherence
  let options: CacheLinkOptions
  let clock: any WallClock

  private static let leaseMilliseconds: Int64 = 60_000
  private static let pause = Duration.milliseconds(5)
  private static let edgesWalked: Int64 = 1_000

  /// Until the task is cancelled or Redis refuses.
  func run() async {
    do {
      var isFirst = true
      while true {
        // The first sweep of a life looks for values of an earlier epoch.
        if isFirst || coherence.rules.count > 0 { isFirst = try await !sweep() && isFirst }
        try await Task.sleep(for: options.sweepInterval)
      }
    } catch {
      return
    }
  }

  /// One walk; false when another node is at it.
  func sweep() async throws -> Bool {
    let connection = level.connection
    let lease = try await connection.send(
      RedisCommand(
        "SET", .text(options.keyspace.lease), .text(options.node), "NX", "PX", .integer(Self.leaseMilliseconds)))
    guard lease != .null, let sequence = coherence.opened?.sequence else { return false }
    let rulesBefore = coherence.rules.count
    var cursor = "0"
    repeat {
      let page = try await level.page(nil, cursor: cursor)
      let dead = page.entries.filter(isDead)
      if !dead.isEmpty { _ = try await level.remove(dead) }
      cursor = page.cursor
      _ = try await connection.send(
        RedisCommand("PEXPIRE", .text(options.keyspace.lease), .integer(Self.leaseMilliseconds)))
      try await Task.sleep(for: Self.pause)
    } while cursor != "0"
    try await pruneEdges()
    if rulesBefore > 0 { _ = try await level.commit(.swept(through: sequence)) }
    _ = try await connection.send(RedisCommand("UNLINK", .text(options.keyspace.lease)))
    return true
  }

  private func isDead(_ entry: SurveyEntry) -> Bool {
    if level.isForeign(entry) { return true }
    let verdict = coherence.rules.verdict(
      stamp: entry.stamp, namespace: entry.namespace, key: entry.key, tags: entry.tags, since: 0)
    return !verdict.isValid
  }

  private func pruneEdges() async throws {
    var cursor = "0"
    repeat {
      let answer =
        try await level.connection.send(
          RedisCommand("SCAN", .text(cursor), "MATCH", .text(options.keyspace.edgesPattern), "COUNT", "1000"),
          deadline: .seconds(2)
        ).elements ?? []
      let sets = answer.last?.elements?.compactMap(\.text) ?? []
      cursor = answer.first?.text ?? "0"
      for start in stride(from: 0, to: sets.count, by: 20) {
        let part = sets[start..<min(start + 20, sets.count)]
        let arguments: [RedisCommand.Argument] = [
          .text(options.keyspace.prefix + "g:"), .integer(clock.nowMilliseconds()), .integer(Self.edgesWalked),
        ]
        _ = try await level.run(
          .pruneEdges, keys: [], arguments + part.map { .text($0) }, deadline: .seconds(2))
        try await Task.sleep(for: Self.pause)
      }
    } while cursor != "0"
  }
}
