import TestKit
import Testing

@testable import Cache

@Suite struct CacheSimulationTests {
  /// Thousands of histories of two nodes over a bus that loses connections, answers and whole data sets.
  /// `SIGNALBOX_SEED` replays one.
  @Test func nothingInvalidatedIsServedByWhoHasSeenItAndNoConfirmedWriteIsLost() {
    let first = SeededRandom()
    var served = 0
    for offset in 0..<2_000 {
      var simulation = Simulation(seed: first.seed &+ UInt64(offset))
      simulation.run(steps: 400)
      served += simulation.served
      let seed = "SIGNALBOX_SEED=\(first.seed &+ UInt64(offset))"
      #expect(simulation.violations.isEmpty, "\(seed): \(simulation.violations.first ?? "")")
      if !simulation.violations.isEmpty { break }
    }
    #expect(served > 1_000, "the histories must read something")
  }
}
