internal import Base
internal import Bench
internal import Synchronization

/// One figure of the `index` suite.
struct IndexFigure: Workload {
  typealias Sample = @Sendable (IndexStage) async throws(Failure) -> Double?
  typealias PeerSample = @Sendable (IndexStage) async throws(Failure) -> Double

  let suite: String
  let name: String
  let unit: String
  var target: Double?
  var isLowerBetter = true
  var figure = Figure.p50
  /// Samples of a figure that takes a second or so each; nil: the run's plan.
  var samples: Int?
  let bench: Workbench
  let stage: IndexStage
  let sample: Sample
  private var hasRuns = false
  private var peerName: String?
  private var peerSample: PeerSample?
  private let peers = Peers()

  private final class Peers: Sendable {
    let values = Mutex<[Double]>([])
  }

  init(
    _ name: String, _ unit: String, _ bench: Workbench, _ stage: IndexStage, suite: String = "index",
    sample: @escaping Sample
  ) {
    self.suite = suite
    self.name = name
    self.unit = unit
    self.bench = bench
    self.stage = stage
    self.sample = sample
  }

  /// The bound that must be kept; `atLeast`: from below.
  func within(_ target: Double, atLeast: Bool = false, figure: Figure = .p50) -> IndexFigure {
    var copy = self
    copy.target = target
    copy.isLowerBetter = !atLeast
    copy.figure = figure
    return copy
  }

  func higherIsBetter() -> IndexFigure {
    var copy = self
    copy.isLowerBetter = false
    return copy
  }

  /// The project is indexed anew in the background all the while.
  func duringRuns() -> IndexFigure {
    var copy = self
    copy.hasRuns = true
    return copy
  }

  func few(_ samples: Int) -> IndexFigure {
    var copy = self
    copy.samples = samples
    return copy
  }

  /// What another program takes for the same, measured after each of the first samples.
  func beside(_ name: String?, _ sample: @escaping PeerSample) -> IndexFigure {
    var copy = self
    copy.peerName = name
    copy.peerSample = name == nil ? nil : sample
    return copy
  }

  func fitted(_ plan: BenchPlan) -> BenchPlan { samples.map { bench.longPlan(samples: $0) } ?? plan }

  func prepare() async throws(Failure) {
    // What has an index of its own needs none that is full.
    if suite == "index" { _ = try await stage.fullEngine() }
    if hasRuns { try await stage.beginRuns() }
  }

  func measure() async throws(Failure) -> Double? {
    let ours = try await sample(stage)
    if let peerSample, peers.values.withLock({ $0.count }) < IndexStage.questions.count {
      let theirs = try await peerSample(stage)
      peers.values.withLock { $0.append(theirs) }
    }
    return ours
  }

  func cleanup() async { if hasRuns { await stage.endRuns() } }

  func peer() -> PeerFigure? {
    let values = peers.values.withLock { $0 }.sorted()
    guard let peerName, !values.isEmpty else { return nil }
    return PeerFigure(name: peerName, value: values[values.count / 2])
  }
}
