import RedisLink
import TestKit
import Testing

@Suite struct ReconnectTests {
  @Test func waitsDoubleUpToASecondAndChanceTakesAPart() {
    var machine = Reconnect()
    #expect(machine.start() == .connectNow)
    var ceilings: [Duration] = []
    for _ in 0..<7 {
      guard case .wait(let wait) = machine.failed(random: 1) else {
        Issue.record("no wait after a failure")
        return
      }
      ceilings.append(wait)
      #expect(machine.waited() == .connectNow)
    }
    #expect(ceilings == [50, 100, 200, 400, 800, 1_000, 1_000].map { .milliseconds($0) })
    #expect(machine.failed(random: 0) == .wait(.zero))
    for _ in 0..<10_000 {
      _ = machine.waited()
      guard case .wait(let wait) = machine.failed(random: 0.5) else {
        Issue.record("no wait after a failure")
        return
      }
      #expect(wait <= .seconds(1))
    }
  }

  @Test func thereIsOneAttemptAtATime() {
    var machine = Reconnect()
    #expect(machine.start() == .connectNow)
    #expect(machine.start() == .none)
    #expect(machine.waited() == .none)
    #expect(machine.ended(after: .seconds(9), random: 0) == .none)
    #expect(machine.succeeded() == .none)
    #expect(machine.failed(random: 0) == .none)
  }

  @Test func aConnectionThatDiesYoungCountsAsAFailure() {
    var machine = Reconnect()
    _ = machine.start()
    for _ in 0..<3 {
      _ = machine.succeeded()
      _ = machine.ended(after: .milliseconds(10), random: 1)
      _ = machine.waited()
    }
    #expect(machine.failures == 3)
    _ = machine.succeeded()
    #expect(machine.ended(after: .seconds(2), random: 1) == .wait(.milliseconds(50)))
  }

  @Test func livesFollowOneAnotherUntilTheTaskIsCancelled() async {
    let clock = ManualClock()
    let lives = Counted()
    let task = Task {
      await Reconnect.run(clock: clock) { stands in
        if lives.add() > 2 { stands() }
      }
    }
    for expected in 1...5 {
      #expect(await eventually { lives.value == expected })
      if clock.sleeperCount == 0 { #expect(await eventually { clock.sleeperCount == 1 || lives.value > expected }) }
      clock.advance(by: .seconds(1))
    }
    task.cancel()
    await task.value
  }
}
