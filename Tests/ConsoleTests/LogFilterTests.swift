import Base
import ControlPlane
import Testing

@testable import Console

struct LogFilterTests {
  private static let records = [
    ModelFixture.record("GET /v1/status 200", level: .debug, label: "api", metadata: ["client": "10.0.0.7"]),
    ModelFixture.record("redis is away", level: .warning, label: "cache", metadata: ["since": "12s"]),
    ModelFixture.record("listening", level: .info, label: "api"),
  ]

  @Test(arguments: [
    ("status", [0]), ("STATUS", [0]), ("redis", [1]), ("api", [0, 2]), ("!api", [1]), ("level=warn", [1]),
    ("level=WARNING", [1]), ("engine=api", [0, 2]), ("!engine=api", [1]), ("client=10.0", [0]), ("since=12s", [1]),
    ("message=listen", [2]), ("nosuch=x", []), ("!nosuch=x", [0, 1, 2]), ("re:^DEBUG", [0]),
    ("re:(away|listening)$", [2]),
    ("!re:api", [1]), ("re:20[0-9]", [0]), ("10.0.0.7", [0]), ("1=1", []),
  ])
  func theGrammarMeansWhatItSays(_ source: String, _ expected: [Int]) throws {
    let filter = try #require(try LogFilter.parse(source))
    #expect(Self.records.indices.filter { filter.matches(Self.records[$0]) } == expected)
  }

  @Test(arguments: ["", "!"])
  func nothingIsNoFilter(_ source: String) throws {
    #expect(try LogFilter.parse(source) == nil)
  }

  @Test(arguments: [
    "re:(", "re:[", "re:(a)\\1", "re:a{1,400}", "re:((a{9}){9}){9}", "re:" + String(repeating: "a", count: 300),
  ])
  func anExpressionThatCannotBeUsedIsRefusedWithAReason(_ source: String) {
    #expect { try LogFilter.parse(source) } throws: { error in
      (error as? Failure)?.message.hasPrefix("re: ") ?? false
    }
  }

  @Test func thePaneFollowsWhatIsTypedAndEscapeTakesItBack() {
    var fixture = ModelFixture(width: 120, height: 40)
    fixture.receive(ModelFixture.events(Self.records))
    fixture.press(.character("/"))
    fixture.type("redis")
    #expect(fixture.model.panes.log.book.count == 1)
    #expect(fixture.screen.contains("/redis"))
    fixture.press(KeyChord(.escape))
    #expect(fixture.model.panes.log.book.count == 3)
    #expect(fixture.model.panes.log.book.filter == nil)
  }

  @Test func aWrongExpressionKeepsTheFilterBeforeAndSaysWhy() {
    var fixture = ModelFixture(width: 120, height: 40)
    fixture.receive(ModelFixture.events(Self.records))
    fixture.type("/re:ap")
    fixture.type("[")
    #expect(fixture.model.panes.log.book.count == 2)
    #expect(fixture.lines[39].contains("re: "))
    #expect(fixture.press(KeyChord(.enter)) == [.bell])
    fixture.press(KeyChord(.backspace), KeyChord(.enter))
    #expect(!fixture.isPopupOpen)
    #expect(fixture.model.panes.log.book.filter?.source == "re:ap")
  }
}
