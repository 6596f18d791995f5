internal import Base
internal import Bench

/// The `pipeline` suite: from a branch that moves on disk to a client that hears `vectors-updated`, on a node, a
/// repository and a socket of its own.
enum PipelineWorkloads {
  static func all(_ bench: Workbench) -> [any Workload] {
    guard leftOut == nil else { return [] }
    let stage = PipelineStage(bench)
    let trips: [any Workload] = [
      PipelineFigure("commit to broadcast: 1 changed file", 30, 40, bench, stage) { (stage) async throws(Failure) in
        try await stage.trip(1).milliseconds
      },
      PipelineFigure("commit to broadcast: 100 changed files", 150, 20, bench, stage) {
        (stage) async throws(Failure) in
        try await stage.trip(100).milliseconds
      },
      PipelineFigure("commit to broadcast: 1,000 changed files", 1_000, 10, bench, stage) {
        (stage) async throws(Failure) in
        try await stage.trip(1_000).milliseconds
      },
    ]
    let stages = [
      ("git", "detect", 100.0), ("invalidation", "invalidate", 50), ("embedding", "reindex", 5_000),
      ("cache", "cache", 500), ("broadcast", "broadcast", 10),
    ]
    let parts = stages.map { row, name, target in
      PipelineFigure("1,000 changed files: \(row)", target, 10, bench, stage) { (stage) async throws(Failure) in
        try await stage.milliseconds(of: name)
      }
    }
    let agents = PipelineFigure("three agents coordinate through the cache", 100, 50, bench, stage) {
      (stage) async throws(Failure) in
      try await stage.coordination()
    }
    let whole = PipelineFigure("1,000 changed files: whole, old target", 10_000, 10, bench, stage) {
      (stage) async throws(Failure) in
      try await stage.wholeMilliseconds()
    }
    return trips + parts + [whole, agents]
  }

  /// Why the suite is missing; nil when it is not.
  static var leftOut: String? {
    CacheWorkloads.program("git") == nil ? "there is no git: the suite pipeline is left out" : nil
  }
}

/// One figure of it: the 95th percentile, in milliseconds.
struct PipelineFigure: Workload {
  typealias Sample = @Sendable (PipelineStage) async throws(Failure) -> Double

  let name: String
  let target: Double?
  let samples: Int
  let bench: Workbench
  let stage: PipelineStage
  let sample: Sample

  init(
    _ name: String, _ target: Double, _ samples: Int, _ bench: Workbench, _ stage: PipelineStage,
    sample: @escaping Sample
  ) {
    self.name = name
    self.target = target
    self.samples = samples
    self.bench = bench
    self.stage = stage
    self.sample = sample
  }

  var suite: String { "pipeline" }
  var unit: String { "ms" }
  var figure: Figure { .p95 }
  func fitted(_ plan: BenchPlan) -> BenchPlan { bench.longPlan(samples: samples) }
  func measure() async throws(Failure) -> Double? { try await sample(stage) }
}
