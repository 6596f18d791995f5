import Testing

@testable import EngineRoom

@Suite struct BreakerTests {
  private static let patience = Duration.seconds(3)

  /// The macro cannot see into what changes.
  private func asks(_ breaker: inout Breaker, _ now: ContinuousClock.Instant) -> Bool {
    breaker.mayAsk(at: now, patience: Self.patience)
  }

  @Test func aFailureSparesTheServerAndTheWaitingForAWhile() {
    var breaker = Breaker()
    let start = ContinuousClock.now
    #expect(asks(&breaker, start))
    #expect(asks(&breaker, start))
    breaker.failed(at: start, random: 0)
    #expect(!asks(&breaker, start + .milliseconds(999)))
    #expect(asks(&breaker, start + .seconds(1)))
  }

  @Test func oneAsksOnTrialAndTheOthersGoOnWithout() {
    var breaker = Breaker()
    let start = ContinuousClock.now
    breaker.failed(at: start, random: 0)
    let trial = start + .seconds(2)
    #expect(asks(&breaker, trial))
    #expect(!asks(&breaker, trial))
    // The one on trial never came back.
    #expect(asks(&breaker, trial + Self.patience))
    breaker.succeeded()
    #expect(breaker == Breaker())
  }

  @Test func thePauseDoublesUpToItsBoundAndIsNotTheSameForAll() {
    let start = ContinuousClock.now
    for random in [0, 0.5, 0.999] {
      var breaker = Breaker()
      for _ in 0..<40 { breaker.failed(at: start, random: random) }
      #expect(!asks(&breaker, start + Breaker.pauseMax * (1 - random / 2) - .seconds(1)))
      #expect(asks(&breaker, start + Breaker.pauseMax))
    }
  }
}
