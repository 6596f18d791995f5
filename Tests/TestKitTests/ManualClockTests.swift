import TestKit
import Testing

@Suite struct ManualClockTests {
  @Test func sleepersWakeWhenTheirDeadlineIsReachedAndNotBefore() async throws {
    let clock = ManualClock()
    let woken = Collected<Int>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for seconds in [3, 1, 2] {
        group.addTask {
          try await clock.sleep(for: .seconds(seconds))
          woken.append(seconds)
        }
      }
      #expect(await eventually { clock.sleeperCount == 3 })
      clock.advance(by: .milliseconds(999))
      #expect(clock.sleeperCount == 3)
      clock.advance(by: .milliseconds(1))
      #expect(await eventually { woken.values == [1] })
      clock.advance(by: .seconds(10))
      try await group.waitForAll()
    }
    #expect(woken.values.sorted() == [1, 2, 3])
    #expect(clock.sleeperCount == 0)
  }

  @Test func aDeadlineInThePastDoesNotSleep() async throws {
    let clock = ManualClock()
    clock.advance(by: .seconds(5))
    try await clock.sleep(until: .init(offset: .seconds(5)))
    #expect(clock.now.offset == .seconds(5))
  }

  @Test func cancellationEndsASleep() async {
    let clock = ManualClock()
    let sleeper = Task { try await clock.sleep(for: .seconds(1)) }
    #expect(await eventually { clock.sleeperCount == 1 })
    sleeper.cancel()
    await #expect(throws: CancellationError.self) { try await sleeper.value }
    #expect(clock.sleeperCount == 0)
    let cancelledBefore = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      try await clock.sleep(for: .seconds(1))
    }
    await #expect(throws: CancellationError.self) { try await cancelledBefore.value }
  }

  @Test func theTimeOfDayMovesAlong() {
    let clock = ManualClock(startMilliseconds: 1_000)
    clock.advance(by: .milliseconds(250))
    #expect(clock.nowMilliseconds() == 1_250)
  }
}
