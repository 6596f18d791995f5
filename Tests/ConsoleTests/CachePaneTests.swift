import Base
import ControlPlane
import TestKit
import Testing

@testable import Console

struct CachePaneTests {
  private static let sizes = [(80, 24), (120, 40), (200, 60)]

  private static func pane(_ fixture: ModelFixture) -> String { PanePicture.text(fixture, .cache) }

  private static func compare(_ fixture: ModelFixture, with name: String) throws {
    let text = pane(fixture)
    #expect(text == (try Golden.text("cache-\(name)", written: text)))
  }

  @Test(arguments: sizes) func aBusyCacheIsShown(_ size: (Int, Int)) throws {
    try Self.compare(CacheFixture.busy(size.0, size.1), with: "busy-\(size.0)x\(size.1)")
  }

  @Test(arguments: sizes) func anOutageIsShownWithItsAge(_ size: (Int, Int)) throws {
    let fixture = CacheFixture.busy(size.0, size.1, redis: CacheFixture.away())
    try Self.compare(fixture, with: "away-\(size.0)x\(size.1)")
    #expect(Self.pane(fixture).contains("▲ redis down 14 s"))
  }

  @Test(arguments: sizes) func anEmptyCacheSaysSo(_ size: (Int, Int)) throws {
    var fixture = ModelFixture(width: size.0, height: size.1)
    fixture.receive(.snapshot(CacheFixture.snapshot(CacheSnapshot(redis: .init(state: .embedded)))))
    try Self.compare(fixture, with: "empty-\(size.0)x\(size.1)")
  }

  @Test func aNodeWithoutTheEngineSaysSoAndOneThatIsNotHeardYetToo() throws {
    var fixture = ModelFixture(width: 120, height: 40)
    #expect(Self.pane(fixture).contains("asking the node"))
    #expect(
      ActionRegistry.standard.action("cache.invalidate")?.reason(in: fixture.model) == "the node has not been heard yet"
    )
    fixture.receive(.snapshot(CacheFixture.snapshot(nil)))
    #expect(Self.pane(fixture).contains("this node runs no cache engine"))
    #expect(
      ActionRegistry.standard.action("cache.invalidate")?.reason(in: fixture.model) == "this node runs no cache engine")
  }

  @Test(arguments: sizes) func zoomedNothingIsLost(_ size: (Int, Int)) throws {
    var fixture = CacheFixture.busy(size.0, size.1)
    fixture.type("44")
    try Self.compare(fixture, with: "zoom-\(size.0)x\(size.1)")
    for name in CacheFixture.names { #expect(fixture.screen.contains(name)) }
  }

  @Test func everyHeightIsFilledExactly() {
    for height in 0...60 {
      for isAway in [false, true] {
        for count in [0, 1, 16] {
          let plan = CachePlan(height: height, isAway: isAway, namespaces: 100, invalidations: count)
          #expect(plan.above + plan.charts + plan.table + plan.gap + plan.below == max(height, plan.above))
          if height >= 5 { #expect(plan.table >= 1, "\(height) \(plan)") }
        }
      }
    }
  }

  @Test(arguments: LayoutTests.sizes) func anySizeAndStateIsDrawnWhole(_ size: (Int, Int)) async {
    await aside { Self.drawEverything(size) }
  }

  private static func drawEverything(_ size: (Int, Int)) {
    for redis in [CacheFixture.away(), CacheFixture.away(queued: 100_000, seconds: 900_000), .init(state: .embedded)] {
      for keys in ["", "4", "44", "i", "44i"] {
        var fixture = CacheFixture.busy(size.0, size.1, redis: redis)
        fixture.type(keys)
        #expect(fixture.lines.count == size.1)
        for line in CacheFixture.busy(size.0, size.1, redis: redis, glyphs: .ascii).lines {
          #expect(line.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }, "\(line)")
        }
      }
    }
  }

  // MARK: - Figures

  @Test func theRatesAreThoseOfTheLastSecondAndAnotherLifeBeginsAnew() {
    var trend = CacheTrend()
    for second in 0...90 { _ = trend.add(CacheFixture.cache(second: second), uptime: Double(second)) }
    #expect(trend.samples.count == CacheTrend.length)
    #expect(trend.evictionsPerSecond == 12 && trend.expirationsPerSecond == 340)
    let quiet = CacheFixture.cache(second: 90)
    var isChanged = true
    for second in 91...151 { isChanged = trend.add(quiet, uptime: Double(second)) }
    #expect(!isChanged && trend.hitRate == nil && trend.evictionsPerSecond == 0)
    isChanged = trend.add(CacheFixture.cache(second: 1), uptime: 3)
    #expect(isChanged)
    #expect(trend.samples.isEmpty)
  }

  @Test func aSecondOfMissesIsSeenAndASecondWithoutReadsIsNot() {
    var trend = CacheTrend()
    var cache = CacheSnapshot(redis: .init(state: .embedded))
    _ = trend.add(cache, uptime: 0)
    cache.misses = 10
    _ = trend.add(cache, uptime: 1)
    _ = trend.add(cache, uptime: 2)
    #expect(trend.heights(60).map { $0 > 0 } == [true, false])
    #expect(trend.hitRate == 0)
  }

  @Test func onlyAllOfThemIsAHundredPercent() {
    #expect(CachePane.percent(1) == "100.0%")
    #expect(CachePane.percent(0.99999) == "99.9%")
    #expect(CachePane.percent(.nan) == "-")
  }

  @Test func anIdleCacheChangesNoPicture() {
    var fixture = CacheFixture.busy(seconds: 2)
    var cache = CacheFixture.cache(second: 2)
    for second in 3...70 { fixture.receive(.snapshot(CacheFixture.snapshot(cache, second: second))) }
    let version = fixture.model.version
    cache.redis.latencyMilliseconds = 0.42
    fixture.receive(.snapshot(CacheFixture.snapshot(cache, second: 71)))
    #expect(fixture.model.version == version)
  }

  // MARK: - Selection

  @Test func theSelectionIsANamespaceAndNotALine() {
    var fixture = CacheFixture.busy()
    fixture.type("4jj")
    #expect(fixture.model.panes[.cache].selectedText == "emb")
    let cache = CacheFixture.cache(second: 31, names: ["aaa", "ast", "ctx", "emb"])
    fixture.receive(.snapshot(CacheFixture.snapshot(cache, second: 31)))
    #expect(fixture.model.panes[.cache].selectedText == "emb")
    fixture.receive(.snapshot(CacheFixture.snapshot(CacheFixture.cache(second: 32, names: ["x"]), second: 32)))
    #expect(fixture.model.panes[.cache].selectedText == "x")
  }

  @Test func manyNamespacesScrollAndAClickSelects() throws {
    var fixture = ModelFixture(width: 120, height: 40)
    let names = (0..<40).map { "ns-\($0 < 10 ? "0" : "")\($0)" }
    var cache = CacheFixture.cache(names: [])
    cache.namespaces = names.map { .init(name: $0) }
    fixture.receive(.snapshot(CacheFixture.snapshot(cache)))
    fixture.type("4G")
    #expect(fixture.model.panes[.cache].selectedText == "ns-39")
    #expect(Self.pane(fixture).contains("ns-39") && Self.pane(fixture).contains("↑│"))
    fixture.press(KeyChord(.enter))
    #expect(fixture.screen.contains("ns-39"), "the zoom keeps the selection in sight")
    fixture.press(KeyChord(.escape))
    let y = try #require(fixture.lines.firstIndex { $0.contains("ns-38") })
    fixture.click(x: 80, y: y)
    #expect(fixture.model.panes[.cache].selectedText == "ns-38")
  }

  // MARK: - Filter

  @Test func theFilterShowsTheNamespacesThatContainItAndEscClearsIt() throws {
    var fixture = CacheFixture.busy()
    let all = CacheFixture.names
    let wanted = try #require(all.first { $0 == "emb" })
    fixture.type("4/EMB")
    #expect(fixture.model.panes[.cache].selectedText == wanted)
    let shown = Self.pane(fixture)
    #expect(shown.contains("/EMB"), "the title says what hides the rest")
    for name in all where !name.contains("emb") { #expect(!shown.contains("│ \(name) "), "\(name)\n\(shown)") }
    fixture.press(KeyChord(.enter))
    fixture.receive(.snapshot(CacheFixture.snapshot(CacheFixture.cache(second: 31), second: 31)))
    fixture.type("G")
    #expect(fixture.model.panes[.cache].selectedText == wanted, "news is filtered as well")
    fixture.press(KeyChord(.escape))
    #expect(!Self.pane(fixture).contains("/EMB"))
    fixture.type("G")
    #expect(fixture.model.panes[.cache].selectedText == all.sorted().last)
  }

  @Test func escInThePromptBringsTheOldFilterBackAndTheLogKeepsItsOwn() throws {
    var fixture = CacheFixture.busy()
    fixture.type("4/emb")
    fixture.press(KeyChord(.enter))
    fixture.type("/zzz")
    #expect(Self.pane(fixture).contains("none of"))
    fixture.press(KeyChord(.escape))
    #expect(fixture.model.panes[.cache].selectedText == "emb")
    #expect(fixture.model.panes.log.book.filter == nil)
  }

  // MARK: - Events

  @Test func anInvalidationIsALineOfThePaneAndOfTheLog() throws {
    var fixture = CacheFixture.busy()
    let selection = CacheSelection(namespace: "plans", .pattern("task:*"))
    let done = CacheFixture.invalidated(selection, keys: 1_284, durability: .journalled)
    fixture.receive(.events([Event(timeMilliseconds: ModelFixture.start.wall, body: .cacheInvalidated(done))]))
    #expect(Self.pane(fixture).contains("1,284 keys  plans pattern task:*"))
    #expect(fixture.screen.contains("1,284 keys dropped"))
    fixture.press(.character("6"))
    #expect(fixture.screen.contains("plans pattern task:* (1.3M, 9 ms, queued for Redis)"))
  }

  @Test func hostileNamesMoveNothing() {
    let hostile = "\u{1B}[2J\u{202E}日本語\n\t\u{9B}31m" + String(repeating: "x", count: 10_000)
    for size in Self.sizes {
      var fixture = ModelFixture(width: size.0, height: size.1)
      var cache = CacheFixture.cache(names: [hostile, "ok"], )
      let done = CacheFixture.invalidated(CacheSelection(namespace: hostile, .key(hostile)), keys: 1)
      cache.lastInvalidations = [done]
      cache.redis = CacheFixture.away()
      cache.redis.reason = hostile
      fixture.receive(.snapshot(CacheFixture.snapshot(cache)))
      fixture.receive(.events([Event(timeMilliseconds: ModelFixture.start.wall, body: .cacheInvalidated(done))]))
      let selection = CacheSelection(namespace: "default", .pattern("x*"))
      for keys in ["4", "4"] {
        fixture.type(keys)
        OutsideText.check(fixture.model.picture())
      }
      fixture.type(":invalidate pattern x*")
      fixture.press(KeyChord(.enter))
      let names = Array(repeating: hostile, count: 900)
      let finding = CacheFixture.finding(keys: 900, names: names)
      fixture.receive(.answer(.cacheSurvey(selection), .success(.cacheSurvey(finding))))
      OutsideText.check(fixture.model.picture())
    }
  }
}

/// What holds of every picture, whatever text came from outside.
enum OutsideText {
  static func check(_ canvas: Canvas) {
    for y in 0..<canvas.height {
      #expect((0..<canvas.width).reduce(0) { $0 + Int(canvas[$1, y].width) } == canvas.width)
      for x in 0..<canvas.width {
        let scalars = canvas[x, y].cluster.unicodeScalars
        #expect(scalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0.value != 0x202E })
      }
    }
  }
}
