import Base
import TestKit
import Testing

@Suite struct QuantityTests {
  @Test(arguments: [
    ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("1d", 86_400_000), ("7", 7_000), ("0", 0),
    ("0ms", 0), ("007s", 7_000),
  ])
  func durationsAreRead(_ text: String, _ milliseconds: Int64) {
    #expect(Quantity.milliseconds(text) == milliseconds)
  }

  @Test(arguments: [
    "", "ms", "s", "-1s", "+1s", "1.5s", " 1s", "1s ", "1 s", "1S", "1w", "1sm", "٣s", "0x10", "9223372036854775807d",
    "9223372036854775808", "1e3", "mss",
  ])
  func whatIsNoDurationIsRefused(_ text: String) {
    #expect(Quantity.milliseconds(text) == nil)
  }

  @Test(
    arguments: [
      ("512M", 512 << 20), ("10K", 10_240), ("10k", 10_240), ("2G", 2 << 30), ("1T", 1 << 40), ("10", 10), ("10B", 10),
      ("10b", 10), ("1KB", 1_024), ("1KiB", 1_024), ("1kib", 1_024), ("0", 0),
    ] as [(String, Int64)])
  func sizesAreRead(_ text: String, _ bytes: Int64) {
    #expect(Quantity.bytes(text) == bytes)
  }

  @Test(arguments: [
    "", "B", "K", "iB", "1iB", "1IB", "-1", "1.5G", " 1", "1 K", "1KK", "1BB", "1P", "1Kıb", "K1", "9999999999999T",
    "9223372036854775808", "1ｋ",
  ])
  func whatIsNoSizeIsRefused(_ text: String) {
    #expect(Quantity.bytes(text) == nil)
  }

  @Test(
    arguments: [
      (0, "0 B"), (1, "1 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_536, "1.5 KiB"), (102_348, "99.9 KiB"),
      (102_399, "100 KiB"), (1_048_575, "1.0 MiB"), (1 << 20, "1.0 MiB"), (412 << 20, "412 MiB"),
      (.max, "8192 PiB"), (-1, "-1 B"), (-2_048, "-2.0 KiB"), (.min, "-8192 PiB"),
    ] as [(Int64, String)])
  func sizesAreShown(_ bytes: Int64, _ text: String) {
    #expect(Quantity.describe(bytes: bytes) == text)
  }

  @Test(
    arguments: [
      (0, "0 ms"), (999, "999 ms"), (1_000, "1.0 s"), (3_449, "3.4 s"), (59_949, "59.9 s"), (59_950, "1m 00s"),
      (59_999, "1m 00s"), (60_000, "1m 00s"), (303_000, "5m 03s"), (3_599_999, "59m 59s"), (3_600_000, "1h 00m"),
      (7_860_000, "2h 11m"), (352_800_000, "4d 02h"), (-5, "-5 ms"),
    ] as [(Int64, String)])
  func durationsAreShown(_ milliseconds: Int64, _ text: String) {
    #expect(Quantity.describe(milliseconds: milliseconds) == text)
  }

  @Test func everyDurationHasAForm() {
    for milliseconds in [Int64.min, .max] { #expect(!Quantity.describe(milliseconds: milliseconds).isEmpty) }
  }

  @Test(arguments: [
    (0.0, 0, "0"), (0.0, 2, "0.00"), (1.005, 1, "1.0"), (-0.04, 1, "0.0"), (-1.25, 2, "-1.25"), (0.999, 2, "1.00"),
    (12.05, 3, "12.050"), (1e14, 6, "100000000000000.0"), (1e300, 2, "1e+300"), (.infinity, 1, "inf"), (.nan, 1, "nan"),
  ])
  func numbersHaveFixedDigits(_ value: Double, _ digits: Int, _ text: String) {
    #expect(Quantity.fixed(value, digits: digits) == text)
  }

  @Test func anyNumberIsShownWithoutACrash() {
    var random = SeededRandom()
    for _ in 0..<5_000 {
      let value = Double(bitPattern: random.next())
      for digits in 0...6 { #expect(!Quantity.fixed(value, digits: digits).isEmpty) }
    }
  }
}
