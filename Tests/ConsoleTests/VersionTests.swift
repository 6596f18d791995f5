import ControlPlane
import Testing

@testable import Console

/// Every peer was bitten by painting without a change; the version is what prevents it here.
struct VersionTests {
  private static func change(_ fixture: inout ModelFixture, _ body: (inout ModelFixture) -> Void) -> UInt64 {
    let before = fixture.model.version
    body(&fixture)
    return fixture.model.version - before
  }

  @Test func aSnapshotThatLooksTheSameChangesNothing() {
    var fixture = ModelFixture()
    fixture.receive(.snapshot(ModelFixture.snapshot()))
    let picture = fixture.model.picture()
    #expect(Self.change(&fixture) { $0.receive(.snapshot(ModelFixture.snapshot(cpuSeconds: 9, commands: 7))) } == 0)
    #expect(fixture.model.picture() == picture)
    #expect(Self.change(&fixture) { $0.receive(.snapshot(ModelFixture.snapshot(projects: ["api"]))) } > 0)
  }

  @Test func timeWithinOneSecondChangesNothing() {
    var fixture = ModelFixture()
    #expect(Self.change(&fixture) { $0.model.tick(now: $0.now.adding(milliseconds: 999)) } == 0)
    #expect(fixture.model.nextTick == 1)
    #expect(Self.change(&fixture) { $0.model.tick(now: $0.now.adding(milliseconds: 1_000)) } == 1)
  }

  @Test func aScreenThatIsTooSmallNeverTicks() {
    var fixture = ModelFixture(width: 10, height: 3)
    #expect(fixture.model.nextTick == nil)
    #expect(Self.change(&fixture) { $0.model.tick(now: $0.now.adding(milliseconds: 60_000)) } == 0)
  }

  @Test func keysWithoutMeaningAndTheSameSizeChangeNothing() {
    var fixture = ModelFixture()
    #expect(Self.change(&fixture) { $0.press(.character("ä"), KeyChord(.function(9))) } == 0)
    #expect(Self.change(&fixture) { _ = $0.model.handle(.resize(width: 80, height: 24), now: $0.now) } == 0)
    #expect(Self.change(&fixture) { _ = $0.model.handle(.focus(false), now: $0.now) } == 0)
  }

  @Test func logLinesBehindAZoomedPaneChangeNothing() {
    var fixture = ModelFixture()
    fixture.type("11")
    #expect(fixture.model.focus.isZoomed)
    let news = ModelFixture.events([ModelFixture.record("unseen")])
    #expect(Self.change(&fixture) { $0.receive(news) } == 0)
    fixture.type("6")
    #expect(fixture.screen.contains("unseen"))
  }

  @Test func aPausedPictureStandsWhileTheDataGoesOn() {
    var fixture = ModelFixture(width: 120, height: 40)
    fixture.type("p")
    let picture = fixture.model.picture()
    let news = ModelFixture.events([ModelFixture.record("while paused")])
    #expect(Self.change(&fixture) { $0.receive(news) } == 0)
    #expect(Self.change(&fixture) { $0.receive(.snapshot(ModelFixture.snapshot())) } == 0)
    #expect(fixture.model.picture() == picture)
    #expect(fixture.lines[0].contains("‖ paused"))
    fixture.type("p")
    #expect(fixture.screen.contains("while paused") && fixture.lines[0].contains("prod-eu-1"))
  }

  @Test func everyPictureThatDiffersHasAnotherVersion() {
    var fixture = ModelFixture(width: 120, height: 40)
    var last = (fixture.model.version, fixture.model.picture())
    let keys = "123456?jjG\u{1B}:the\u{1B}/ab!\u{1B}tjpLL+--mfnNyTrxisK"
    for (index, key) in keys.enumerated() {
      let chord = key == "\u{1B}" ? KeyChord(.escape) : KeyChord.character(key)
      fixture.press(chord)
      if index % 3 == 0 { fixture.receive(ModelFixture.events([ModelFixture.record("line \(index)")])) }
      let now = (fixture.model.version, fixture.model.picture())
      #expect(now.1 == last.1 || now.0 != last.0, "key \(key) changed the picture and not the version")
      last = now
    }
  }
}
