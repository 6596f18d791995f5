import Base
import FoundationEssentials
import RedisLink
import TestKit
import Testing

@testable import Cache

/// What the network and Redis may do to a node, each with a relay of ours between the node and a real server.
@Suite struct CacheFaultTests {
  static let faults: [RedisProxy.Mode] = [
    .stall, .slow(milliseconds: 700), .cut(afterBytes: 10), .garbage, .hangUp,
    .refuse("-LOADING Redis is loading the dataset in memory"), .refuse("-MOVED 1 127.0.0.1:7000"),
    .refuse("-NOAUTH Authentication required."), .refuseOnly(word: "EVALSHA", "-READONLY You can't write"),
    .refuseOnly(word: "EVALSHA", "-OOM command not allowed"), .refuseOnly(word: "EVALSHA", "-MISCONF no disk"),
    .refuse("*1000000000"), .refuse("$9223372036854775807"),
  ]

  /// One node behind the fault, one beside it. While the fault lasts the first journals what it invalidates and the
  /// second changes what the first still holds; afterwards neither serves anything that was invalidated.
  @Test(arguments: faults)
  func nothingInvalidatedIsServedAfterAFault(_ fault: RedisProxy.Mode) async throws {
    let server = try await RedisProcess()
    let proxy = try RedisProxy(to: server.port)
    let folder = try TemporaryFolder()
    let (a, b) = (try Node(proxy.url, folder: folder.path), try Node(server.url))
    #expect(await a.connected())
    #expect(await b.connected())
    let (mine, theirs, kept) = (try key("mine"), try key("theirs"), try key("kept"))
    for each in [mine, theirs, kept] {
      try await a.cache.set(each, Array("old".utf8), CacheWriteOptions(tags: [each.name]))
      #expect(await b.cache.get(each) != nil)
    }
    proxy.set(fault)
    // Whatever the answer, there is one.
    let report = try await a.cache.invalidate(Invalidation(mine.namespace, .tags(["mine"])))
    #expect(report.durability == .journalled)
    let link = a.cache.statistics().link
    #expect(link.state == .away)
    #expect(link.reason?.isEmpty == false)
    #expect(link.outboxDepth == 1)
    #expect(await a.cache.get(mine) == nil)
    #expect(text(await a.cache.get(kept)) == "old")
    #expect(try await a.cache.set(kept, Array("new".utf8)) == .localOnly)
    #expect(text(await a.cache.get(kept)) == "new")
    try await b.cache.invalidate(Invalidation(theirs.namespace, .key("theirs")))
    proxy.set(.relay)
    proxy.dropConnections()
    #expect(await a.connected())
    #expect(a.cache.statistics().link.outboxDepth == 0)
    for each in [mine, theirs, kept] { #expect(await a.cache.get(each) == nil, "\(each.name)") }
    #expect(await eventually { await b.cache.get(mine) == nil })
    #expect(await eventually { await b.cache.get(kept) == nil })
    #expect(try await a.cache.set(mine, Array("newer".utf8)) == .stored)
    #expect(await eventually { text(await b.cache.get(mine)) == "newer" })
  }

  @Test func aServerThatRestartsEmptyIsJoinedAnew() async throws {
    let server = try await RedisProcess()
    let (a, b) = (try Node(server.url), try Node(server.url))
    #expect(await a.connected())
    #expect(await b.connected())
    try await a.cache.set(key("k"), [1])
    #expect(await b.cache.get(try key("k")) != nil)
    server.kill()
    #expect(await eventually { !a.isConnected && !b.isConnected })
    try await server.start()
    #expect(await a.connected())
    #expect(await b.connected())
    #expect(await a.cache.get(try key("k")) == nil)
    #expect(await b.cache.get(try key("k")) == nil)
    #expect(try await b.cache.set(key("k"), [2]) == .stored)
    #expect(await a.cache.get(try key("k"))?.value == [2])
  }

  @Test func aFlushIsNoticedWithoutAReconnect() async throws {
    let server = try await RedisProcess()
    let node = try Node(server.url)
    #expect(await node.connected())
    try await node.cache.set(key("k"), [1])
    try await node.cache.invalidate(Invalidation(CacheNamespace("ns"), .tags(["t"])))
    try await server.ask(RedisCommand("FLUSHALL"))
    #expect(try await eventually { await node.cache.get(try key("k")) == nil })
    #expect(await eventually { node.cache.statistics().link.connects >= 2 && node.isConnected })
    #expect(try await node.cache.set(key("k"), [2], CacheWriteOptions(tags: ["t"])) == .stored)
    #expect(await node.cache.get(try key("k"))?.value == [2])
  }

  /// The snapshot holds the value; the invalidation came after it. `isNodeNew`: the node was down meanwhile too.
  @Test(arguments: [false, true])
  func aSnapshotFromBeforeAnInvalidationIsNotTrusted(isNodeNew: Bool) async throws {
    let server = try await RedisProcess()
    let folder = try TemporaryFolder()
    var node = try Node(server.url, folder: folder.path)
    #expect(await node.connected())
    try await node.cache.set(key("k"), [1], CacheWriteOptions(tags: ["t"]))
    try await server.ask(RedisCommand("SAVE"))
    try await node.cache.invalidate(Invalidation(CacheNamespace("ns"), .tags(["t"])))
    #expect(await node.cache.get(try key("k")) == nil)
    if isNodeNew { await node.stop() }
    server.kill()
    try await server.start()
    if isNodeNew { #expect(try await server.ask(RedisCommand("EXISTS", "test:1:d:2:ns:k")).integer == 1) }
    if isNodeNew { node = try Node(server.url, folder: folder.path) }
    #expect(await eventually { node.cache.statistics().link.connects >= (isNodeNew ? 1 : 2) && node.isConnected })
    #expect(await node.cache.get(try key("k")) == nil)
    let stranger = try Node(server.url)
    #expect(await stranger.connected())
    #expect(await stranger.cache.get(try key("k")) == nil)
  }

  /// The first node never gets to replay; the next start of it does, before it reads anything.
  @Test func aJournalOutlivesItsNode() async throws {
    let server = try await RedisProcess()
    let (folder, after) = (try TemporaryFolder(), try TemporaryFolder())
    let node = try Node(server.url, folder: folder.path)
    #expect(await node.connected())
    try await node.cache.set(key("k"), [1], CacheWriteOptions(tags: ["t"]))
    try await server.ask(RedisCommand("SAVE"))
    server.kill()
    #expect(await eventually { !node.isConnected })
    let report = try await node.cache.invalidate(Invalidation(CacheNamespace("ns"), .tags(["t"])))
    #expect(report.durability == .journalled)
    // What kill -9 leaves behind: the folder as it is now.
    try FileManager.default.copyItem(atPath: folder.file("cache.outbox"), toPath: after.file("cache.outbox"))
    await node.stop()
    try await server.start()
    #expect(try await server.ask(RedisCommand("EXISTS", "test:1:d:2:ns:k")).integer == 1)
    let next = try Node(server.url, folder: after.path)
    #expect(next.cache.statistics().link.outboxDepth == 1)
    #expect(await next.connected())
    #expect(await next.cache.get(try key("k")) == nil)
    let other = try Node(server.url)
    #expect(await other.connected())
    #expect(await other.cache.get(try key("k")) == nil)
    #expect(next.cache.statistics().link.outboxDepth == 0)
  }

  /// An ordinary stop while Redis is away: the journal stays in the folder, and the next start of the node replays it.
  @Test func aJournalLeftByAStopIsReplayedByTheNextStart() async throws {
    let server = try await RedisProcess()
    let folder = try TemporaryFolder()
    let node = try Node(server.url, folder: folder.path)
    #expect(await node.connected())
    try await node.cache.set(key("tagged"), [1], CacheWriteOptions(tags: ["t"]))
    try await node.cache.set(key("kept"), [2])
    try await server.ask(RedisCommand("SAVE"))
    server.kill()
    #expect(await eventually { !node.isConnected })
    #expect(
      try await node.cache.invalidate(Invalidation(CacheNamespace("ns"), .tags(["t"]))).durability == .journalled)
    await node.stop()
    try await server.start()
    #expect(try await server.ask(RedisCommand("EXISTS", "test:1:d:2:ns:tagged")).integer == 1)
    let next = try Node(server.url, folder: folder.path)
    #expect(next.cache.statistics().link.outboxDepth == 1)
    #expect(await next.connected())
    #expect(next.cache.statistics().link.outboxDepth == 0)
    #expect(await next.cache.get(try key("tagged")) == nil)
    #expect(await next.cache.get(try key("kept"))?.value == [2])
  }

  @Test func fullMemoryKeepsReadsAndDropsTheOldValue() async throws {
    let server = try await RedisProcess()
    let (a, b) = (try Node(server.url), try Node(server.url))
    #expect(await a.connected())
    #expect(await b.connected())
    try await a.cache.set(key("k"), [1])
    try await a.cache.set(key("l"), [1])
    #expect(await b.cache.get(try key("k")) != nil)
    try await server.ask(RedisCommand("CONFIG", "SET", "maxmemory", "1"))
    #expect(try await a.cache.set(key("k"), [2]) == .localOnly)
    #expect(a.isConnected)
    #expect(await a.cache.get(try key("k"))?.value == [2])
    #expect(try await eventually { await b.cache.get(try key("k")) == nil })
    #expect(await b.cache.get(try key("l")) != nil)
  }

  @Test func theSweeperReturnsMemoryAndForgetsRules() async throws {
    let server = try await RedisProcess()
    let node = try Node(server.url) { $0.sweepInterval = .milliseconds(50) }
    let other = try Node(server.url) { $0.sweepInterval = .seconds(3_600) }
    #expect(await node.connected())
    #expect(await other.connected())
    let stray = "test:1:d:2:ns:stray"
    try await server.ask(RedisCommand("SET", .text(stray), "no envelope"))
    for number in 0..<50 {
      try await other.cache.set(key("k\(number)"), [1], CacheWriteOptions(tags: ["t"], dependencies: ["root"]))
    }
    // Committed by hand, so that nobody looks for victims meanwhile.
    let level = try #require(other.cache.current()?.level)
    _ = try await level.commit(.tags(CacheNamespace("ns"), ["t"]))
    #expect(
      try await eventually {
        try await server.ask(RedisCommand("KEYS", "test:1:d:*")).elements?.isEmpty == true
      })
    #expect(await eventually { node.cache.store.rules.count == 0 && other.cache.store.rules.count == 0 })
    let late = try Node(server.url)
    #expect(await late.connected())
    try await late.cache.set(key("k1"), [2], CacheWriteOptions(tags: ["t"]))
    #expect(try await eventually { await other.cache.get(try key("k1"))?.value == [2] })
  }

  @Test func aCycleOfTenThousandKeysIsInvalidatedOnce() async throws {
    let server = try await RedisProcess()
    let (a, b) = (try Node(server.url), try Node(server.url))
    #expect(await a.connected())
    #expect(await b.connected())
    let count = 10_000
    for start in stride(from: 0, to: count, by: 1_000) {
      let entries = try (start..<start + 1_000).map { number in
        CacheEntry(try key("k\(number)"), [1], CacheWriteOptions(dependencies: ["k\((number + 1) % count)"]))
      }
      #expect(try await a.cache.set(entries) == .stored)
    }
    #expect(await b.cache.get(try key("k5000")) != nil)
    let dry = try await b.cache.invalidate(Invalidation(CacheNamespace("ns"), .dependency("k17")), isDryRun: true)
    #expect(dry.keysDeleted == count)
    let report = try await a.cache.invalidate(Invalidation(CacheNamespace("ns"), .dependency("k17")))
    #expect(report.keysDeleted == count)
    #expect(report.durability == .committed)
    #expect(try await eventually { await b.cache.get(try key("k5000")) == nil })
    #expect(await a.cache.get(try key("k9999")) == nil)
    #expect(try await server.ask(RedisCommand("KEYS", "test:1:[dg]:*")).elements?.isEmpty == true)
  }
}

extension RedisProcess {
  @discardableResult
  func ask(_ command: RedisCommand) async throws -> RedisValue {
    var options = RedisOptions()
    options.commandDeadline = .seconds(10)
    let connection = try await RedisConnection.open(RedisURL(url), options: options)
    defer { connection.close() }
    return try await connection.send(command, deadline: .seconds(5))
  }
}
