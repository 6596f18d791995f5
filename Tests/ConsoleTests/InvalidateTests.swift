import Base
import ControlPlane
import Testing

@testable import Console

struct InvalidateTests {
  private static let pattern = CacheSelection(namespace: "default", .pattern("task:*"))

  /// The form with a pattern typed, asking.
  private static func asked(_ width: Int = 80, _ height: Int = 24, redis: CacheSnapshot.Redis? = nil) -> ModelFixture {
    var fixture = CacheFixture.busy(width, height, seconds: 1, redis: redis)
    fixture.type("itask:*")
    #expect(fixture.press(KeyChord(.enter)) == [.ask(.cacheSurvey(pattern))])
    return fixture
  }

  private static func answer(_ fixture: inout ModelFixture, _ finding: CacheFinding) {
    fixture.receive(.answer(.cacheSurvey(pattern), .success(.cacheSurvey(finding))))
  }

  private static func names(_ count: Int) -> [String] { (0..<count).map { "task:\($0)  two spaces" } }

  @Test(arguments: [(80, 24), (120, 40)]) func theFormAndTheQuestionAreDrawn(_ size: (Int, Int)) throws {
    var fixture = CacheFixture.busy(size.0, size.1, seconds: 1)
    fixture.type("itask:*")
    let form = fixture.screen
    #expect(form == (try Golden.text("invalidate-form-\(size.0)x\(size.1)", written: form)))
    fixture.press(KeyChord(.enter))
    #expect(fixture.screen.contains("looking for what it would touch"))
    Self.answer(&fixture, CacheFixture.finding(keys: 412, names: Self.names(412)))
    let question = fixture.screen
    #expect(question == (try Golden.text("invalidate-question-\(size.0)x\(size.1)", written: question)))
    #expect(question.contains("412 keys") && question.contains("cannot be undone"))
    #expect(question.contains("task:0  two spaces") && question.contains("more"))
  }

  @Test func theDryRunComesFirstAndThenTheQuestion() {
    var fixture = Self.asked()
    #expect(fixture.press(KeyChord(.enter)) == [], "asked once")
    Self.answer(&fixture, CacheFixture.finding(keys: 2, names: ["task:1", "task:2"]))
    #expect(fixture.type("y") == [], "a key typed ahead")
    fixture.wait(300)
    #expect(fixture.type("y") == [.perform(.cacheInvalidate(Self.pattern))])
    #expect(!fixture.isPopupOpen)
    let outcome = Outcome(auditID: "a-7", result: .cacheInvalidated(CacheFixture.finding(keys: 2)))
    fixture.receive(.outcome(.cacheInvalidate(Self.pattern), .success(outcome)))
    #expect(fixture.screen.contains("invalidated 2 keys, 2.0K (a-7): default pattern task:*"))
  }

  @Test func theSafeButtonHasTheFocus() {
    var fixture = Self.asked()
    Self.answer(&fixture, CacheFixture.finding(keys: 2, names: ["task:1", "task:2"]))
    fixture.wait(300)
    #expect(fixture.press(KeyChord(.enter)) == [])
    #expect(!fixture.isPopupOpen)
  }

  @Test func manyKeysWantTheirCountTyped() {
    var fixture = Self.asked()
    Self.answer(&fixture, CacheFixture.finding(keys: 1_001, names: Self.names(1_000)))
    fixture.wait(300)
    #expect(fixture.type("y") == [] && fixture.press(KeyChord(.enter)) == [])
    fixture.press(KeyChord(.backspace))
    fixture.type("1001")
    #expect(fixture.press(KeyChord(.enter)) == [.perform(.cacheInvalidate(Self.pattern))])
  }

  @Test func howManyIsNotKnownWhileRedisIsAway() {
    var fixture = Self.asked(redis: CacheFixture.away())
    Self.answer(&fixture, CacheFixture.finding(keys: 0, names: [], isComplete: false))
    #expect(fixture.screen.contains("Redis is away") && fixture.screen.contains("at least 0 keys"))
    fixture.wait(300)
    fixture.type("default")
    #expect(fixture.press(KeyChord(.enter)) == [.perform(.cacheInvalidate(Self.pattern))])
    let finding = CacheFixture.finding(keys: 0, durability: .journalled)
    let outcome = Outcome(auditID: "a-8", result: .cacheInvalidated(finding))
    fixture.receive(.outcome(.cacheInvalidate(Self.pattern), .success(outcome)))
    #expect(fixture.screen.contains("queued for Redis"))
  }

  @Test func whereNothingFitsThereIsNothingToConfirm() {
    var fixture = Self.asked()
    Self.answer(&fixture, CacheFixture.finding(keys: 0, names: []))
    #expect(fixture.screen.contains("nothing to invalidate"))
    fixture.type("x")
    #expect(fixture.screen.contains("task:*x"), "the form goes on")
  }

  @Test func aRefusalStaysInTheForm() {
    var fixture = Self.asked()
    fixture.receive(.answer(.cacheSurvey(Self.pattern), .failure(Failure(.denied, "this namespace is the node's own"))))
    #expect(fixture.isPopupOpen && fixture.screen.contains("✗ this namespace is the node's own"))
  }

  @Test func anAnswerThatComesAfterTheFormWasClosedOpensNothing() {
    var fixture = Self.asked()
    fixture.press(KeyChord(.escape))
    Self.answer(&fixture, CacheFixture.finding(keys: 2, names: ["a", "b"]))
    #expect(!fixture.isPopupOpen)
    fixture.type("iother")
    Self.answer(&fixture, CacheFixture.finding(keys: 2, names: ["a", "b"]))
    #expect(!fixture.screen.contains("cannot be undone"))
  }

  @Test func everyStrategyCanBeAskedFor() {
    func asks(_ keys: (inout ModelFixture) -> Void) -> [Effect] {
      var fixture = CacheFixture.busy(seconds: 1)
      fixture.type("i")
      keys(&fixture)
      return fixture.press(KeyChord(.enter))
    }
    func choose(_ fixture: inout ModelFixture, _ steps: Int) {
      fixture.press(KeyChord(.up), KeyChord(.up))
      for _ in 0..<steps { fixture.press(KeyChord(.right)) }
    }
    #expect(asks { _ in } == [], "nothing typed, nothing asked")
    let tags = asks {
      choose(&$0, 1)
      $0.press(KeyChord(.tab), KeyChord(.tab))
      $0.type("a,b")
    }
    #expect(tags == [.ask(.cacheSurvey(.init(namespace: "default", .tags(["a", "b"]))))])
    let key = asks {
      choose(&$0, 3)
      $0.press(KeyChord(.tab), KeyChord(.tab))
      $0.type("a *,b")
    }
    #expect(key == [.ask(.cacheSurvey(.init(namespace: "default", .key("a *,b"))))])
    let files = asks {
      choose(&$0, 2)
      $0.press(KeyChord(.tab))
      $0.type(" ")
      $0.press(KeyChord(.tab), KeyChord(.tab))
      $0.type("api")
      $0.press(KeyChord(.tab))
      _ = $0.model.handle(.paste("a.swift,b.swift\nq"), now: $0.now)
    }
    let event = CacheSelection.Strategy.event(.fileChange, project: "api", paths: ["a.swift", "b.swift"])
    #expect(files == [.ask(.cacheSurvey(.init(namespace: "default", event)))])
  }

  @Test func theSelectedNamespaceIsProposed() {
    var fixture = CacheFixture.busy(seconds: 1)
    fixture.type("4jix*")
    #expect(
      fixture.press(KeyChord(.enter)) == [.ask(.cacheSurvey(CacheSelection(namespace: "ctx", .pattern("x*"))))])
  }

  @Test(arguments: [
    ("pattern 'x *' in plans", CacheSelection(namespace: "plans", .pattern("x *"))),
    ("tag a,b", CacheSelection(namespace: "default", .tags(["a", "b"]))),
    ("key \"it's\"", CacheSelection(namespace: "default", .key("it's"))),
    ("event git-commit", CacheSelection(namespace: "default", .event(.gitCommit, project: nil, paths: []))),
    ("event git-commit api in p", CacheSelection(namespace: "p", .event(.gitCommit, project: "api", paths: []))),
    (
      "event file-change api a,b",
      CacheSelection(namespace: "default", .event(.fileChange, project: "api", paths: ["a", "b"]))
    ),
  ]) func thePaletteTakesTheWholeQuestion(_ typed: String, _ selection: CacheSelection) {
    var fixture = CacheFixture.busy(seconds: 1)
    fixture.type(":invalidate \(typed)")
    #expect(fixture.press(KeyChord(.enter)) == [.ask(.cacheSurvey(selection))])
  }

  @Test(arguments: ["pattern", "pattern 'x", "rain x", "pattern a b", "event rain", "key", "pattern ''"])
  func whatThePaletteCannotReadIsSaid(_ typed: String) {
    var fixture = CacheFixture.busy(seconds: 1)
    fixture.type(":invalidate \(typed)")
    #expect(fixture.press(KeyChord(.enter)) == [])
    #expect(fixture.screen.contains("✗"))
  }

  @Test func aReadOnlyConsoleAndALostLinkRefuse() {
    var readOnly = ModelFixture(isEmbedded: false, isReadOnly: true)
    readOnly.receive(.snapshot(CacheFixture.snapshot(CacheFixture.cache())))
    #expect(readOnly.type("i") == [.bell])
    #expect(readOnly.screen.contains("this console is read-only"))
    var lost = ModelFixture(isEmbedded: false)
    lost.receive(.snapshot(CacheFixture.snapshot(CacheFixture.cache())))
    lost.receive(.link(.lost(sinceMilliseconds: 0, retryAtMilliseconds: 0, reason: "gone")))
    #expect(lost.type("i") == [.bell])
  }

  @Test func aClickChoosesARow() throws {
    var fixture = CacheFixture.busy(seconds: 1)
    fixture.type("i")
    let y = try #require(fixture.lines.firstIndex { $0.contains("Namespace   ") })
    fixture.click(x: 60, y: y)
    fixture.press(.control("u"))
    fixture.type("plans")
    fixture.press(KeyChord(.down))
    fixture.type("x")
    #expect(fixture.press(KeyChord(.enter)) == [.ask(.cacheSurvey(CacheSelection(namespace: "plans", .pattern("x"))))])
  }
}
