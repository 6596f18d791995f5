import Testing

@testable import Console

/// A line as the meter sees it: what was sent, and when the terminal said that it had come.
@Suite struct LineMeterTests {
  private let start = ContinuousClock.now

  private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

  private func expectAsked(
    _ meter: inout LineMeter, _ bytes: Int, isFirst: Bool = false, at now: ContinuousClock.Instant,
    isAsked expected: Bool = true
  ) {
    let isAsked = meter.sent(bytes, isFirst: isFirst, now: now)
    #expect(isAsked == expected)
  }

  /// One whose empty way there and back takes so long.
  private func meter(trip: Int) -> LineMeter {
    var meter = LineMeter(isMute: false)
    expectAsked(&meter, 60, isFirst: true, at: at(0))
    meter.replied(now: at(trip))
    return meter
  }

  @Test func aNearTerminalIsNeverSlow() {
    var meter = meter(trip: 1)
    for number in 1...20 {
      expectAsked(&meter, 4_000, at: at(number * 500))
      #expect(!meter.isClear && !meter.isSlow(at(number * 500 + 1)))
      meter.replied(now: at(number * 500 + 2))
      #expect(meter.isClear && meter.pace == nil)
    }
  }

  @Test func smallPicturesAreNotAskedAbout() {
    var meter = meter(trip: 1)
    expectAsked(&meter, LineMeter.askedBytesMin - 1, at: at(10), isAsked: false)
    #expect(meter.isClear)
  }

  @Test func aFarTerminalOnAWideLineIsNotSlow() {
    var meter = meter(trip: 300)
    for number in 1...20 {
      expectAsked(&meter, 3_000, at: at(number * 1_000))
      #expect(!meter.isSlow(at(number * 1_000 + 300)))
      meter.replied(now: at(number * 1_000 + 301))
      #expect(meter.pace == nil)
    }
  }

  @Test func aSlowLineIsSeenWhileItsFirstPictureIsUnderWayAndMeasuredByIt() throws {
    var meter = meter(trip: 10)
    expectAsked(&meter, 2_400, at: at(1_000))
    #expect(!meter.isSlow(at(1_050)))
    #expect(meter.isSlow(at(1_150)))
    #expect(!meter.takesAnswer)
    meter.replied(now: at(1_310))
    let pace = try #require(meter.pace)
    #expect(abs(pace - 8_000) < 100)
    #expect(meter.room == Int(pace / 10) && meter.takesAnswer)
    // From now on every picture is asked about.
    expectAsked(&meter, 200, at: at(1_400))
    #expect(meter.takesAnswer && !meter.isClear)
    expectAsked(&meter, 700, at: at(1_401))
    #expect(!meter.takesAnswer)
  }

  /// The machine was busy when the console began, so that the first way there and back says nothing.
  @Test func aSlowLineIsToldFromAFarOneByWhatIsSmall() throws {
    var meter = meter(trip: 1_000)
    expectAsked(&meter, 8_000, at: at(2_000))
    meter.replied(now: at(3_010))
    #expect(!meter.isSlow(at(3_020)), "it may be far")
    expectAsked(&meter, 40, at: at(3_100))
    meter.replied(now: at(3_115))
    expectAsked(&meter, 8_000, at: at(4_000))
    meter.replied(now: at(5_010))
    let pace = try #require(meter.pace)
    #expect(abs(pace - 8_000) < 200)
  }

  @Test func whatIsBehindAnotherIsTimedFromItsArrival() throws {
    var meter = meter(trip: 10)
    expectAsked(&meter, 1_600, at: at(1_000))
    meter.replied(now: at(1_210))
    expectAsked(&meter, 800, at: at(2_000))
    expectAsked(&meter, 800, at: at(2_001))
    meter.replied(now: at(2_110))
    meter.replied(now: at(2_210))
    let pace = try #require(meter.pace)
    #expect(abs(pace - 8_000) < 200)
  }

  @Test func aLineThatRecoversIsNotSlowAnyMore() {
    var meter = meter(trip: 10)
    expectAsked(&meter, 2_400, at: at(1_000))
    meter.replied(now: at(1_310))
    for number in 2...4 {
      #expect(meter.isSlow(at(number * 1_000 - 1)))
      expectAsked(&meter, 800, at: at(number * 1_000))
      meter.replied(now: at(number * 1_000 + 11))
    }
    #expect(!meter.isSlow(at(4_012)))
  }

  @Test func aTerminalThatNeverAnswersIsNotWaitedForNorAskedForLong() {
    var meter = LineMeter(isMute: false)
    expectAsked(&meter, 60, isFirst: true, at: at(0))
    expectAsked(&meter, 6_000, at: at(10))
    #expect(meter.isClear && !meter.isSlow(at(2_000)))
    meter.tick(now: at(2_999))
    #expect(meter.isAwaitingReplies)
    meter.tick(now: at(3_000))
    #expect(!meter.isAwaitingReplies)
    expectAsked(&meter, 6_000, at: at(3_001), isAsked: false)
    var refusing = LineMeter(isMute: true)
    expectAsked(&refusing, 6_000, isFirst: true, at: at(0), isAsked: false)
  }

  @Test func aReplyThatIsLostHoldsNothingUpForEver() {
    var meter = meter(trip: 10)
    expectAsked(&meter, 1_000, at: at(100))
    #expect(meter.deadline == at(3_100))
    meter.tick(now: at(3_100))
    #expect(meter.isClear && meter.deadline == nil)
    // One that nobody waits for says nothing.
    meter.replied(now: at(3_200))
    expectAsked(&meter, 1_000, at: at(3_300))
  }

  @Test func requestsUnderWayAreBounded() {
    var meter = meter(trip: 10)
    for number in 0..<100 { _ = meter.sent(1_000, now: at(100 + number)) }
    for number in 0..<LineMeter.requestsMax { meter.replied(now: at(300 + number)) }
    #expect(meter.isClear)
  }
}
