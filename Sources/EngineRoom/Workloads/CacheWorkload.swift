internal import Base
internal import Bench

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
