public import Base
public import ControlPlane

/// Runs workloads one after the other and makes the report. `Time` is passed in, so that a test decides how long a
/// measurement took.
public struct BenchRunner<Time: Clock>: Sendable where Time.Duration == Duration {
  /// Called at most ten times a second, from the task that runs the bench.
  public typealias Progress = @Sendable (BenchProgress) -> Void

  static var progressInterval: Duration { .milliseconds(100) }

  private(set) var plan: BenchPlan
  let clock: Time
  private let wallClock: any WallClock

  public init(plan: BenchPlan = BenchPlan(), clock: Time, wallClock: any WallClock = SystemWallClock()) {
    self.plan = plan
    self.clock = clock
    self.wallClock = wallClock
  }

  /// `commit` names what is measured. With several `runs` all workloads are measured in turn, then all again, so that
  /// what comes and goes on the machine meets the runs and not one figure; a figure is the median of its runs. A
  /// workload that fails is one of the report's failures, and the next ones are measured all the same. Throws
  /// `unavailable` when the task was cancelled. Whatever was prepared is cleaned up.
  public func run(
    _ workloads: [any Workload], commit: String, runs: Int = 1, progress: @escaping Progress = { _ in }
  ) async throws(Failure) -> BenchReport {
    let began = wallClock.nowMilliseconds()
    let machine = Machine.current()
    let runs = max(1, runs)
    var meter = ProgressMeter(
      clock: clock, interval: Self.progressInterval, workloads: workloads.count * runs, progress)
    var records = [WorkloadRecord](repeating: .init(), count: workloads.count)
    for run in 0..<runs {
      // One that failed has no figure, however often it is tried.
      for (index, workload) in workloads.enumerated() where records[index].failure == nil {
        meter.begin(run * workloads.count + index, workload)
        do throws(Failure) {
          records[index].runs.append(try await measure(workload, &meter))
          meter.finished(result(workload, records[index].runs))
        } catch {
          try Self.checkCancellation()
          records[index].failure = error
          meter.failed(.init(suite: workload.suite, name: workload.name, reason: error.message))
        }
      }
    }
    meter.end()
    var results: [BenchReport.Result] = []
    var failures: [BenchReport.Failed] = []
    for (workload, record) in zip(workloads, records) {
      if let failure = record.failure {
        failures.append(.init(suite: workload.suite, name: workload.name, reason: failure.message))
      } else {
        results.append(result(workload, record.runs))
      }
    }
    // Two runs may begin in one millisecond.
    let id = "\(began)-\(NodeID.random().rawValue.prefix(4))"
    return BenchReport(
      id: id, commit: commit, timeMilliseconds: began, machine: machine, results: results, failures: failures)
  }

  private func measure(
    _ workload: any Workload, _ meter: inout ProgressMeter<Time>
  ) async throws(Failure) -> [Samples] {
    let outcome: Result<[Samples], Failure>
    do throws(Failure) {
      try await workload.prepare()
      var fitted = self
      fitted.plan = workload.fitted(plan)
      outcome = .success(try await fitted.rounds(of: workload, &meter))
    } catch {
      outcome = .failure(error)
    }
    // A cancelled task could not wait for anything while it cleans up; this one is awaited here.
    await Task { await workload.cleanup() }.value
    return try outcome.get()
  }

  private func rounds(
    of workload: any Workload, _ meter: inout ProgressMeter<Time>
  ) async throws(Failure) -> [Samples] {
    for _ in 0..<max(0, plan.warmUpSamples) {
      try Self.checkCancellation()
      _ = try await workload.measure()
    }
    var rounds: [Samples] = []
    for round in 0..<plan.roundsMax {
      meter.beginRound(round, of: plan.roundsMax, before: rounds)
      switch workload.arrival {
      case .closed: rounds.append(try await closedRound(workload, &meter))
      case .open(let rate, let inFlightMax):
        rounds.append(try await openRound(workload, rate, inFlightMax, &meter))
      }
    }
    return rounds
  }

  private func closedRound(
    _ workload: any Workload, _ meter: inout ProgressMeter<Time>
  ) async throws(Failure) -> Samples {
    var samples = Samples()
    let began = clock.now
    repeat {
      try Self.checkCancellation()
      let start = clock.now
      let value = try await workload.measure()
      samples.record(value ?? start.duration(to: clock.now).milliseconds)
      meter.tick(fraction(began, samples.count), samples)
    } while samples.count < plan.roundSamplesMax && began.duration(to: clock.now) < plan.roundDuration
    return samples
  }

  func fraction(_ began: Time.Instant, _ samples: Int) -> Double {
    let byTime = began.duration(to: clock.now) / max(plan.roundDuration, .nanoseconds(1))
    return min(1, max(byTime, Double(samples) / Double(plan.roundSamplesMax)))
  }

  static func checkCancellation() throws(Failure) {
    if Task.isCancelled { throw Failure(.unavailable, "the bench was cancelled") }
  }

  /// Of one run the figure over all its rounds, with their spread as its noise; of several the median, with theirs.
  private func result(_ workload: any Workload, _ runs: [[Samples]]) -> BenchReport.Result {
    var all = Samples()
    var figures: [Double] = []
    for rounds in runs {
      var run = Samples()
      for round in rounds { run.add(round) }
      figures.append(run.value(workload.figure))
      all.add(run)
    }
    let value = BenchComparison.median(figures)
    let spread = runs.count > 1 ? figures : (runs.first ?? []).map { $0.value(workload.figure) }
    let baseline = workload.peer().map {
      BenchReport.Baseline(name: $0.name, value: $0.value, ratio: $0.value > 0 ? value / $0.value : 0)
    }
    return BenchReport.Result(
      suite: workload.suite, name: workload.name, value: value, unit: workload.unit,
      target: plan.isJudged ? workload.target : nil, p50: all.percentile(50), p95: all.percentile(95),
      p99: all.percentile(99),
      samples: all.count, baseline: baseline, isLowerBetter: workload.isLowerBetter,
      noise: Self.noise(spread), figures: runs.count > 1 ? figures : nil)
  }

  /// Half of the distance between the best and the worst round, relative to their middle; nil for a single round.
  static func noise(_ figures: [Double]) -> Double? {
    guard figures.count > 1, let least = figures.min(), let most = figures.max(), least + most > 0 else { return nil }
    return (most - least) / (most + least)
  }
}

/// What one workload gave so far: the rounds of each run, or why it has no figure.
private struct WorkloadRecord {
  var runs: [[Samples]] = []
  var failure: Failure?
}
