import Base
import ControlPlane
import Testing

@testable import Console

struct BenchPaneTests {
  private static let sizes = [(80, 24), (120, 40), (200, 60)]

  private static func report(_ number: Int, factor: Double = 1, runs: Int = 0, quick: Bool = false) -> BenchReport {
    func result(
      _ suite: String, _ name: String, _ value: Double, _ unit: String, _ target: Double?, lower: Bool = true
    ) -> BenchReport.Result {
      let figures = runs > 0 ? (0..<runs).map { value * (1 + Double($0 % 3 - 1) / 100) } : nil
      return .init(
        suite: suite, name: name, value: value, unit: unit, target: target, p50: lower ? value : nil,
        p99: lower ? value * 2 : nil, samples: 30, isLowerBetter: lower, figures: figures)
    }
    var report = BenchReport(
      id: "b-\(number)", commit: "9f31c2\(number)",
      timeMilliseconds: ModelFixture.start.wall - Int64(9 - number) * 600_000,
      machine: .init(cores: 4, memoryBytes: 1, kernel: "6.1", load: 0.4),
      results: [
        result("gateway", "200 clients, 2,200 messages/s: mean", 4.1 * factor, "ms", 50),
        result("gateway", "200 clients: messages", 2_180 / factor, "1/s", 2_000, lower: false),
        result("cache", "get through Redis", 5.5 * factor, "ms", 5),
        result("cache", "hit rate, 80/20", 91.2, "%", 80, lower: false),
        result("memory", "idle resident", 18.4, "MB", nil),
      ],
      failures: [.init(suite: "sandbox", name: "cleanup", reason: "the launcher \u{1B}[31mended\u{7} with 9")])
    if quick { report.isQuick = true }
    return report
  }

  private static func console(
    _ width: Int = 120, _ height: Int = 40, _ reports: [BenchReport] = (0..<6).map { report($0) },
    glyphs: GlyphSet = .braille
  ) -> ModelFixture {
    var fixture = ModelFixture(width: width, height: height, glyphs: glyphs)
    fixture.receive(.snapshot(ModelFixture.snapshot()))
    fixture.receive(.answer(.benchHistory(limit: 20), .success(.benchHistory(reports))))
    return fixture
  }

  private static func compare(_ fixture: ModelFixture, with name: String) throws {
    let text = PanePicture.text(fixture, .bench)
    #expect(text == (try Golden.text("bench-\(name)", written: text)))
  }

  private static func running(_ fixture: inout ModelFixture, _ progress: BenchProgress) {
    fixture.receive(.events([Event(timeMilliseconds: ModelFixture.start.wall, body: .benchProgress(progress))]))
  }

  /// The ninth row is measured; two before it have a figure and one has none.
  private static func progress() -> [BenchProgress] {
    var progress = BenchProgress(
      suite: "gateway", workload: "10,000 clients in one room, 1 event/s: p99", fraction: 0.34, number: 9, count: 27,
      etaSeconds: 250)
    progress.elapsedSeconds = 83
    let ended = report(6, factor: 0.9)
    var all: [BenchProgress] = []
    for result in ended.results.prefix(2) {
      progress.finished = result
      all.append(progress)
    }
    progress.finished = nil
    progress.failed = ended.failures?.first
    all.append(progress)
    progress.failed = nil
    progress.measure = .init(round: 2, rounds: 5, samples: 1_204, unit: "ms", p50: 4.1, p99: 8.25)
    return all + [progress]
  }

  @Test(arguments: sizes) func zoomedEveryRowHasItsBoundItsTrendAndItsVerdict(_ size: (Int, Int)) throws {
    var fixture = Self.console(size.0, size.1)
    fixture.type("55")
    try Self.compare(fixture, with: "zoom-\(size.0)x\(size.1)")
  }

  @Test(arguments: sizes) func aRunTellsWhereItIsAndHowLongItTakes(_ size: (Int, Int)) throws {
    var fixture = Self.console(size.0, size.1)
    for progress in Self.progress() { Self.running(&fixture, progress) }
    try Self.compare(fixture, with: "running-\(size.0)x\(size.1)")
    let text = PanePicture.text(fixture, .bench)
    #expect(text.contains("34%") && text.contains("9/27") && text.contains("gateway") && text.contains("~4 min left"))
    #expect(text.contains("1:23") && text.contains("round 2/5") && text.contains("1,204 samples"))
    #expect(text.contains("K cancels"))
    fixture.type("55")
    let zoomed = PanePicture.text(fixture, .bench)
    #expect(zoomed.contains("gateway 200 clients") && zoomed.contains("p50 4.10 ms  p99 8.25 ms"))
    #expect(zoomed.contains("sandbox cleanup: the la"), "the row that failed is told as it fails")
    #expect(!zoomed.contains("idle resident"), "rows of the run before are none of this one")
    if size.0 > 80 { try Self.compare(fixture, with: "running-zoom-\(size.0)x\(size.1)") }
  }

  @Test func whatIsHeardOfARunIsOverWhenItEndsFailsOrTheLinkIsLost() {
    for end in 0..<3 {
      var fixture = Self.console()
      for progress in Self.progress() { Self.running(&fixture, progress) }
      #expect(fixture.screen.contains("K cancels"))
      switch end {
      case 0: Self.running(&fixture, BenchProgress(suite: "", workload: "", fraction: 1))
      case 1: fixture.receive(.link(.lost(sinceMilliseconds: 0, retryAtMilliseconds: 1, reason: "gone")))
      default:
        fixture.receive(
          .outcome(.runBench(BenchOptions()), .failure(Failure(.unavailable, "the bench was cancelled"))))
      }
      #expect(!fixture.screen.contains("K cancels") && fixture.screen.contains("idle resident"), "\(end)")
    }
  }

  @Test func aBenchThatIsRefusedBecauseOneRunsLeavesThatOneShown() {
    var fixture = Self.console()
    for progress in Self.progress() { Self.running(&fixture, progress) }
    fixture.receive(.outcome(.runBench(BenchOptions()), .failure(Failure(.limit, "a bench is running"))))
    #expect(fixture.screen.contains("K cancels") && fixture.screen.contains("34%"))
  }

  @Test func kCancelsARunOnceItIsAskedAndOnlyThen() {
    var fixture = Self.console()
    fixture.type("5K")
    #expect(!fixture.isPopupOpen && fixture.screen.contains("no bench is running"))
    for progress in Self.progress() { Self.running(&fixture, progress) }
    fixture.type("K")
    #expect(fixture.isPopupOpen && fixture.screen.contains("Lost: 3 rows so far."))
    #expect(fixture.screen.contains("Let it run"))
    fixture.wait(400)
    #expect(fixture.type("y") == [.perform(.cancelBench)])
  }

  @Test func theChangeAgainstTheLastOtherCommitHasASignAndAWord() {
    var fixture = Self.console(200, 60, [Self.report(1, runs: 5), Self.report(2, factor: 1.5, runs: 5)])
    fixture.type("55")
    #expect(fixture.screen.contains("+50.0% ✗ regressed") && fixture.screen.contains("last run"))
    #expect(fixture.screen.contains("3 regressions"))
  }

  @Test func theSelectedRowIsTold() {
    var fixture = Self.console(120, 40, [Self.report(1, runs: 5), Self.report(2, factor: 1.5, runs: 5)])
    fixture.type("55jj")
    for text in [
      "cache get through Redis ─", "8.25 ms", "target <= 5 ms  ✗ missed", "165% of it used", "runs 5/5",
      "history  2 runs", "least 5.50",
    ] {
      #expect(fixture.screen.contains(text), "\(text)\n\(fixture.screen)")
    }
    fixture.type("jjj")
    #expect(fixture.screen.contains("✗ no figure: the launcher"))
  }

  @Test func aNodeThatDoesNotSayHowManyWorkloadsThereAreIsShownToo() {
    var fixture = Self.console()
    Self.running(&fixture, BenchProgress(suite: "cache", workload: "get", fraction: 0.5))
    #expect(fixture.screen.contains("50%") && fixture.screen.contains("cache get"))
    #expect(!fixture.screen.contains("left"))
  }

  @Test func aFailedRowSaysWhyAndItsTextIsHarmless() {
    let fixture = Self.console()
    #expect(fixture.screen.contains("sandbox cleanup: the launcher"))
    #expect(!fixture.screen.contains("\u{1B}") && !fixture.screen.contains("\u{7}"))
  }

  @Test(arguments: sizes) func cComparesTheLastTwoRunsOfTheSelectedSuite(_ size: (Int, Int)) throws {
    var fixture = Self.console(size.0, size.1, [Self.report(1, runs: 3), Self.report(2, factor: 1.5, runs: 3)])
    fixture.type("5c")
    let screen = fixture.screen
    #expect(screen == (try Golden.text("bench-compare-\(size.0)x\(size.1)", written: screen)))
    #expect(screen.contains("gateway: the last two runs") && screen.contains("2 regressions"))
    #expect(screen.contains("+50.0%") && screen.contains("-33.3%"))
    #expect(!screen.contains("get through Redis    "), "another suite's rows are not compared")
    fixture.press(KeyChord(.escape))
    #expect(!fixture.isPopupOpen)
  }

  @Test func singleRunsAreComparedAndProveNothing() {
    var fixture = Self.console(120, 40, [Self.report(1), Self.report(2, factor: 1.5)])
    fixture.type("5jjc")
    #expect(fixture.screen.contains("cache: the last two runs"))
    #expect(fixture.screen.contains("· unproven") && fixture.screen.contains("a verdict takes 3 runs"))
    #expect(!fixture.screen.contains("regressed"))
  }

  @Test func theRunComparedWithIsTheLastOneAlikeAndNotTheLastOfAll() {
    let quick = Self.report(2, factor: 3, runs: 3, quick: true)
    var fixture = Self.console(120, 40, [Self.report(1, runs: 3), quick, Self.report(3, runs: 3)])
    fixture.type("5c")
    #expect(fixture.screen.contains("9f31c21") && !fixture.screen.contains("9f31c22"))
    #expect(fixture.screen.contains("no regression"))
  }

  @Test func withoutASecondRunThereIsNothingToCompare() {
    for reports in [[], [Self.report(1)]] {
      var fixture = Self.console(120, 40, reports)
      fixture.type("5c")
      #expect(!fixture.isPopupOpen)
      #expect(fixture.screen.contains("the suite has not been run twice"))
    }
  }

  @Test func asciiOnlyMeansAsciiOnlyInTheComparisonToo() {
    var fixture = Self.console(120, 40, [Self.report(1), Self.report(2)], glyphs: .ascii)
    fixture.type("5c")
    #expect(fixture.isPopupOpen)
    for line in fixture.lines {
      #expect(line.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }, "\(line)")
    }
  }
}
