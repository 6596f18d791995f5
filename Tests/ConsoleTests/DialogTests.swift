import Base
import ControlPlane
import Testing

@testable import Console

struct DialogTests {
  @Test func keysTypedAheadNeverConfirm() {
    var fixture = ModelFixture()
    #expect(fixture.type("qy") == [])
    fixture.wait(299)
    #expect(fixture.type("y2") == [] && fixture.press(KeyChord(.tab), KeyChord(.enter)) == [])
    #expect(fixture.screen.contains("─ Quit ─"))
    fixture.wait(1)
    #expect(fixture.type("y") == [.quit(stopNode: true)])
  }

  @Test func enterPressesTheSafeButtonUnlessTheOtherWasChosen() {
    var fixture = ModelFixture()
    fixture.type("q")
    fixture.wait(1_000)
    #expect(fixture.press(KeyChord(.enter)) == [])
    #expect(!fixture.isPopupOpen)
    fixture.type("q")
    fixture.wait(1_000)
    #expect(fixture.press(KeyChord(.right), KeyChord(.enter)) == [.quit(stopNode: true)])
  }

  @Test func whatIsLargeWantsTheNameTyped() {
    var fixture = ModelFixture(isEmbedded: false)
    fixture.receive(.snapshot(ModelFixture.snapshot()))
    fixture.type(":drain")
    fixture.press(KeyChord(.enter))
    fixture.wait(400)
    #expect(fixture.type("y") == [] && fixture.press(KeyChord(.enter)) == [])
    fixture.press(KeyChord(.backspace))
    fixture.type("prod-eu-1")
    #expect(fixture.press(KeyChord(.enter)) == [.perform(.drain)])
  }

  @Test func leavingFollowsTheContract() {
    var embedded = ModelFixture()
    #expect(embedded.type("D") == [.bell])
    #expect(embedded.model.toasts.last?.text.contains("signalbox start") ?? false)
    var attached = ModelFixture(isEmbedded: false)
    #expect(attached.type("D") == [.detach])
    #expect(attached.type("q") == [.detach])
  }

  @Test func interruptClosesWhatIsOpenAndTwiceLeaves() {
    var fixture = ModelFixture()
    fixture.press(.character("?"))
    #expect(fixture.press(.control("c")) == [])
    #expect(!fixture.isPopupOpen)
    #expect(fixture.press(.control("c")) == [])
    fixture.wait(2_001)
    #expect(fixture.press(.control("c")) == [])
    #expect(fixture.press(.control("c")) == [.quit(stopNode: true)])
  }

  @Test func escapeNeverQuits() {
    var fixture = ModelFixture(isEmbedded: false)
    fixture.press(KeyChord(.enter))
    for _ in 0..<20 { #expect(fixture.press(KeyChord(.escape)) == []) }
    #expect(!fixture.model.focus.isZoomed)
  }

  @Test func aClickOnTheConfirmButtonIsDeafAsWell() throws {
    var fixture = ModelFixture()
    fixture.type("q")
    let y = try #require(fixture.lines.firstIndex { $0.contains("[ 2 Stop") })
    let line = fixture.lines[y]
    let place = try #require(line.range(of: "[ 2 Stop"))
    let x = line.distance(from: line.startIndex, to: place.lowerBound)
    #expect(fixture.click(x: x, y: y) == [])
    fixture.wait(300)
    #expect(fixture.click(x: x, y: y) == [.quit(stopNode: true)])
  }

  @Test func aPasteOutsideOfAnInputDoesNothingAndSaysSo() {
    var fixture = ModelFixture(isEmbedded: false)
    #expect(fixture.model.handle(.paste("qqDy\nq"), now: fixture.now) == [])
    #expect(fixture.screen.contains("paste dropped"))
    fixture.type(":")
    #expect(fixture.model.handle(.paste("theme \u{1B}mono\nq"), now: fixture.now) == [])
    #expect(fixture.press(KeyChord(.enter)) == [.setTheme("mono")])
  }

  @Test func failuresStayUntilAKeyAndTheRestGoesByItself() {
    var fixture = ModelFixture()
    fixture.receive(.failed(Failure(.timeout, "the node did not answer")))
    fixture.receive(.done("written"))
    fixture.wait(10_000)
    fixture.model.tick(now: fixture.now)
    #expect(fixture.screen.contains("the node did not answer") && !fixture.screen.contains("written"))
    fixture.press(.character("j"))
    #expect(!fixture.screen.contains("the node did not answer"))
  }

  @Test func aBenchRefusedForLiveClientsAsksForTheName() {
    var fixture = ModelFixture()
    fixture.receive(.snapshot(ModelFixture.snapshot()))
    let command = Command.runBench(BenchOptions(suites: ["gateway"]))
    fixture.receive(.outcome(command, .failure(Failure(.conflict, "this node has 3 live clients"))))
    fixture.wait(300)
    fixture.type("prod-eu-1")
    let expected = Command.runBench(BenchOptions(suites: ["gateway"], isLiveConfirmed: true))
    #expect(fixture.press(KeyChord(.enter)) == [.perform(expected)])
  }
}
