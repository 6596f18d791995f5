import ControlPlane
import Telemetry
import TestKit
import Testing

@Suite struct LatencyRecorderTests {
  @Test func nothingRecordedIsZero() {
    let recorder = LatencyRecorder()
    #expect(recorder.summary() == .init() && recorder.count == 0)
    #expect(recorder.milliseconds(atPercentile: 99.9) == 0)
  }

  @Test func percentilesAreWithinOnePercentOfTheTruth() {
    let recorder = LatencyRecorder()
    for microseconds in 1...10_000 { recorder.record(nanoseconds: Int64(microseconds) * 1_000) }
    let summary = recorder.summary()
    #expect(recorder.count == 10_000)
    #expect(abs(summary.p50 - 5) < 0.05 && abs(summary.p95 - 9.5) < 0.1 && abs(summary.p99 - 9.9) < 0.1)
    #expect(abs(recorder.milliseconds(atPercentile: 100) - 10) < 0.1)
  }

  @Test func countsAreInRangesThatDouble() throws {
    let recorder = LatencyRecorder()
    #expect(recorder.summary().counts == nil)
    for microseconds in [0, 1, 2, 3, 4, 1_023, 1_024, 3_600_000_000] as [Int64] {
      recorder.record(nanoseconds: microseconds * 1_000)
    }
    let counts = try #require(recorder.summary().counts)
    #expect(counts.count == LatencySummary.countsMax && counts.reduce(0, +) == recorder.count)
    #expect(counts[0] == 2 && counts[1] == 2 && counts[2] == 1 && counts[9] == 1 && counts[10] == 1 && counts[31] == 1)
    #expect(LatencySummary.end(ofRange: 0) == 0.002 && LatencySummary.end(ofRange: 9) == 1.024)
    recorder.reset()
    #expect(recorder.counts == nil)
  }

  @Test(arguments: [Int64.min, -1, 0, 1, 999]) func tooShortIsTheLowestBucket(_ nanoseconds: Int64) {
    let recorder = LatencyRecorder()
    recorder.record(nanoseconds: nanoseconds)
    #expect(recorder.count == 1 && recorder.summary().p50 <= 0.001_1)
  }

  @Test func longerThanAnHourCountsAsAnHour() {
    let recorder = LatencyRecorder()
    recorder.record(nanoseconds: .max)
    recorder.record(.seconds(Int64.max))
    recorder.record(.seconds(7_200))
    #expect(recorder.count == 3)
    #expect(abs(recorder.summary().p50 / 3_600_000 - 1) < 0.01)
  }

  @Test func percentilesOutOfRangeAreTheEnds() {
    let recorder = LatencyRecorder()
    recorder.record(.milliseconds(5))
    #expect(abs(recorder.milliseconds(atPercentile: 200) - 5) < 0.05)
    #expect(abs(recorder.milliseconds(atPercentile: -1) - 5) < 0.05)
  }

  @Test func resetForgetsEverything() {
    let recorder = LatencyRecorder()
    recorder.record(.milliseconds(5))
    recorder.reset()
    #expect(recorder.count == 0 && recorder.summary() == .init())
  }

  @Test func memoryNeverGrows() {
    let recorder = LatencyRecorder()
    let before = recorder.footprintBytes
    var random = SeededRandom()
    for _ in 0..<10_000 { recorder.record(nanoseconds: Int64(bitPattern: random.next() >> 1)) }
    #expect(recorder.footprintBytes == before && before < 40_000)
  }

  @Test func samplesOfManyTasksAreAllThere() async {
    let recorder = LatencyRecorder()
    await withTaskGroup { group in
      for _ in 0..<8 { group.addTask { for _ in 0..<500 { recorder.record(.microseconds(10)) } } }
    }
    #expect(recorder.count == 4_000)
  }
}
