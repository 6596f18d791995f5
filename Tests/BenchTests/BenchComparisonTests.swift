import Base
import Bench
import ControlPlane
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct BenchComparisonTests {
  private func report(_ results: [BenchReport.Result]) -> BenchReport {
    BenchReport(
      id: "r", commit: "c", timeMilliseconds: 0,
      machine: .init(cores: 4, memoryBytes: 8 << 30, kernel: "Linux 6", load: 1),
      results: results)
  }

  private func result(
    _ value: Double, name: String = "n", lower: Bool = true, noise: Double? = nil, figures: [Double]? = nil
  ) -> BenchReport.Result {
    .init(
      suite: "s", name: name, value: value, unit: "ms", samples: 1, isLowerBetter: lower, noise: noise, figures: figures
    )
  }

  private func compare(_ before: [Double], _ after: [Double], lower: Bool = true) -> BenchComparison {
    BenchComparison(
      before: [report([result(before[0], lower: lower, figures: before)])],
      after: [report([result(after[0], lower: lower, figures: after)])])
  }

  @Test(arguments: [
    ([100.0, 101, 99], [104.0, 103, 105], true, BenchComparison.Verdict.same),
    ([100, 101, 99], [108, 109, 107], true, .regressed), ([100, 101, 99], [92, 91, 93], true, .better),
    ([100, 101, 99], [108, 109, 107], false, .better), ([100, 101, 99], [92, 91, 93], false, .regressed),
    // Each side lies 20 % apart: a tenth is nothing, half is something.
    ([100, 110, 90], [110, 120, 100], true, .same), ([100, 110, 90], [150, 160, 140], true, .regressed),
    // One outlier of six makes no noise and no regression.
    ([100, 101, 99, 100, 102, 100], [100, 99, 101, 300, 100, 101], true, .same),
    ([100, 101, 99, 100, 300, 100], [110, 109, 111, 110, 111, 110], true, .regressed),
    ([0, 0, 0], [0, 0, 0], true, .same), ([0, 0, 0], [1, 1, 1], true, .regressed),
  ])
  func aChangeIsOneThatTheRunsStandApartBy(
    before: [Double], after: [Double], isLowerBetter: Bool, verdict: BenchComparison.Verdict
  ) {
    let comparison = compare(before, after, lower: isLowerBetter)
    #expect(comparison.rows.map(\.verdict) == [verdict], "\(comparison)")
    #expect(comparison.regressions == (verdict == .regressed ? 1 : 0))
  }

  @Test func aSingleRunProvesNothing() {
    for (before, after) in [([100.0], [200.0]), ([100, 101, 99], [200.0]), ([100.0, 100], [200, 201, 199])] {
      let comparison = compare(before, after)
      #expect(comparison.rows.map(\.verdict) == [.unproven] && comparison.regressions == 0)
      #expect(comparison.rows[0].runsBefore == before.count && comparison.rows[0].runsAfter == after.count)
    }
    #expect(compare([100.0], [104]).rows.map(\.verdict) == [.same])
    let noisy = BenchComparison(before: [report([result(100, noise: 0.2)])], after: [report([result(118)])])
    #expect(noisy.rows.map(\.verdict) == [.same], "within what the rounds of the one run showed")
  }

  /// Of a thousand comparisons with 10 % of noise: those of the same thing that are called a regression, at most, and
  /// those of one that became half as slow again, and twice as slow, that are, at least.
  @Test(arguments: [(3, 20, 750, 980), (5, 10, 950, 1_000), (10, 5, 999, 1_000)])
  func noiseIsNoRegressionAndARegressionIsSeen(runs: Int, alarmsMost: Int, halfLeast: Int, twiceLeast: Int) async {
    await aside { [self] in
      var random = SeededRandom(seed: 7)
      // The sum of twelve is nearly normal, with a deviation of 1.
      func figures(_ mean: Double) -> [Double] {
        (0..<runs).map { _ in
          mean * (1 + 0.1 * ((0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }))
        }
      }
      func regressions(_ factor: Double) -> Int {
        (0..<4_000).reduce(0) { sum, _ in sum + compare(figures(100), figures(100 * factor)).regressions } / 4
      }
      let seen = (regressions(1), regressions(1.5), regressions(2))
      #expect(seen.0 <= alarmsMost && seen.1 >= halfLeast && seen.2 >= twiceLeast, "\(seen) of a thousand")
    }
  }

  /// Five runs each, and five more of what looks worse.
  @Test func whatLooksWorseTwiceIsHardlyEverAFalseAlarm() async {
    await aside { [self] in
      var random = SeededRandom(seed: 11)
      func figures(_ mean: Double) -> [Double] {
        (0..<5).map { _ in
          mean * (1 + 0.1 * ((0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }))
        }
      }
      func isWorse(_ factor: Double) -> Bool {
        let (before, after) = (figures(100), figures(100 * factor))
        guard compare(before, after).regressions == 1 else { return false }
        return compare(before, after + figures(100 * factor)).regressions == 1
      }
      let (alarms, seen) = ((0..<10_000).count { _ in isWorse(1) }, (0..<1_000).count { _ in isWorse(1.5) })
      #expect(alarms <= 20 && seen >= 950, "\(alarms) of 10,000, \(seen) of 1,000")
    }
  }

  /// One run in ten meets something that takes half as long again.
  @Test func strangeRunsMakeNoRegressions() async {
    await aside { [self] in
      var random = SeededRandom(seed: 9)
      func figures() -> [Double] {
        (0..<5).map { _ in
          let isStrange = Int.random(in: 0..<10, using: &random) == 0
          return (isStrange ? 1.5 : 1) * Double.random(in: 95...105, using: &random)
        }
      }
      let alarms = (0..<4_000).reduce(0) { sum, _ in sum + compare(figures(), figures()).regressions }
      #expect(alarms <= 20, "\(alarms) of 4,000")
    }
  }

  @Test func runsOfOneCommitStandTogetherAndOthersDoNot() {
    func run(_ id: String, _ commit: String, cores: Int = 4, quick: Bool? = nil, figures: [Double]? = nil)
      -> BenchReport
    {
      var report = BenchReport(
        id: id, commit: commit, timeMilliseconds: 0,
        machine: .init(cores: cores, memoryBytes: 1, kernel: "k", load: 0), results: [result(1, figures: figures)])
      report.isQuick = quick
      return report
    }
    let all = [
      run("1", "a"), run("2", "a"), run("3", "b"), run("4", "a", cores: 8), run("5", "a", quick: true),
      run("6", "a-dirty"), run("7", "a-dirty"), run("8", "c", figures: [1, 1, 1]), run("9", "c"),
    ]
    #expect(BenchComparison.runs(like: all[0], in: all).map(\.id) == ["1", "2"])
    #expect(BenchComparison.runs(like: all[5], in: all).map(\.id) == ["6"], "two dirty ones need not be the same")
    #expect(BenchComparison.runs(like: all[7], in: all).map(\.id) == ["8"], "its own runs are enough")
  }

  @Test func resultsOfOneSideOnlyAreNoRegression() {
    let comparison = BenchComparison(
      before: [report([result(1, name: "old"), result(2, name: "both", figures: [2, 2, 2])])],
      after: [report([result(1, name: "new"), result(1, name: "both", figures: [1, 1, 1])])])
    #expect(comparison.rows.map(\.name) == ["new", "both", "old"])
    #expect(comparison.rows.map(\.verdict) == [.missing, .better, .missing])
    #expect(comparison.rows[1].ratio == 0.5)
    #expect(comparison.regressions == 0)
  }
}
