import Base
import ControlPlane
import Testing

@testable import Console

struct ChartTests {
  @Test(arguments: [(0.0, 1.0), (1, 1), (1.1, 2), (2, 2), (3, 5), (7, 10), (11, 20), (4_112, 5_000), (1e20, 1e15)])
  func theTopOfAScaleIsARoundNumber(value: Double, top: Double) { #expect(Series.step(value) == top) }

  @Test func aScaleGrowsAtOnceAndSinksOnlyAfterAMinuteOfMuchLess() {
    var series = Series()
    #expect(series.top == 10)
    let isChanged = series.add(4_112)
    #expect(isChanged && series.top == 5_000)
    for _ in 0..<(Series.length - 1) { _ = series.add(900) }
    #expect(series.top == 5_000, "the peak is still shown")
    _ = series.add(900)
    #expect(series.top == 1_000)
    // Around a round number nothing jumps.
    for value in [1_010.0, 990, 1_020, 985] { _ = series.add(value) }
    let top = series.top
    for _ in 0..<30 {
      _ = series.add(990)
      #expect(series.top == top)
      _ = series.add(1_005)
      #expect(series.top == top)
    }
  }

  @Test func aSeriesOfNothingChangesNoPicture() {
    var series = Series()
    var changes = (0..<100).map { _ in series.add(0) }
    #expect(changes.allSatisfy { !$0 })
    changes = [series.add(3), series.add(0), series.add(.nan, seconds: 1_000)]
    #expect(changes == [true, true, true], "what moves is a change")
    #expect(series.values == Array(repeating: 0, count: Series.length))
    changes = [series.add(0)]
    #expect(changes == [false])
  }

  @Test func aSecondIsOneOfTheNodesLife() {
    var hand = SecondHand()
    var seconds = [10, 10.5, 11, 14].map { hand.advance(to: $0) }
    #expect(seconds == [nil, nil, 1, 3])
    #expect(hand.isOver(at: 2) && !hand.isOver(at: 14))
    seconds = [2, 3].map { hand.advance(to: $0) }
    #expect(seconds == [nil, 1], "another life of the node")
  }

  private static func series(_ values: [Double]) -> Series {
    var series = Series(least: 1)
    for value in values { _ = series.add(value) }
    return series
  }

  private static func lines(_ chart: Chart, glyphs: GlyphSet, width: Int, height: Int) -> [String] {
    var canvas = Canvas(width: width, height: height, glyphs: glyphs)
    ChartStrip(charts: [chart]).draw(into: &canvas, area: canvas.bounds)
    return (0..<height).map { canvas.line($0).trimmingTrailingSpaces }
  }

  @Test(arguments: [(GlyphSet.braille, "⢀⣴"), (.block, " ▂▄█"), (.ascii, " .-#")])
  func aTrendHasItsFigureItsScaleAndItsUnit(glyphs: GlyphSet, picture: String) {
    let chart = Chart.trend("out", Self.series([0, 5, 10, 20].map { $0 * 200 }))
    let line = Self.lines(chart, glyphs: glyphs, width: 100, height: 1)[0]
    #expect(line.hasPrefix("out       4.0k/s "))
    #expect(line.hasSuffix("\(picture) 60 s, top 5k/s") || line.hasSuffix(" 60 s, top 5k/s"), "\(line)")
    #expect(glyphs != .ascii || line.utf8.allSatisfy { $0 < 0x80 })
  }

  @Test(arguments: GlyphSet.allCases) func aHistogramSaysBetweenWhichTimesItLies(glyphs: GlyphSet) {
    let summary = LatencySummary(p50: 0.4, p95: 1.2, p99: 1.9, counts: [0, 0, 0, 0, 0, 0, 0, 1, 8, 4, 2])
    let micro = glyphs == .ascii ? "u" : "µ"
    let line = Self.lines(.latency(title: "delivery", summary: summary), glyphs: glyphs, width: 100, height: 1)[0]
    #expect(line.contains("p50 0.40  p95 1.20  p99 1.90 ms"))
    // The ranges are of powers of two: from 8 of them on, what is empty stays away.
    #expect(line.contains(" 8 \(micro)s ") && line.hasSuffix(" 2 ms"), "\(line)")
    let block = Self.lines(.latency(title: "delivery", summary: summary), glyphs: glyphs, width: 40, height: 5)
    #expect(block[0].hasPrefix("delivery  p50") && block[4].hasPrefix("8 \(micro)s ") && block[4].hasSuffix(" 2 ms"))
    #expect(block[1].filter { $0 != " " }.count == 3, "only the largest reaches the top: \(block)")
    let none = Self.lines(.latency(title: "query", summary: LatencySummary()), glyphs: glyphs, width: 40, height: 1)
    #expect(none == ["query    none yet"])
  }

  @Test func longTimesAreInSeconds() {
    #expect(ChartStrip.percentiles(LatencySummary(p50: 40, p95: 1_900, p99: 2_400)).text.hasSuffix("p99 2.40 s "))
    #expect(Figures.roundTrip(milliseconds: 2_130) == "2.1s" && Figures.roundTrip(milliseconds: 412) == "412ms")
    #expect(Figures.roundTrip(milliseconds: 0.2) == "<1ms" && Figures.roundTrip(milliseconds: 12_345) == "12s")
    #expect(Figures.duration(milliseconds: 4.6) == "4.60 ms" && Figures.duration(milliseconds: 1_250) == "1.25 s")
  }

  @Test func aChartTooNarrowForItsPictureIsCutAndNothingElse() {
    let latency = LatencySummary(p50: 1, p95: 1, p99: 1, counts: [1, 2, 3])
    for width in 0...60 {
      for height in 0...7 {
        for glyphs in GlyphSet.allCases {
          for chart in [Chart.trend("in", Self.series([1, 2, 3])), .latency(title: "run", summary: latency)] {
            #expect(Self.lines(chart, glyphs: glyphs, width: width, height: height).count == height)
          }
        }
      }
    }
  }
}
