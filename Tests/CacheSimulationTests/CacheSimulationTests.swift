import TestKit
import Testing

@testable import Cache

@Suite struct CacheSimulationTests {
  /// Histories of two nodes over a bus that loses connections, answers and whole data sets.
  /// 2,000 are the same in every run; 1,000 begin at a seed of the run's own, or at `SIGNALBOX_SEED`, of which
  /// `SIGNALBOX_HISTORIES` says the number. A failure prints the seed that replays it, and its story.
  @Test func nothingInvalidatedIsServedByWhoHasSeenItAndNoConfirmedWriteIsLost() async {
    await aside { Self.explore() }
  }

  private static func explore() {
    let asked = Environment.all()["SIGNALBOX_HISTORIES"].flatMap { UInt64($0) } ?? 1_000
    let fresh = SeededRandom().seed
    var served = 0
    for seed in (0..<2_000).map({ 1 &+ $0 }) + (0..<asked).map({ fresh &+ $0 }) {
      var simulation = Simulation(seed: seed)
      simulation.run(steps: steps)
      served += simulation.served
      guard let violation = simulation.violations.first else { continue }
      Issue.record("SIGNALBOX_SEED=\(seed) SIGNALBOX_HISTORIES=1: \(violation)\n\(story(seed))")
      return
    }
    #expect(served > 1_000, "the histories must read something")
  }

  private static let steps = 400

  private static func story(_ seed: UInt64) -> String {
    let story = Simulation.Story()
    var simulation = Simulation(seed: seed, story: story)
    simulation.run(steps: steps)
    return story.lines.suffix(100).joined(separator: "\n")
  }
}
