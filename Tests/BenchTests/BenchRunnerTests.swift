import Base
import ControlPlane
import Synchronization
import Testing

@testable import Bench

@Suite struct BenchRunnerTests {
  private func plan(_ samples: Int, rounds: Int = 1, warmUp: Int = 0, seconds: Double = 1_000) -> BenchPlan {
    BenchPlan(warmUpSamples: warmUp, rounds: rounds, roundDuration: .seconds(seconds), roundSamples: samples)
  }

  private func run(_ drill: Drill, _ plan: BenchPlan, _ clock: SteppedClock = .init()) async throws
    -> BenchReport.Result
  {
    let report = try await BenchRunner(plan: plan, clock: clock).run([drill], commit: "abc")
    return try #require(report.results.first)
  }

  @Test func percentilesOfAKnownDistributionAreRight() async throws {
    let result = try await run(Drill { Double($0 + 1) }, plan(1_000))
    #expect(result.samples == 1_000)
    for (seen, expected) in [(result.p50, 500.0), (result.p95, 950), (result.p99, 990), (result.value, 500)] {
      #expect(abs((seen ?? 0) - expected) <= expected * 0.001)
    }
  }

  @Test(arguments: [(Figure.mean, 20.8), (.p50, 1.0), (.p95, 100), (.largest, 100)])
  func theFigureIsTheOneTheWorkloadNames(figure: Figure, expected: Double) async throws {
    let result = try await run(Drill(figure: figure) { [1, 1, 1, 1, 100][$0 % 5] }, plan(100))
    #expect(abs(result.value - expected) <= expected * 0.001)
  }

  @Test func aRoundEndsAtItsSamplesOrItsTime() async throws {
    let clock = SteppedClock()
    let slow = Drill { _ in
      clock.advance(.milliseconds(30))
      return nil
    }
    let byTime = try await run(slow, plan(1_000, rounds: 2, seconds: 0.1), clock)
    #expect(byTime.samples == 8)
    #expect(abs(byTime.value - 30) < 0.1)
    let bySamples = try await run(slow, plan(3, rounds: 2), clock)
    #expect(bySamples.samples == 6)
    let endless = try await run(slow, plan(3, rounds: 1, seconds: 0), clock)
    #expect(endless.samples == 1)
  }

  @Test func aWorkloadMayWantLessThanThePlan() async throws {
    let patient = Drill(ownPlan: plan(2, rounds: 3)) { _ in 1 }
    let eager = Drill { _ in 1 }
    let report = try await BenchRunner(plan: plan(10, warmUp: 5), clock: SteppedClock()).run(
      [patient, eager], commit: "abc")
    #expect(report.results.map(\.samples) == [6, 10])
    #expect(patient.measured == 6 && eager.measured == 15)
  }

  @Test func severalRunsAreTakenInTurnAndTheirMedianIsTheFigure() async throws {
    let order = Mutex<[String]>([])
    func drill(_ name: String, _ values: [Double]) -> Drill {
      Drill(name: name) { index in
        order.withLock { $0.append(name) }
        return values[index]
      }
    }
    let workloads = [drill("a", [3, 1, 2]), drill("b", [5, 5, 500])]
    let report = try await BenchRunner(plan: plan(1), clock: SteppedClock()).run(workloads, commit: "abc", runs: 3)
    #expect(order.withLock { $0 } == ["a", "b", "a", "b", "a", "b"])
    #expect(report.results.map(\.figures) == [[3, 1, 2], [5, 5, 500]])
    #expect(report.results.map(\.value) == [2, 5])
    #expect(report.results.map(\.samples) == [3, 3])
    #expect(workloads.allSatisfy { $0.prepared == 3 && $0.cleaned == 3 })
    let single = try await BenchRunner(plan: plan(1), clock: SteppedClock()).run([Drill { _ in 1 }], commit: "abc")
    #expect(single.results[0].figures == nil)
  }

  @Test func aRowThatFailsInALaterRunHasNoFigure() async throws {
    let frail = Drill(name: "frail") { index throws(Failure) in
      if index == 1 { throw Failure(.unavailable, "gone") }
      return 1
    }
    let report = try await BenchRunner(plan: plan(1), clock: SteppedClock()).run(
      [frail, Drill(name: "sound") { _ in 1 }], commit: "abc", runs: 3)
    #expect(report.failures?.map(\.name) == ["frail"] && report.results.map(\.name) == ["sound"])
    #expect(frail.measured == 2)
  }

  @Test func progressTellsTheWorkloadTheirNumberAndTheTimeLeft() async throws {
    let clock = SteppedClock()
    let seen = Mutex<[BenchProgress]>([])
    let drill = Drill { _ in
      clock.advance(.seconds(1))
      return 1
    }
    _ = try await BenchRunner(plan: plan(5), clock: clock).run([drill, drill], commit: "abc") { progress in
      seen.withLock { $0.append(progress) }
    }
    let all = seen.withLock { $0 }
    #expect(all.first.map { $0.number == 1 && $0.count == 2 && $0.etaSeconds == nil } == true)
    let half = try #require(all.first { $0.fraction == 0.5 })
    #expect(abs((half.etaSeconds ?? 0) - 5) < 0.5)
    #expect(all.last?.fraction == 1 && all.last?.etaSeconds == nil)
  }

  @Test func theWarmUpIsNotCounted() async throws {
    let drill = Drill { $0 < 7 ? 1_000 : 1 }
    let result = try await run(drill, plan(10, rounds: 2, warmUp: 7))
    #expect(result.p99 == 1)
    #expect(drill.measured == 27)
    #expect(drill.prepared == 1 && drill.cleaned == 1)
  }

  @Test func openArrivalCountsFromTheTimeARequestWasDue() async throws {
    let clock = SteppedClock()
    // One request in flight at 100 a second; the first one stalls for 55 ms, and the next five were due meanwhile.
    let drill = Drill(arrival: .open(perSecond: 100, inFlightMax: 1), figure: .largest) { index in
      if index == 0 { clock.advance(.milliseconds(55)) }
      return nil
    }
    let result = try await run(drill, plan(10), clock)
    #expect(result.samples == 10)
    #expect(abs(result.value - 55) < 1)
    // Closed arrival would have seen one slow sample in ten; these are the ones it hides.
    #expect((result.p50 ?? 0) >= 5)
  }

  @Test func openArrivalMakesEveryRequestThatIsDue() async throws {
    let result = try await run(Drill(arrival: .open(perSecond: 50)) { _ in nil }, plan(1_000, seconds: 2))
    #expect(result.samples == 100)
  }

  @Test(arguments: [Arrival.closed, .open(perSecond: 1_000)])
  func aFailingWorkloadIsReportedAndTheOthersAreMeasured(arrival: Arrival) async throws {
    let drill = Drill(name: "breaks", arrival: arrival) { index throws(Failure) in
      guard index < 5 else { throw Failure(.conflict, "it broke") }
      return 1
    }
    let after = Drill { _ in 1 }
    let report = try await BenchRunner(plan: plan(100), clock: SteppedClock()).run([drill, after], commit: "abc")
    #expect(report.failures == [.init(suite: "drill", name: "breaks", reason: "it broke")])
    #expect(report.results.map(\.name) == ["drill"] && report.missed == 1)
    #expect(drill.cleaned == 1)
    #expect(after.measured > 0 && after.cleaned == 1)
  }

  @Test(arguments: [Arrival.closed, .open(perSecond: 1_000)])
  func aCancelledBenchStopsAndCleansUp(arrival: Arrival) async throws {
    let drill = Drill(arrival: arrival) { index in
      if index == 10 { withUnsafeCurrentTask { $0?.cancel() } }
      return 1
    }
    // More than any machine measures before the cancellation comes.
    let most = 50_000_000
    let plan = plan(most, seconds: 100_000)
    let bench = Task { () -> Failure? in
      do throws(Failure) {
        _ = try await BenchRunner(plan: plan, clock: SteppedClock()).run([drill], commit: "abc")
        return nil
      } catch {
        return error
      }
    }
    if arrival != .closed { bench.cancel() }
    #expect(await bench.value?.code == .unavailable)
    #expect(drill.measured < most)
    #expect(drill.cleaned == 1)
  }

  @Test func progressComesAtMostTenTimesASecondAndEndsAtOne() async throws {
    let clock = SteppedClock()
    let drill = Drill { _ in
      clock.advance(.milliseconds(1))
      return 1
    }
    let seen = Mutex<[BenchProgress]>([])
    _ = try await BenchRunner(plan: plan(1_000), clock: clock).run([drill, drill], commit: "abc") { progress in
      seen.withLock { $0.append(progress) }
    }
    let all = seen.withLock { $0 }
    // Beside the beginnings and ends of rows, which are told at once.
    let paced = all.filter { $0.measure != nil && $0.finished == nil }
    #expect((18...20).contains(paced.count))
    let fractions = all.map(\.fraction)
    #expect(fractions.first == 0 && fractions.last == 1 && fractions.count { $0 == 1 } == 1)
    #expect(fractions == fractions.sorted())
  }

  @Test func progressTellsTheRoundTheSamplesSoFarAndEveryRowAsItEnds() async throws {
    let clock = SteppedClock()
    let seen = Mutex<[BenchProgress]>([])
    let drill = Drill { index in
      clock.advance(.seconds(1))
      return Double(index + 1)
    }
    let broken = Drill(name: "breaks") { _ throws(Failure) in throw Failure(.conflict, "it broke") }
    let report = try await BenchRunner(plan: plan(10, rounds: 2), clock: clock).run(
      [drill, broken], commit: "abc"
    ) { progress in
      seen.withLock { $0.append(progress) }
    }
    let all = seen.withLock { $0 }
    #expect(all.first?.measure == nil, "it is being prepared")
    let second = try #require(all.compactMap(\.measure).first { $0.round == 2 && $0.samples == 15 })
    #expect(second.rounds == 2 && second.unit == "ms")
    #expect(abs((second.p50 ?? 0) - 8) < 0.1 && abs((second.p99 ?? 0) - 15) < 0.1, "\(second)")
    #expect(all.compactMap(\.finished) == report.results)
    #expect(all.compactMap(\.failed) == report.failures)
    let elapsed = all.compactMap(\.elapsedSeconds)
    #expect(elapsed.count == all.count && elapsed == elapsed.sorted() && elapsed.last == 20)
  }

  @Test func theReportSaysWhatItRanOnAndWhetherTargetsAreMet() async throws {
    let drills = [
      Drill(name: "a", target: 2) { _ in 1 }, Drill(name: "b", target: 2) { _ in 3 },
      Drill(name: "c", target: 2, isLowerBetter: false) { _ in 3 }, Drill(name: "d") { _ in 3 },
    ]
    let report = try await BenchRunner(plan: plan(5, rounds: 2), clock: SteppedClock()).run(drills, commit: "abc")
    #expect(report.results.map(\.met) == [true, false, true, nil])
    var small = plan(5, rounds: 2)
    small.isJudged = false
    let quick = try await BenchRunner(plan: small, clock: SteppedClock()).run(drills, commit: "abc")
    #expect(quick.results.allSatisfy { $0.target == nil && $0.met == nil } && quick.missed == 0)
    #expect(report.commit == "abc")
    #expect(report.machine.cores >= 1 && report.machine.memoryBytes > 1 << 20)
    #expect(report.machine.kernel.hasPrefix("Linux "))
    #expect(report.results[0].noise == 0)
  }

  @Test func aPeerStandsBesideTheResultWithItsRatio() async throws {
    let beside = try await run(Drill(peer: .init(name: "peer", value: 4)) { _ in 10 }, plan(5))
    #expect(beside.baseline?.name == "peer" && beside.baseline?.value == 4)
    #expect(abs((beside.baseline?.ratio ?? 0) - 2.5) < 0.01)
    #expect(try await run(Drill(peer: .init(name: "idle", value: 0)) { _ in 10 }, plan(5)).baseline?.ratio == 0)
    #expect(try await run(Drill { _ in 10 }, plan(5)).baseline == nil)
  }

  @Test func roundsThatDifferAreNoise() async throws {
    let result = try await run(Drill { $0 < 10 ? 90 : 110 }, plan(10, rounds: 2))
    #expect(abs((result.noise ?? 0) - 0.1) < 0.002)
  }

  @Test func strangeSamplesAreKeptWithinBounds() {
    var samples = Samples()
    #expect(samples.percentile(99) == 0 && samples.mean == 0)
    for value in [-1, .nan, .infinity, 1e300, 0] as [Double] { samples.record(value) }
    #expect(samples.count == 5)
    #expect(samples.percentile(100).isFinite)
  }
}
