import Base
import RedisLink
import TestKit
import Testing

@testable import Cache

@Suite struct BadInputTests {
  @Test(arguments: [
    "", "a\nb", "a\r\nb", "\u{0}", "tab\t", "\u{7f}", "\u{85}", "\u{2028}", String(repeating: "x", count: 513),
    String(repeating: "ä", count: 257),
  ])
  func keysWithControlCharactersOrOfTheWrongLengthAreRefused(_ name: String) throws {
    let error = #expect(throws: Failure.self) { try CacheKey(.default, name) }
    #expect(error?.code == .invalid)
    #expect(error.map { !$0.message.contains(name) || name.isEmpty } == true)
  }

  @Test(arguments: ["a", "*", "[", "a b", "ключ", "🗝", String(repeating: "x", count: 512), "\\", "a:b/c%00"])
  func everyOtherKeyIsAName(_ name: String) throws {
    #expect(try CacheKey(.default, name).name == name)
  }

  @Test(arguments: ["", "A", "-a", "a_b", "a:b", "ä", "*", String(repeating: "a", count: 64), "a\n", "a b"])
  func namespacesFollowTheirRule(_ name: String) {
    #expect(throws: Failure.self) { try CacheNamespace(name) }
  }

  @Test func namespacesOfTheNodeRefuseOutsideWrites() async throws {
    let node = try Embedded()
    let own = try key("k", "sb-vectors")
    for body in [
      { try await node.cache.set(own, [1]) } as () async throws -> Any,
      { try await node.cache.invalidate(Invalidation(own.namespace, .key("k"))) },
      { try await node.cache.invalidate(Invalidation(nil, .pattern("*"))) },
    ] {
      let error = await #expect(throws: Failure.self) { _ = try await body() }
      #expect(error?.code == .denied)
    }
    try await node.cache.set(own, [1], by: .node)
    #expect(await node.cache.get(own)?.value == [1])
  }

  @Test func oneNamespaceNeverReachesIntoAnother() async throws {
    let node = try Embedded()
    try await node.cache.set(key("b:c", "a"), [1])
    try await node.cache.set(key("c", "a-b"), [2])
    try await node.cache.invalidate(Invalidation(CacheNamespace("a"), .pattern("*")))
    #expect(await node.cache.get(try key("c", "a-b"))?.value == [2])
    let keyspace = RedisKeyspace("sb")
    #expect(keyspace.data(try key("1:b:c", "a")) != keyspace.data(try key("c", "b")))
    #expect(RedisKeyspace("s*b").dataPattern(try CacheNamespace("a-b")) == "s\\*b:1:d:3:a\\-b:*")
  }

  @Test func writesOutOfRangeAreRefusedWhole() async throws {
    let node = try Embedded()
    let bad: [CacheWriteOptions] = [
      .init(timeToLiveMilliseconds: 0), .init(timeToLiveMilliseconds: -5), .init(timeToLiveMilliseconds: .max),
      .init(staleMilliseconds: -1), .init(contentType: ""), .init(contentType: "a\r\nX-Evil: 1"),
      .init(tags: [""]), .init(tags: ["a\n"]), .init(tags: Array(repeating: "t", count: 65)),
      .init(dependencies: Array(repeating: "k", count: 65)), .init(dependencies: ["\u{0}"]),
    ]
    for options in bad {
      let entries = [CacheEntry(try key("good"), [1]), CacheEntry(try key("bad"), [1], options)]
      await #expect(throws: Failure.self, "\(options)") { try await node.cache.set(entries) }
      #expect(await node.cache.get(try key("good")) == nil)
    }
    let large = [UInt8](repeating: 1, count: CacheLimits.valueBytes + 1)
    let error = await #expect(throws: Failure.self) { try await node.cache.set(key("k"), large) }
    #expect(error?.code == .limit)
    let many = try (0...CacheLimits.batchKeys).map { try key("k\($0)") }
    await #expect(throws: Failure.self) { try await node.cache.get(many) }
  }

  @Test(arguments: ["", "[", "[z-a]", "a\\", "a\nb", String(repeating: "*", count: 1_025)])
  func patternsThatAreNoneAreRefused(_ pattern: String) async throws {
    let node = try Embedded()
    await #expect(throws: Failure.self) {
      try await node.cache.invalidate(Invalidation(CacheNamespace("ns"), .pattern(pattern)))
    }
  }

  /// Exponential matchers do not come back from this.
  @Test(.timeLimit(.minutes(1))) func aCatastrophicPatternIsJustAPattern() async throws {
    let node = try Embedded()
    for number in 0..<200 { try await node.cache.set(key(String(repeating: "a", count: 500) + "\(number)"), [1]) }
    let pattern = String(repeating: "*a", count: 500) + "*b"
    let report = try await node.cache.invalidate(Invalidation(CacheNamespace("ns"), .pattern(pattern)))
    #expect(report.keysDeleted == 0)
  }

  @Test func aValueOfSixteenMegabytesGoesThroughRedis() async throws {
    let server = try await RedisProcess()
    let (a, b) = (
      try Node(server.url) { $0.redis.commandDeadline = .seconds(30) },
      try Node(server.url) { $0.redis.commandDeadline = .seconds(30) }
    )
    #expect(await a.connected())
    #expect(await b.connected())
    let value = (0..<CacheLimits.valueBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    #expect(try await a.cache.set(key("k"), value) == .stored)
    #expect(await b.cache.get(try key("k"))?.value == value)
  }

  @Test func mangledMessagesAndRulesAreNone() {
    SeededRandom.run { random in
      let rule = InvalidationRule.tags(.default, ["a", "b"])
      #expect(InvalidationRule(rule.encoded) == rule)
      for _ in 0..<2_000 {
        var bytes = rule.encoded
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        if let other = InvalidationRule(bytes) { #expect(other.encoded == bytes || other.encoded.count > 0) }
        _ = CacheMessage(random.bytes(Int.random(in: 0..<40, using: &random)))
      }
    }
    for text in ["", "I", "I 1 x", "I x y 1:E", "W n 3:abc", "W n 99999999999999999999:a", "E ", "1:K"] {
      #expect(CacheMessage(Array(text.utf8)) == nil, "\(text)")
    }
  }
}
