internal import Base
internal import Bench
internal import Synchronization

/// One figure of the `cache` suite: a stage is set, samples are taken on it, and it is struck.
struct CacheFigure: Workload {
  typealias Sample = @Sendable (CacheStage) async throws(Failure) -> Double?

  let name: String
  let unit: String
  var target: Double?
  var isLowerBetter = true
  var arrival = Arrival.closed
  var figure = Figure.p50
  /// Samples of a figure that takes a second or so each; nil: the run's plan.
  var samples: Int?
  let bench: Workbench
  let open: @Sendable (Workbench) async throws(Failure) -> CacheStage
  let sample: Sample
  private let stage = Slot()

  init(
    _ name: String, _ unit: String, _ bench: Workbench,
    open: @escaping @Sendable (Workbench) async throws(Failure) -> CacheStage, sample: @escaping Sample
  ) {
    self.name = name
    self.unit = unit
    self.bench = bench
    self.open = open
    self.sample = sample
  }

  private final class Slot: Sendable {
    let stage = Mutex<CacheStage?>(nil)
  }

  var suite: String { "cache" }

  /// The bound that must be kept; `atLeast`: from below.
  func within(_ target: Double, atLeast: Bool = false, figure: Figure = .p50) -> CacheFigure {
    var copy = self
    copy.target = target
    copy.isLowerBetter = !atLeast
    copy.figure = figure
    return copy
  }

  func few(_ samples: Int) -> CacheFigure {
    var copy = self
    copy.samples = samples
    return copy
  }

  func fitted(_ plan: BenchPlan) -> BenchPlan { samples.map { bench.longPlan(samples: $0) } ?? plan }

  func prepare() async throws(Failure) {
    let opened = try await open(bench)
    stage.stage.withLock { $0 = opened }
  }

  func measure() async throws(Failure) -> Double? {
    guard let stage = stage.stage.withLock({ $0 }) else {
      throw Failure(.internal, "the bench of the cache is not set")
    }
    return try await sample(stage)
  }

  func cleanup() async {
    let stage = stage.stage.withLock { stage in
      defer { stage = nil }
      return stage
    }
    await stage?.close()
  }
}
