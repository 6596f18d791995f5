internal import Base

extension BenchRunner {
  /// Requests at fixed times. Every one that is due within the round's duration is made, late or not.
  func openRound(
    _ workload: any Workload, _ perSecond: Double, _ inFlightMax: Int, _ meter: inout ProgressMeter<Time>
  ) async throws(Failure) -> Samples {
    let interval = Duration.seconds(1 / max(perSecond, 0.001))
    let began = clock.now
    let byTime = max(1, Int(min(plan.roundDuration / interval, Double(BenchPlan.samplesLimit))))
    var round = OpenRound()
    await withTaskGroup(of: Result<Double, Failure>.self) { group in
      for index in 0..<min(byTime, plan.roundSamplesMax) {
        let due = began.advanced(by: interval * index)
        if round.running >= max(1, inFlightMax), let result = await group.next() { round.take(result) }
        // A cancelled sleep ends the round; the check after it says so.
        guard round.failure == nil, (try? await clock.sleep(until: due, tolerance: nil)) != nil else { break }
        round.running += 1
        group.addTask { [clock] in await Self.sample(workload, due, clock) }
        meter.tick(fraction(began, index), round.samples)
      }
      if round.failure != nil { group.cancelAll() }
      for await result in group { round.take(result) }
    }
    try Self.checkCancellation()
    if let failure = round.failure { throw failure }
    return round.samples
  }

  private static func sample(
    _ workload: any Workload, _ due: Time.Instant, _ clock: Time
  ) async -> Result<Double, Failure> {
    do throws(Failure) {
      _ = try await workload.measure()
      return .success(due.duration(to: clock.now).milliseconds)
    } catch {
      return .failure(error)
    }
  }
}

/// What an open round has so far. The first failure counts.
struct OpenRound {
  var samples = Samples()
  var running = 0
  var failure: Failure?

  mutating func take(_ result: Result<Double, Failure>) {
    running -= 1
    switch result {
    case .success(let sample): samples.record(sample)
    case .failure(let error): failure = failure ?? error
    }
  }
}
