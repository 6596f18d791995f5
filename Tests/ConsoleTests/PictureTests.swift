import Base
import ControlPlane
import Testing

@testable import Console

struct PictureTests {
  private static func filled(_ width: Int, _ height: Int, glyphs: GlyphSet = .braille) -> ModelFixture {
    var fixture = ModelFixture(width: width, height: height, glyphs: glyphs)
    fixture.receive(.snapshot(ModelFixture.snapshot()))
    let log = [
      ModelFixture.record("listening", label: "api", metadata: ["address": "127.0.0.1:8000"]),
      ModelFixture.record("redis is away", level: .warning, label: "cache", at: 1_000),
    ]
    fixture.receive(.answer(.logs(LogQuery()), .success(.logs(log))))
    let report = BenchReport(
      id: "b-1", commit: "9f31c2e", timeMilliseconds: ModelFixture.start.wall - 900_000,
      machine: .init(cores: 4, memoryBytes: 1, kernel: "6.1", load: 0),
      results: [
        .init(suite: "gateway", name: "fan-out", value: 2.2, unit: "ms", target: 2, p50: 0.4, p99: 2.2, samples: 30),
        .init(suite: "memory", name: "idle", value: 18.4, unit: "MB", samples: 3),
      ])
    fixture.receive(.answer(.benchHistory(limit: 20), .success(.benchHistory([report]))))
    return fixture
  }

  @Test func theSmallScreen() throws {
    let screen = Self.filled(80, 24).screen
    #expect(screen == (try Golden.text("80x24", written: screen)))
  }

  @Test func theMediumScreen() throws {
    let screen = Self.filled(120, 40).screen
    #expect(screen == (try Golden.text("120x40", written: screen)))
  }

  @Test(arguments: LayoutTests.sizes)
  func everySizeIsDrawnWholeInEveryStateOfTheConsole(_ size: (Int, Int)) {
    for key in ["", "?", ":", "t", "/", "q", "p", "5", "55"] {
      var fixture = Self.filled(size.0, size.1)
      fixture.type(key)
      #expect(fixture.lines.count == size.1)
      let canvas = fixture.model.picture()
      #expect((0..<size.1).allSatisfy { y in (0..<size.0).reduce(0) { $0 + Int(canvas[$1, y].width) } == size.0 })
    }
    if size.0 < 20 || size.1 < 5 { #expect(Self.filled(size.0, size.1).screen.contains("too small")) }
  }

  @Test func asciiOnlyMeansAsciiOnly() {
    for key in ["", "?", ":", "t", "/", "q", "p", "r"] {
      var fixture = Self.filled(120, 40, glyphs: .ascii)
      fixture.type(key)
      for line in fixture.lines {
        #expect(line.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) }, "\(key): \(line)")
      }
    }
  }

  @Test func hostileLogMessagesMoveNothing() {
    let hostile = [
      "\u{1B}[2J\u{1B}]0;owned\u{07}", "\u{202E}gnp.exe", "日本語日本語日本語", "e" + String(repeating: "\u{301}", count: 200),
      "👩‍👩‍👧‍👦🇩🇪", "a\nb\r\tc", "\u{9B}31m", String(repeating: "x", count: 100_000), "\u{0}",
    ]
    var fixture = ModelFixture(width: 80, height: 24)
    let clean = fixture.lines
    fixture.receive(ModelFixture.events(hostile.map { ModelFixture.record($0, label: $0, metadata: [$0: $0]) }))
    fixture.press(KeyChord(.enter))
    let canvas = fixture.model.picture()
    for y in 0..<24 {
      #expect((0..<80).reduce(0) { $0 + Int(canvas[$1, y].width) } == 80)
      for x in 0..<80 {
        #expect(
          canvas[x, y].cluster.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        #expect(canvas[x, y].cluster.unicodeScalars.count <= 1 + DisplayText.marksMax)
      }
      if (2..<22).contains(y) { #expect(canvas[0, y].cluster == "│" && canvas[79, y].cluster == "│") }
    }
    #expect(clean.count == fixture.lines.count)
  }

  @Test func aLostLinkLeavesTheFrameDimAndSaysHowOldItIs() {
    var fixture = ModelFixture(width: 120, height: 40, isEmbedded: false)
    fixture.receive(.snapshot(ModelFixture.snapshot()))
    fixture.wait(12_000)
    fixture.receive(
      .link(.lost(sinceMilliseconds: 0, retryAtMilliseconds: fixture.now.wall + 2_000, reason: "connection refused")))
    #expect(fixture.lines[0].contains("link lost, retry in 2 s · data 12 s old"))
    #expect(fixture.model.picture()[3, 5].style.foreground == .stale)
    let effects = fixture.receive(.link(.live))
    #expect(effects == fixture.model.initialQuestions)
    #expect(fixture.lines[0].contains("● live 2 Hz"))
  }

  @Test func whatIsNotWellIsSaidWithASignAndAWord() {
    var fixture = ModelFixture(width: 200, height: 60)
    fixture.receive(.snapshot(ModelFixture.snapshot(reason: "no answer since 14 s")))
    #expect(fixture.lines[0].contains("▲ degraded: redis no answer since 14 s"))
  }
}
