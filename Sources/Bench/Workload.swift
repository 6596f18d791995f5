public import Base

/// Something that is measured. A workload owns what it needs between `prepare` and `cleanup`, and one `measure` is one
/// sample of its figure.
public protocol Workload: Sendable {
  /// The group it is asked for by: `control`, `gateway`, `index`…
  var suite: String { get }
  var name: String { get }
  /// Of the value: `ms`, `1/s`, `MB`…
  var unit: String { get }
  /// The bound that CONTRACT or the room's DESIGN promises; nil when there is none.
  var target: Double? { get }
  var isLowerBetter: Bool { get }
  var arrival: Arrival { get }
  /// Which figure of the samples is the result.
  var figure: Figure { get }

  /// What of the run's plan fits this workload: one whose sample takes seconds wants few of them.
  func fitted(_ plan: BenchPlan) -> BenchPlan
  func prepare() async throws(Failure)
  /// Does the work once. `nil`: the runner's own measurement of the time is the sample, in milliseconds. A value: the
  /// sample, in `unit`; not negative. With open arrival the runner's measurement always counts.
  func measure() async throws(Failure) -> Double?
  /// A peer that was measured in turn with ours, once all samples are taken; nil when there is none.
  func peer() -> PeerFigure?
  /// Runs also after a failure and a cancellation, in a task that is not cancelled. It must not fail.
  func cleanup() async
}

extension Workload {
  public var isLowerBetter: Bool { true }
  public var target: Double? { nil }
  public var arrival: Arrival { .closed }
  public var figure: Figure { .p50 }
  public func fitted(_ plan: BenchPlan) -> BenchPlan { plan }
  public func prepare() async throws(Failure) {}
  public func peer() -> PeerFigure? { nil }
  public func cleanup() async {}
}

/// What another program reached at the same work, in the workload's unit.
public struct PeerFigure: Sendable, Equatable {
  public var name: String
  public var value: Double

  public init(name: String, value: Double) {
    self.name = name
    self.value = value
  }
}

/// When the next measurement begins.
public enum Arrival: Sendable, Equatable {
  /// As soon as the one before has ended: for throughput, and for figures that are no latency.
  case closed
  /// At fixed times, whether or not the one before has ended in time; the sample is counted from the time it was due,
  /// so that a stall of the system under test shows in every request it delayed and not in one (Gil Tene, "coordinated
  /// omission"). At most `inFlightMax` run at once; a due one beyond waits, and its wait counts.
  case open(perSecond: Double, inFlightMax: Int = 64)
}

/// The one number of a result.
public enum Figure: Sendable, Equatable {
  case mean, p50, p95, p99, largest
}
