import Base
import RedisLink
import Synchronization
import TestKit
import Testing

@testable import Cache

/// A node that stands alone, with a clock of the test.
struct Embedded {
  let clock = ManualClock()
  let cache: Cache

  init(folder: String? = nil, bytes: Int = 64 << 20) throws {
    var options = CacheOptions(.embedded, node: .random())
    options.stateFolder = folder
    options.firstLevelBytes = bytes
    options.jitter = 0
    cache = try Cache(options, clock: clock)
  }
}

struct Trouble: Error {}

@Suite struct EmbeddedCacheTests {
  @Test func valuesLiveUntilTheirTimeIsOver() async throws {
    let node = try Embedded()
    let k = try key("k")
    try await node.cache.set(k, [1, 2], CacheWriteOptions(timeToLiveMilliseconds: 1_000, contentType: "text/x"))
    node.clock.advance(by: .milliseconds(999))
    #expect(await node.cache.get(k)?.value == [1, 2])
    #expect(await node.cache.get(k)?.contentType == "text/x")
    node.clock.advance(by: .milliseconds(1))
    #expect(await node.cache.get(k) == nil)
    let total = node.cache.statistics().total
    #expect(total.firstLevelHits == 2)
    #expect(total.misses == 1)
    #expect(total.expirations == 1)
    #expect(total.entries == 0)
    #expect(total.bytes == 0)
  }

  @Test func jitterOnlyEverShortensATimeToLive() throws {
    var options = CacheOptions(.embedded, node: .random())
    options.jitter = 0.05
    let cache = try Cache(options, clock: ManualClock())
    let entry = CacheEntry(try key("k"), [], CacheWriteOptions(timeToLiveMilliseconds: 100_000))
    let lives = (0..<1_000).map { _ in cache.item(entry, stamp: 0, now: 0).expires }
    #expect(lives.allSatisfy { (95_000...100_000).contains($0) })
    #expect(Set(lives).count > 100)
  }

  @Test func eachStrategyTakesWhatItNamesAndNothingElse() async throws {
    let node = try Embedded()
    let names = ["task:1", "task:2", "note", "task:*", "a[b]"]
    let namespace = try CacheNamespace("ns")
    func fill() async throws {
      for name in names {
        let tags = name == "note" ? ["red", "file:p:src/a.swift"] : ["blue"]
        let options = CacheWriteOptions(tags: tags, dependencies: name == "task:2" ? ["note"] : [])
        try await node.cache.set(key(name), [1], options)
      }
      try await node.cache.set(key("task:1", "other"), [1], CacheWriteOptions(tags: ["red", "blue"]))
    }
    let cases: [(Invalidation.Strategy, Set<String>)] = [
      (.key("task:*"), ["task:*"]), (.key("a[b]"), ["a[b]"]), (.key("note"), ["note", "task:2"]),
      (.dependency("note"), ["note", "task:2"]), (.pattern("task:?"), ["task:1", "task:2", "task:*"]),
      (.pattern("a\\[b\\]"), ["a[b]"]), (.pattern("*"), Set(names)), (.tags(["red", "none"]), ["note"]),
      (.event(.fileChange, project: "p", paths: ["src/a.swift"]), ["note"]),
      (.event(.fileChange, project: "p", paths: ["src/b.swift"]), []), (.key("absent"), []),
    ]
    for (strategy, victims) in cases {
      try await fill()
      let invalidation = Invalidation(namespace, strategy)
      let dry = try await node.cache.invalidate(invalidation, isDryRun: true)
      #expect(Set(dry.keys) == victims, "\(strategy)")
      #expect(dry.bytes == victims.count)
      let report = try await node.cache.invalidate(invalidation)
      #expect(report.keysDeleted == victims.count, "\(strategy)")
      #expect(report.isComplete)
      for name in names {
        #expect(await (node.cache.get(try key(name)) == nil) == victims.contains(name), "\(strategy) \(name)")
      }
      #expect(await node.cache.get(try key("task:1", "other")) != nil)
    }
    #expect(
      node.cache.statistics().total.invalidations == ["key": 4, "dependency": 1, "pattern": 3, "tag": 1, "event": 2])
  }

  @Test(arguments: [
    ("git-commit", "p", true), ("git-commit:p", "p", true), ("git-commit:p", nil, true), ("git-commit:q", "p", false),
    ("project:p", "p", true), ("project:p", nil, false), ("file-change:p", "p", false), ("git-commit", nil, true),
  ])
  func commitsTakeWhatIsTaggedForThem(_ tag: String, _ project: String?, _ isTaken: Bool) async throws {
    let node = try Embedded()
    try await node.cache.set(key("k"), [1], CacheWriteOptions(tags: [tag]))
    try await node.cache.invalidate(Invalidation(nil, .event(.gitCommit, project: project, paths: [])))
    #expect(await (node.cache.get(try key("k")) == nil) == isTaken)
  }

  @Test func aCleanRestartKeepsWhatIsValidAndACrashKeepsNothing() async throws {
    let folder = try TemporaryFolder()
    let first = try Embedded(folder: folder.path)
    let run = Task { await first.cache.run() }
    try await first.cache.set(key("root"), [1])
    try await first.cache.set(key("kept"), [2], CacheWriteOptions(tags: ["t"], dependencies: ["root"]))
    try await first.cache.set(key("dead"), [3], CacheWriteOptions(tags: ["u"]))
    try await first.cache.set(key("brief"), [3], CacheWriteOptions(timeToLiveMilliseconds: 5))
    try await first.cache.invalidate(Invalidation(CacheNamespace("ns"), .tags(["u"])))
    first.clock.advance(by: .milliseconds(10))
    run.cancel()
    await run.value
    let second = try Embedded(folder: folder.path)
    #expect(await second.cache.get(try key("kept"))?.value == [2])
    #expect(await second.cache.get(try key("dead")) == nil)
    #expect(await second.cache.get(try key("brief")) == nil)
    #expect(second.cache.statistics().total.entries == 2)
    try await second.cache.invalidate(Invalidation(CacheNamespace("ns"), .key("root")))
    #expect(await second.cache.get(try key("kept")) == nil)
    // The second process ends without running to its end.
    let third = try Embedded(folder: folder.path)
    #expect(third.cache.statistics().total.entries == 0)
  }

  @Test func manyWantOneAndItIsLoadedOnce() async throws {
    let node = try Embedded()
    let k = try key("k")
    let gate = AsyncStream.makeStream(of: Void.self)
    let counted = Counted()
    let tasks = (0..<50).map { _ in
      Task {
        try await node.cache.getOrLoad(k) {
          counted.add()
          for await _ in gate.stream { break }
          return [7]
        }
      }
    }
    #expect(await eventually { counted.value == 1 })
    gate.continuation.finish()
    for task in tasks { #expect(try await task.value?.value == [7]) }
    #expect(counted.value == 1)
    #expect(node.cache.flights.count == 0)
    #expect(node.cache.store.claimCount == 0)
  }

  @Test func whatIsSetDuringALoadStays() async throws {
    let node = try Embedded()
    let k = try key("k")
    let loaded = try await node.cache.getOrLoad(k) {
      try await node.cache.set(k, [2])
      return [1]
    }
    #expect(loaded?.value == [1])
    #expect(await node.cache.get(k)?.value == [2])
  }

  @Test func ofManyWritesAtOnceOneIsKept() async throws {
    let node = try Embedded()
    let k = try key("k")
    for _ in 0..<50 {
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<8 { group.addTask { _ = try? await node.cache.set(k, [UInt8(number)]) } }
      }
      #expect(await node.cache.get(k) != nil)
      node.cache.store.drop(k)
    }
    #expect(node.cache.store.claimCount == 0)
  }

  @Test func aLoaderThatIsCancelledHandsOverToAnother() async throws {
    let node = try Embedded()
    let k = try key("k")
    let counted = Counted()
    let first = Task {
      try await node.cache.getOrLoad(k) {
        counted.add()
        try await Task.sleep(for: .seconds(600))
        return [1]
      }
    }
    #expect(await eventually { counted.value == 1 })
    let second = Task { try await node.cache.getOrLoad(k) { [2] } }
    first.cancel()
    #expect(try await second.value?.value == [2])
    await #expect(throws: CancellationError.self) { try await first.value }
  }

  /// loader            invalidation
  /// reads the source
  ///                   commits
  /// keeps it? no
  @Test(arguments: [
    Invalidation.Strategy.key("k"), .pattern("k*"), .tags(["t"]), .dependency("d"),
  ])
  func lateFillLosesToInvalidation(_ strategy: Invalidation.Strategy) async throws {
    let node = try Embedded()
    let k = try key("k")
    let options = CacheWriteOptions(tags: ["t"], dependencies: ["d"])
    if strategy == .dependency("d") { try await node.cache.set(k, [0], options) }
    if strategy == .dependency("d") { _ = node.cache.store.drop(k) }
    let item = try await node.cache.getOrLoad(k, options) {
      try await node.cache.invalidate(Invalidation(k.namespace, strategy))
      return [1]
    }
    #expect(item?.value == [1])
    #expect(await node.cache.get(k) == nil)
  }

  @Test func aStaleValueIsServedWhileANewOneIsLoaded() async throws {
    let node = try Embedded()
    let run = Task { await node.cache.run() }
    defer { run.cancel() }
    let k = try key("k")
    let options = CacheWriteOptions(timeToLiveMilliseconds: 100, staleMilliseconds: 1_000)
    _ = try await node.cache.getOrLoad(k, options) { [1] }
    node.clock.advance(by: .milliseconds(150))
    #expect(await node.cache.get(k) == nil)
    #expect(try await node.cache.getOrLoad(k, options) { [2] }?.value == [1])
    #expect(await eventually { await node.cache.get(k)?.value == [2] })
    node.clock.advance(by: .milliseconds(150))
    // Loading fails: the stale value stands in until its end.
    #expect(try await node.cache.getOrLoad(k, options) { throw Trouble() }?.value == [2])
    node.clock.advance(by: .seconds(2))
    await #expect(throws: Trouble.self) { try await node.cache.getOrLoad(k, options) { throw Trouble() } }
  }

  @Test func nothingIsRememberedForAShortTime() async throws {
    let node = try Embedded()
    let k = try key("k")
    let counted = Counted()
    let options = CacheWriteOptions(negativeMilliseconds: 100)
    for _ in 0..<3 {
      let found = try await node.cache.getOrLoad(k, options) {
        counted.add()
        return nil
      }
      #expect(found == nil)
    }
    #expect(counted.value == 1)
    #expect(await node.cache.get(k) == nil)
    node.clock.advance(by: .milliseconds(101))
    #expect(try await node.cache.getOrLoad(k, options) { [1] }?.value == [1])
  }

  @Test func aCycleOfTenThousandKeysEnds() async throws {
    let node = try Embedded()
    for number in 0..<10_000 {
      let options = CacheWriteOptions(dependencies: ["k\((number + 1) % 10_000)"])
      try await node.cache.set(key("k\(number)"), [1], options)
    }
    let report = try await node.cache.invalidate(Invalidation(CacheNamespace("ns"), .dependency("k5")))
    #expect(report.keysDeleted == 10_000)
    #expect(node.cache.statistics().total.entries == 0)
  }

  @Test func sweepingForgetsRulesAndKeepsTheirVictimsDead() async throws {
    let node = try Embedded()
    try await node.cache.set(key("k"), [1], CacheWriteOptions(tags: ["t"]))
    let early = node.cache.store.claim(try key("late"))
    let late = node.cache.item(CacheEntry(try key("late"), [1], CacheWriteOptions(tags: ["t"])), stamp: 1, now: 0)
    let level = try #require(node.cache.current()?.level)
    _ = try await level.commit(.tags(nil, ["t"]))
    #expect(node.cache.store.rules.count == 1)
    await node.cache.sweepFirstLevel()
    #expect(node.cache.store.rules.count == 0)
    #expect(await node.cache.get(try key("k")) == nil)
    // What was read before the rule was forgotten can no longer be judged.
    let isKept = node.cache.store.settle(early, late.key, with: late, since: 0, now: 0)
    #expect(!isKept)
  }
}

final class Counted: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  func add() { count.withLock { $0 += 1 } }
}
