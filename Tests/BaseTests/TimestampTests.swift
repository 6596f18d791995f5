import Base
import FoundationEssentials
import TestKit
import Testing

@Suite struct TimestampTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
      (1_795_216_445_221, "2026-11-20T23:14:05.221Z"),
      (951_782_400_000, "2000-02-29T00:00:00.000Z"), (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
      (253_402_300_799_999, "9999-12-31T23:59:59.999Z"), (.max, "9999-12-31T23:59:59.999Z"),
      (.min, "0000-01-01T00:00:00.000Z"),
    ] as [(Int64, String)])
  func timesAreShown(_ milliseconds: Int64, _ text: String) {
    #expect(Timestamp.iso8601(milliseconds) == text)
  }

  @Test(
    arguments: [
      ("2026-11-20", 1_795_132_800_000), ("2026-11-20T23:14", 1_795_216_440_000),
      ("2026-11-20T23:14:05", 1_795_216_445_000), ("2026-11-20T23:14:05Z", 1_795_216_445_000),
      ("2026-11-20T23:14:05.221", 1_795_216_445_221), ("2026-11-20T23:14:05.221Z", 1_795_216_445_221),
      ("2024-02-29", 1_709_164_800_000),
    ] as [(String, Int64)])
  func timesAreRead(_ text: String, _ milliseconds: Int64) {
    #expect(Timestamp.parse(text) == milliseconds)
  }

  @Test(arguments: [
    "", "T", "2026", "2026-11", "2026-1-2", "26-11-20", "2026-13-01", "2026-00-10", "2026-11-00", "2026-11-31",
    "2026-02-29", "2100-02-29", "2026-11-20T", "2026-11-20T24:00", "2026-11-20T23:60", "2026-11-20T23:14:60",
    "2026-11-20T23:14.221", "2026-11-20T23:14:05.22", "2026-11-20T23:14:05.2211", "2026-11-20T23:14:05+01:00",
    "2026-11-20 23:14", "2026-11-20t23:14", "2026-11-20T23:14:05ZZ", "-026-11-20", "+026-11-20", "٢٠٢٦-11-20",
    "2026-11-20T23:14:05.221Z ", "2026--11-20", "Z",
  ])
  func whatIsNoTimeIsRefused(_ text: String) {
    #expect(Timestamp.parse(text) == nil)
  }

  @Test func anyTimeSurvivesTheRoundTrip() {
    var random = SeededRandom()
    for _ in 0..<20_000 {
      let time = Int64.random(in: -62_167_219_200_000...253_402_300_799_999, using: &random)
      #expect(Timestamp.parse(Timestamp.iso8601(time)) == time, "\(random)")
    }
  }

  /// Every day of 800 years, counted by hand.
  @Test func theCalendarIsGregorian() {
    var milliseconds = Int64(0)
    for year in 1970..<2770 {
      let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
      let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      for (month, length) in lengths.enumerated() {
        for day in [1, length] {
          let text = "\(year)-\(month < 9 ? "0" : "")\(month + 1)-\(day < 10 ? "0" : "")\(day)"
          if Timestamp.parse(text) != milliseconds + Int64(day - 1) * 86_400_000 { Issue.record("\(text)") }
        }
        milliseconds += Int64(length) * 86_400_000
      }
    }
  }

  @Test func theClockAloneIsShown() {
    #expect(Timestamp.clock(1_795_216_445_221) == "23:14:05.221")
    #expect(Timestamp.clock(-1) == "23:59:59.999")
    #expect(Timestamp.clock(.min).utf8.count == 12)
  }
}

@Suite struct ClockTests {
  @Test func theSystemClockIsAfterThisWasWritten() {
    #expect(SystemWallClock().nowMilliseconds() > 1_700_000_000_000)
  }

  @Test func durationsBecomeNumbers() {
    #expect(Duration.milliseconds(1_500).milliseconds == 1_500)
    #expect(Duration.microseconds(1).milliseconds == 0.001)
    #expect(Duration.milliseconds(-3).nanoseconds == -3_000_000)
    #expect(Duration.seconds(Int64.max).nanoseconds == .max)
    #expect(Duration.seconds(Int64.min).nanoseconds == .min)
    #expect(Duration.zero.nanoseconds == 0)
  }
}
