internal import Base
internal import Bench
internal import Load
internal import Synchronization

/// One figure of the `gateway` suite: a stage is set, samples are taken on it, each by a load from outside, and it is
/// struck. With a peer, each sample measures both, in turning order, and the bound may be a multiple of the peer.
struct GatewayFigure: Workload {
  typealias Sample = @Sendable (GatewayStage) async throws(Failure) -> Double

  /// What it is held against.
  enum Bound: Sendable {
    case none
    case most(Double)
    case least(Double)
    /// At least this many times the peer's figure.
    case timesPeer(Double)
  }

  let suite: String
  let name: String
  let unit: String
  var bound = Bound.none
  var figure = Figure.p50
  var samples = 3
  let bench: Workbench
  let plan: GatewayStage.Plan
  let sample: Sample
  /// The same of the peer.
  var peerSample: Sample?
  private let state = State()

  private final class State: Sendable {
    let stage = Mutex<GatewayStage?>(nil)
    let peers = Mutex<[Double]>([])
    let turns = Mutex(0)
  }

  init(
    _ name: String, _ unit: String, _ bound: Bound, _ bench: Workbench, plan: GatewayStage.Plan = .init(),
    suite: String = "gateway", sample: @escaping Sample
  ) {
    self.suite = suite
    self.name = name
    self.unit = unit
    self.bound = bound
    self.bench = bench
    self.plan = plan
    self.sample = sample
  }

  func against(_ sample: @escaping Sample) -> GatewayFigure {
    var copy = self
    copy.peerSample = plan.peer == nil ? nil : sample
    return copy
  }

  func taken(_ samples: Int, figure: Figure = .p50) -> GatewayFigure {
    var copy = self
    copy.samples = samples
    copy.figure = figure
    return copy
  }

  var target: Double? {
    switch bound {
    case .none: nil
    case .most(let target), .least(let target): target
    case .timesPeer(let factor): peer().map { $0.value * factor }
    }
  }

  var isLowerBetter: Bool {
    switch bound {
    case .most: true
    case .none, .least, .timesPeer: false
    }
  }

  func fitted(_ plan: BenchPlan) -> BenchPlan { bench.longPlan(samples: samples) }

  func prepare() async throws(Failure) {
    let opened = try await GatewayStage.open(bench, plan)
    state.stage.withLock { $0 = opened }
  }

  func measure() async throws(Failure) -> Double? {
    guard let stage = state.stage.withLock({ $0 }) else {
      throw Failure(.internal, "the bench of the gateway is not set")
    }
    guard let peerSample else { return try await sample(stage) }
    let isPeerFirst = state.turns.withLock { turns in
      turns += 1
      return turns.isMultiple(of: 2)
    }
    var theirs = isPeerFirst ? try await peerSample(stage) : 0
    let ours = try await sample(stage)
    if !isPeerFirst { theirs = try await peerSample(stage) }
    state.peers.withLock { [theirs] in $0.append(theirs) }
    return ours
  }

  func peer() -> PeerFigure? {
    let values = state.peers.withLock { $0 }.sorted()
    guard let peer = plan.peer, !values.isEmpty else { return nil }
    return PeerFigure(name: peer.name, value: values[values.count / 2])
  }

  func cleanup() async {
    let stage = state.stage.withLock { stage in
      defer { stage = nil }
      return stage
    }
    stage?.close()
  }
}
