import Testing

@testable import Console

struct FrameClockTests {
  @Test func nothingIsPaintedTwiceWithoutAChange() {
    var clock = FrameClock()
    #expect(clock.isDue(version: 1, isUrgent: false, now: 0))
    clock.painted(version: 1, now: 0)
    #expect(!clock.isDue(version: 1, isUrgent: true, now: 1_000_000))
    #expect(clock.wait(version: 1, now: 1_000_000) == nil)
  }

  @Test func dataWaitsForItsTurnAndKeysDoNot() {
    var clock = FrameClock()
    clock.painted(version: 1, now: 0)
    #expect(!clock.isDue(version: 2, isUrgent: false, now: 499))
    #expect(clock.wait(version: 2, now: 100) == 400)
    #expect(clock.isDue(version: 2, isUrgent: false, now: 500))
    #expect(clock.isDue(version: 2, isUrgent: true, now: 1))
  }

  @Test func aBenchSlowsDataToOnePictureInTwoSeconds() {
    var clock = FrameClock()
    clock.setBenchRunning(true)
    clock.painted(version: 1, now: 0)
    #expect(!clock.isDue(version: 2, isUrgent: false, now: 1_999))
    #expect(clock.isDue(version: 2, isUrgent: false, now: 2_000))
    clock.setBenchRunning(false)
    #expect(clock.effectiveInterval == FrameClock.defaultInterval)
  }

  @Test func noIntervalIsFasterThanTenASecond() {
    var clock = FrameClock()
    clock.setInterval(1)
    #expect(clock.effectiveInterval == 100)
  }
}
