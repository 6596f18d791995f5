import Base
import ControlPlane
import Foundation
import Testing

@testable import Console

/// What the frame says of the node's state, with a word and a sign.
struct StateTests {
  private static func fixture(
    _ width: Int, _ height: Int, reason: String? = nil, redis: CacheSnapshot.Redis? = nil, isEmbedded: Bool = false,
    isReadOnly: Bool = false
  ) -> ModelFixture {
    var fixture = ModelFixture(width: width, height: height, isEmbedded: isEmbedded, isReadOnly: isReadOnly)
    fixture.receive(.snapshot(snapshot(reason: reason, redis: redis)))
    return fixture
  }

  private static func snapshot(reason: String? = nil, redis: CacheSnapshot.Redis? = nil) -> Snapshot {
    var snapshot = ModelFixture.snapshot(reason: reason)
    snapshot.cache = CacheFixture.cache(redis: redis)
    snapshot.gateway = GatewayFixture.gateway(1_284)
    return snapshot
  }

  @Test(arguments: [(80, 24), (120, 40), (200, 60)]) func theHeaderHasTheStateOfRedisAtEverySize(_ size: (Int, Int)) {
    let well = Self.fixture(size.0, size.1)
    #expect(well.lines[0].contains("redis ● 0.4 ms") && well.lines[0].contains("● live"), "\(well.lines[0])")
    #expect(size.0 < 100 || well.lines[0].contains("ws 1,284"))
    let away = Self.fixture(size.0, size.1, reason: "connection refused", redis: CacheFixture.away())
    #expect(away.lines[0].contains("redis ▲ down 14 s") && away.lines[0].contains("▲ degraded"), "\(away.lines[0])")
  }

  @Test(arguments: [(80, 24), (200, 60)]) func whatIsWrongIsAKeyAwayWithWhatToDo(_ size: (Int, Int)) {
    var fixture = Self.fixture(size.0, size.1, reason: "connection refused", redis: CacheFixture.away())
    #expect(fixture.lines.last?.contains("! why") == true, "\(fixture.lines.last ?? "")")
    fixture.press(.character("!"))
    #expect(fixture.screen.contains("─ What is wrong ─") && fixture.screen.contains("▲ redis"))
    #expect(fixture.screen.contains("connection refused") && fixture.screen.contains("reconnects by"))
    // It heals under the eyes of the reader.
    fixture.receive(.snapshot(Self.snapshot()))
    #expect(fixture.screen.contains("nothing is wrong any more"))
    fixture.press(KeyChord(.escape))
    #expect(!fixture.isPopupOpen && fixture.lines.last?.contains("why") == false)
    #expect(fixture.press(.character("!")) == [.bell] && fixture.screen.contains("nothing is known to be wrong"))
  }

  @Test func aNodeThatSaysNothingIsStaleThoughItsLinkStands() {
    var fixture = Self.fixture(120, 40)
    fixture.wait(11_000)
    fixture.model.tick(now: fixture.now)
    #expect(fixture.lines[0].contains("● live"))
    fixture.wait(2_000)
    fixture.model.tick(now: fixture.now)
    #expect(fixture.lines[0].contains("◷ 13 s old") && !fixture.lines[0].contains("live"))
    #expect(fixture.model.picture()[3, 5].style.foreground == .stale)
    fixture.receive(.snapshot(Self.snapshot()))
    #expect(fixture.lines[0].contains("● live"))
    #expect(fixture.model.picture()[3, 5].style.foreground != .stale)
    // Of a picture that was frozen the age is no news.
    fixture.type("p")
    fixture.wait(60_000)
    fixture.model.tick(now: fixture.now)
    #expect(fixture.lines[0].contains("‖ paused") && !fixture.lines[0].contains("old"))
  }

  @Test func aSlowRefreshIsNotTakenForSilence() {
    var fixture = Self.fixture(120, 40)
    fixture.model.refresh = 10_000
    fixture.wait(25_000)
    fixture.model.tick(now: fixture.now)
    #expect(fixture.lines[0].contains("● live"))
    fixture.wait(10_000)
    fixture.model.tick(now: fixture.now)
    #expect(fixture.lines[0].contains("◷ 35 s old"))
  }

  @Test func readOnlyIsInTheHeaderAndNoFooterPromisesAChange() {
    for (width, height) in [(80, 24), (200, 60)] {
      var fixture = Self.fixture(width, height, isReadOnly: true)
      #expect(fixture.lines[0].contains("(read-only)"))
      for pane in ["1", "2", "3", "4", "5", "6"] {
        fixture.type(pane)
        let footer = fixture.lines.last ?? ""
        #expect(["reindex", "inval", "kick", "run", "cast"].allSatisfy { !footer.contains($0) }, "\(footer)")
      }
    }
  }

  @Test(arguments: [(79, 24), (60, 20), (40, 10)]) func belowTheSmallestLayoutOnePaneHasTheScreen(_ size: (Int, Int)) {
    var fixture = Self.fixture(size.0, size.1)
    for (key, name) in [("1", "1 Sockets"), ("4", "4 Cache"), ("6", "Log")] {
      fixture.type(key)
      #expect(fixture.screen.contains("▸ \(name)") && fixture.lines.count == size.1)
      #expect(fixture.lines.last?.contains("q quit") == true)
    }
  }

  @Test func tinyScreensHaveALineForEachPaneAndKeysStillWork() {
    var fixture = Self.fixture(39, 9)
    #expect(["1 Sockets", "1,284", "4 Cache"].allSatisfy { fixture.screen.contains($0) })
    fixture = Self.fixture(19, 4)
    #expect(fixture.screen.trimmingCharacters(in: .whitespacesAndNewlines) == "too small")
    fixture.type("q")
    #expect(fixture.isPopupOpen || !fixture.press(.character("q")).isEmpty)
  }
}
