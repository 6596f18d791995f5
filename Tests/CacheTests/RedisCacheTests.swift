import Base
import RedisLink
import TestKit
import Testing

@testable import Cache

@Suite struct RedisCacheTests {
  @Test func whatOneNodeWritesAnotherReads() async throws {
    let server = try await RedisProcess()
    let (a, b) = (try Node(server.url), try Node(server.url))
    #expect(await a.connected())
    #expect(await b.connected())
    let options = CacheWriteOptions(contentType: "text/plain", tags: ["t"])
    #expect(try await a.cache.set(key("k"), Array("one".utf8), options) == .stored)
    let item = await b.cache.get(try key("k"))
    #expect(text(item) == "one")
    #expect(item?.contentType == "text/plain")
    #expect(text(await b.cache.get(try key("k"))) == "one")
    #expect(b.cache.statistics().total.firstLevelHits == 1)
    #expect(b.cache.statistics().total.secondLevelHits == 1)
    #expect(try await a.cache.set(key("k"), Array("two".utf8)) == .stored)
    #expect(try await eventually { text(await b.cache.get(try key("k"))) == "two" })
  }

  @Test(arguments: ["key", "pattern", "tag", "event", "dependency"])
  func everyStrategyReachesEveryNode(_ strategy: String) async throws {
    let server = try await RedisProcess()
    let (a, b, c) = (try Node(server.url), try Node(server.url), try Node(server.url))
    for node in [a, b, c] { #expect(await node.connected()) }
    let victim = try key("task:1:*")
    let options = CacheWriteOptions(tags: ["t1", "git-commit:p"], dependencies: ["root"])
    try await a.cache.set(victim, [1], options)
    try await a.cache.set(key("other"), [2])
    #expect(await b.cache.get(victim) != nil)
    #expect(await c.cache.get(victim) != nil)
    let namespace = victim.namespace
    let invalidation =
      switch strategy {
      case "key": Invalidation(namespace, .key("task:1:*"))
      case "pattern": Invalidation(namespace, .pattern("task:?:*"))
      case "tag": Invalidation(namespace, .tags(["nothing", "t1"]))
      case "event": Invalidation(nil, .event(.gitCommit, project: "p", paths: []))
      default: Invalidation(namespace, .dependency("root"))
      }
    let dry = try await c.cache.invalidate(invalidation, isDryRun: true)
    #expect(dry.keys == ["task:1:*"])
    #expect(dry.keysDeleted == 1)
    #expect(await c.cache.get(victim) != nil)
    let report = try await c.cache.invalidate(invalidation)
    #expect(report.durability == .committed)
    #expect(report.keysDeleted == 1)
    #expect(await c.cache.get(victim) == nil)
    #expect(await eventually { await a.cache.get(victim) == nil })
    #expect(await eventually { await b.cache.get(victim) == nil })
    #expect(await b.cache.get(try key("other")) != nil)
    try await b.cache.set(victim, [3], options)
    #expect(await eventually { await a.cache.get(victim)?.value == [3] })
    #expect(await eventually { await c.cache.get(victim)?.value == [3] })
  }

  @Test func theLargestValueTravelsBetweenNodes() async throws {
    let server = try await RedisProcess()
    let (a, b) = (try Node(server.url), try Node(server.url))
    #expect(await a.connected())
    #expect(await b.connected())
    let value = (0..<CacheLimits.valueBytes).map { UInt8(truncatingIfNeeded: $0 >> 8) }
    #expect(try await a.cache.set(key("large"), value) == .stored)
    #expect(try await b.cache.get(key("large"))?.value == value)
    #expect(a.isConnected && b.isConnected)
  }

  @Test func aBatchThatIsTooLargeIsReadNoFurtherThanItsBound() async throws {
    let server = try await RedisProcess()
    let (a, b) = (try Node(server.url), try Node(server.url))
    #expect(await a.connected())
    #expect(await b.connected())
    let keys = try (0..<12).map { try key("large \($0)") }
    for key in keys { try await a.cache.set(key, [UInt8](repeating: 1, count: 4 << 20)) }
    try await server.ask(RedisCommand("CONFIG", "RESETSTAT"))
    let failure = await #expect(throws: Failure.self) { try await b.cache.get(keys) }
    #expect(failure?.code == .limit)
    let calls = try #require(
      try await server.ask(RedisCommand("INFO", "commandstats")).text?
        .split(whereSeparator: \.isNewline).first { $0.hasPrefix("cmdstat_get:calls=") })
    #expect(calls.hasPrefix("cmdstat_get:calls=9,"), "32 MB are 8 values, and one more shows that it is too much")
    let within = try await b.cache.get(Array(keys.suffix(3)) + [key("none")])
    #expect(within.map { $0?.value.count ?? 0 } == [4 << 20, 4 << 20, 4 << 20, 0])
    #expect(b.isConnected)
  }

  @Test(arguments: [("allkeys-lru", true), ("volatile-lru", false), ("noeviction", false)])
  func aPolicyThatMayEvictEdgesIsWarnedOf(_ policy: String, _ isWarnedOf: Bool) async throws {
    let server = try await RedisProcess()
    let node = try Node(server.url) { $0.heartbeat = .milliseconds(5) }
    #expect(await node.connected())
    try await server.ask(RedisCommand("CONFIG", "SET", "maxmemory-policy", "allkeys-random"))
    #expect(await eventually { node.cache.statistics().link.warning?.contains("allkeys-random") == true })
    try await server.ask(RedisCommand("CONFIG", "SET", "maxmemory-policy", .text(policy)))
    #expect(
      await eventually {
        let warning = node.cache.statistics().link.warning
        return isWarnedOf ? warning?.contains(policy) == true : warning == nil
      })
    #expect(node.isConnected)
  }
}
