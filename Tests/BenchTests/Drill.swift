import Base
import Bench
import Synchronization

/// A workload of which the test decides everything.
final class Drill: Workload {
  let suite = "drill"
  let name: String
  let unit = "ms"
  let target: Double?
  let isLowerBetter: Bool
  let arrival: Arrival
  let figure: Figure
  let peerFigure: PeerFigure?
  /// In place of the run's plan.
  let ownPlan: BenchPlan?
  private let counts = Mutex((prepared: 0, measured: 0, cleaned: 0))
  private let body: @Sendable (Int) async throws(Failure) -> Double?

  init(
    name: String = "drill", target: Double? = nil, isLowerBetter: Bool = true, arrival: Arrival = .closed,
    figure: Figure = .p50, peer: PeerFigure? = nil, ownPlan: BenchPlan? = nil,
    _ body: @escaping @Sendable (Int) async throws(Failure) -> Double?
  ) {
    self.name = name
    self.target = target
    self.isLowerBetter = isLowerBetter
    self.arrival = arrival
    self.figure = figure
    peerFigure = peer
    self.ownPlan = ownPlan
    self.body = body
  }

  var prepared: Int { counts.withLock { $0.prepared } }
  var measured: Int { counts.withLock { $0.measured } }
  var cleaned: Int { counts.withLock { $0.cleaned } }

  func fitted(_ plan: BenchPlan) -> BenchPlan { ownPlan ?? plan }
  func peer() -> PeerFigure? { peerFigure }
  func prepare() async throws(Failure) { counts.withLock { $0.prepared += 1 } }
  func cleanup() async { counts.withLock { $0.cleaned += Task.isCancelled ? 100 : 1 } }

  func measure() async throws(Failure) -> Double? {
    let index = counts.withLock { counts in
      defer { counts.measured += 1 }
      return counts.measured
    }
    return try await body(index)
  }
}
