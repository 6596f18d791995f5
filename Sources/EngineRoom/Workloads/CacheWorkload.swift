internal import Base
internal import Bench
internal import ControlPlane

/// One figure of the cache bench.
struct CacheWorkload: Workload {
  var suite: String { "cache" }
  let name: String
  let unit: String
  var target: Double?
  var isLowerBetter = true
  var figure = Figure.p50
  /// The workload of the same run it is compared with, and how many times that it may (or, where larger is better,
  /// must) be.
  var baseline: (name: String, bound: Double)?
  let body: @Sendable () async throws(Failure) -> Double

  func measure() async throws(Failure) -> Double? { try await body() }
}

extension CacheWorkload {
  /// With each figure's peer of the same run beside it; the bound on their ratio becomes the target.
  static func compared(_ report: BenchReport, _ workloads: [CacheWorkload]) -> BenchReport {
    var report = report
    for workload in workloads {
      guard let peer = workload.baseline,
        let index = report.results.firstIndex(where: { $0.suite == workload.suite && $0.name == workload.name }),
        let base = report.results.first(where: { $0.suite == workload.suite && $0.name == peer.name }), base.value > 0
      else { continue }
      let value = report.results[index].value
      let bound = base.value * peer.bound
      report.results[index].baseline = .init(name: peer.name, value: base.value, ratio: value / base.value)
      report.results[index].target = bound
      report.results[index].met = workload.isLowerBetter ? value <= bound : value >= bound
    }
    return report
  }
}
