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
  private var name = (suite: "", workload: "", unit: "")
  /// Of the workload's rounds that have ended; nil until the first begins.
  private var samples: Samples?

  init(clock: Time, interval: Duration, workloads: Int, _ report: @escaping @Sendable (BenchProgress) -> Void) {
    self.clock = clock
    began = clock.now
    self.interval = interval
    self.workloads = max(1, workloads)
    self.report = report
  }

  /// Told at once: preparing it may take long.
  mutating func begin(_ index: Int, _ workload: any Workload) {
    position = (index, 0, 1)
    name = (workload.suite, workload.name, workload.unit)
    samples = nil
    lastReport = clock.now
    report(progress())
  }

  /// `before`: what the rounds so far gave.
  mutating func beginRound(_ round: Int, of rounds: Int, before: [Samples]) {
    position.round = round
    position.rounds = max(1, rounds)
    var all = Samples()
    for round in before { all.add(round) }
    samples = all
    tick(0, Samples())
  }

  /// `fraction` of the present round, and what it gave so far.
  mutating func tick(_ fraction: Double, _ round: Samples) {
    let now = clock.now
    if let lastReport, lastReport.duration(to: now) < interval { return }
    lastReport = now
    report(progress(fraction, round))
  }

  /// The workload under way has ended with a figure, or with none.
  func finished(_ result: BenchReport.Result) {
    var progress = progress(1)
    progress.finished = result
    report(progress)
  }

  func failed(_ row: BenchReport.Failed) {
    var progress = progress(1)
    progress.failed = row
    report(progress)
  }

  func end() {
    var progress = progress(1)
    (progress.fraction, progress.etaSeconds, progress.measure) = (1, nil, nil)
    report(progress)
  }

  private func progress(_ inRound: Double = 0, _ round: Samples = Samples()) -> BenchProgress {
    let inWorkload = (Double(position.round) + inRound) / Double(position.rounds)
    // Only the end is the whole.
    let fraction = min(0.999, (Double(position.workload) + inWorkload) / Double(workloads))
    var progress = BenchProgress(
      suite: name.suite, workload: name.workload, fraction: fraction, number: position.workload + 1, count: workloads,
      etaSeconds: eta(fraction))
    progress.elapsedSeconds = elapsed
    if var all = samples {
      all.add(round)
      progress.measure = .init(
        round: position.round + 1, rounds: position.rounds, samples: all.count, unit: name.unit,
        p50: all.count > 0 ? all.percentile(50) : nil, p99: all.count > 0 ? all.percentile(99) : nil)
    }
    return progress
  }

  private var elapsed: Double { began.duration(to: clock.now).milliseconds / 1_000 }

  /// The rest at the pace of what is done; of the first hundredth that says nothing, and in the last nothing is left.
  private func eta(_ fraction: Double) -> Double? {
    guard (0.01..<0.99).contains(fraction) else { return nil }
    return elapsed / fraction * (1 - fraction)
  }
}
