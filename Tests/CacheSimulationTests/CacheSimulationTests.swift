import TestKit
import Testing

@testable import Cache

@Suite struct CacheSimulationTests {
  /// Thousands of histories of two nodes over a bus that loses connections, answers and whole data sets.
  /// The same ones in every run, so that a red run is the change's doing; `SIGNALBOX_SEED` begins elsewhere, to explore
  /// or to replay. Known: seed 2388499524648307839 loses a confirmed write after a data set was lost (see DESIGN.md).
  @Test func nothingInvalidatedIsServedByWhoHasSeenItAndNoConfirmedWriteIsLost() {
    let first = Environment.all()["SIGNALBOX_SEED"] == nil ? SeededRandom(seed: 1) : SeededRandom()
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
