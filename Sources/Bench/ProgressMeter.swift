internal import Base
internal import ControlPlane

/// Turns the many small steps of a run into at most one report in each interval, and one at the end.
struct ProgressMeter<Time: Clock> where Time.Duration == Duration {
  private let clock: Time
  private let interval: Duration
  private let workloads: Int
  private let report: @Sendable (BenchProgress) -> Void
  private let began: Time.Instant
  private var lastReport: Time.Instant?
  private var position = (workload: 0, round: 0, rounds: 1)
  private var name = (suite: "", workload: "")

  init(clock: Time, interval: Duration, workloads: Int, _ report: @escaping @Sendable (BenchProgress) -> Void) {
    self.clock = clock
    began = clock.now
    self.interval = interval
    self.workloads = max(1, workloads)
    self.report = report
  }

  mutating func begin(_ index: Int, _ workload: any Workload) {
    position = (index, 0, 1)
    name = (workload.suite, workload.name)
    tick(0)
  }

  mutating func beginRound(_ round: Int, of rounds: Int) {
    position.round = round
    position.rounds = max(1, rounds)
  }

  /// `fraction` of the present round.
  mutating func tick(_ fraction: Double) {
    let now = clock.now
    if let lastReport, lastReport.duration(to: now) < interval { return }
    lastReport = now
    let inWorkload = (Double(position.round) + fraction) / Double(position.rounds)
    send(min(1, (Double(position.workload) + inWorkload) / Double(workloads)))
  }

  func end() { send(1) }

  /// The rest at the pace of what is done; of the first hundredth that says nothing.
  private func eta(_ fraction: Double) -> Double? {
    guard fraction >= 0.01, fraction < 1 else { return nil }
    return began.duration(to: clock.now).milliseconds / 1_000 / fraction * (1 - fraction)
  }

  private func send(_ fraction: Double) {
    report(
      BenchProgress(
        suite: name.suite, workload: name.workload, fraction: fraction, number: position.workload + 1,
        count: workloads, etaSeconds: eta(fraction)))
  }
}
