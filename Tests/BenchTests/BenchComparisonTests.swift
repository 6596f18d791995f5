import Base
import Bench
import ControlPlane
import Testing

@Suite struct BenchComparisonTests {
  private func report(_ results: [BenchReport.Result]) -> BenchReport {
    BenchReport(
      id: "r", commit: "c", timeMilliseconds: 0,
      machine: .init(cores: 4, memoryBytes: 8 << 30, kernel: "Linux 6", load: 1),
      results: results)
  }

  private func result(
    _ value: Double, name: String = "n", lower: Bool = true, noise: Double? = nil
  ) -> BenchReport.Result {
    .init(suite: "s", name: name, value: value, unit: "ms", samples: 1, isLowerBetter: lower, noise: noise)
  }

  @Test(arguments: [
    (100.0, 104.0, true, 0.0, BenchComparison.Verdict.same), (100, 106, true, 0, .regressed),
    (100, 94, true, 0, .better), (100, 96, true, 0, .same), (100, 106, false, 0, .better),
    (100, 94, false, 0, .regressed), (100, 118, true, 0.2, .same), (100, 121, true, 0.2, .regressed),
    (0, 0, true, 0, .same), (0, 1, true, 0, .regressed), (1, 0, false, 0, .regressed),
  ])
  func onlyWhatMovedBeyondTheNoiseHasChanged(
    before: Double, after: Double, isLowerBetter: Bool, noise: Double, verdict: BenchComparison.Verdict
  ) {
    for (first, second) in [(noise, 0.0), (0.0, noise)] {
      let comparison = BenchComparison(
        before: report([result(before, lower: isLowerBetter, noise: first)]),
        after: report([result(after, lower: isLowerBetter, noise: second)]))
      #expect(comparison.rows.map(\.verdict) == [verdict])
      #expect(comparison.regressions == (verdict == .regressed ? 1 : 0))
    }
  }

  @Test func resultsOfOneRunOnlyAreNoRegression() {
    let comparison = BenchComparison(
      before: report([result(1, name: "old"), result(2, name: "both")]),
      after: report([result(1, name: "new"), result(1, name: "both")]))
    #expect(comparison.rows.map(\.name) == ["new", "both", "old"])
    #expect(comparison.rows.map(\.verdict) == [.missing, .better, .missing])
    #expect(comparison.rows[1].ratio == 0.5)
    #expect(comparison.regressions == 0)
  }

  @Test func theTableIsAlignedAndSaysEverythingInWords() {
    let table = BenchTable.text(
      report([
        .init(
          suite: "control", name: "status round trip", value: 1.25, unit: "ms", target: 10, p50: 0.5, p95: 1, p99: 1.25,
          samples: 1_000),
        .init(
          suite: "cache", name: "get", value: 1_500_000, unit: "1/s", target: 2_000_000, samples: 3,
          baseline: .init(name: "redis", value: 500_000, ratio: 3), isLowerBetter: false),
      ]))
    #expect(
      table == """
        run r  commit c  1970-01-01T00:00:00.000Z
        4 cores, 8.0 GiB, Linux 6, load 1.00

        suite    name                     value     p50   p95   p99  samples          target          baseline
        control  status round trip      1.25 ms  0.5000  1.00  1.25     1000     <= 10.00 ms  met
        cache    get                1500000 1/s       -     -     -        3  >= 2000000 1/s  missed  \
        redis 500000 1/s (ratio 3.00)

        targets: 1 met, 1 missed
        """)
  }

  @Test func theComparisonIsATableToo() {
    let text = BenchTable.text(BenchComparison(before: report([result(1)]), after: report([result(2)])))
    #expect(text.hasSuffix("\n\n1 regression"))
    #expect(text.contains("s      n     1.00 ms  2.00 ms   2.00     5 %  regressed"))
  }
}
