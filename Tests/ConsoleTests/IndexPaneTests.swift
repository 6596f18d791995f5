import Base
import ControlPlane
import Testing

@testable import Console

struct IndexPaneTests {
  private static let sizes = [(80, 24), (120, 40), (200, 60)]

  private static func compare(_ fixture: ModelFixture, with name: String) throws {
    let text = PanePicture.text(fixture, .index)
    #expect(text == (try Golden.text("index-\(name)", written: text)))
  }

  @Test(arguments: sizes) func everyStateOfAProjectIsShown(_ size: (Int, Int)) throws {
    try Self.compare(IndexFixture.console(size.0, size.1), with: "busy-\(size.0)x\(size.1)")
  }

  @Test(arguments: sizes) func zoomedThereAreRunsAndJourneys(_ size: (Int, Int)) throws {
    var fixture = IndexFixture.console(size.0, size.1)
    fixture.type("22")
    try Self.compare(fixture, with: "zoom-\(size.0)x\(size.1)")
    #expect(fixture.screen.contains("LAST RUNS") && fixture.screen.contains("COMMIT TO BROADCAST"))
    #expect(fixture.screen.contains("detect 2 invalidate 1"))
  }

  @Test func anIndexWithoutProjectsSaysHowToAddOne() {
    let fixture = IndexFixture.console(index: IndexSnapshot())
    #expect(fixture.screen.contains("no projects yet"))
    #expect(fixture.screen.contains(":add PATH"))
  }

  @Test func progressMovesBetweenTwoSnapshots() {
    var fixture = IndexFixture.console()
    #expect(fixture.screen.contains("82%"))
    let progress = ReindexProgress(
      project: IndexFixture.id("api"), filesDone: 90, filesTotal: 100, filesPerSecond: 2_000, etaSeconds: 1,
      currentFile: "src/late.ts")
    fixture.receive(.events([Event(timeMilliseconds: 0, body: .indexProgress(progress))]))
    #expect(fixture.screen.contains("90%") && !fixture.screen.contains("82%"))
  }

  @Test func theSelectionIsAProjectAndNotALine() throws {
    var fixture = IndexFixture.console()
    fixture.type("2jjj")
    var index = IndexFixture.index()
    index.projects.removeFirst()
    fixture.receive(.snapshot(IndexFixture.snapshot(index)))
    let pane = try #require(fixture.model.panes[.index] as? IndexPane)
    #expect(pane.selected?.id == IndexFixture.id("web"))
  }

  @Test func rReindexesTheSelectedProjectAtOnceAndTheResultIsTold() {
    var fixture = IndexFixture.console()
    let request = ReindexRequest(project: IndexFixture.id("web"))
    #expect(fixture.type("2jjjr") == [.perform(.reindex(request))])
    let outcome = Outcome(auditID: "a-1", result: .reindexed(IndexFixture.report("web", failed: ["src/x.py"])))
    fixture.receive(.outcome(.reindex(request), .success(outcome)))
    #expect(fixture.screen.contains("web: 12 files, 98,112 chunks in 0.03 s (a-1); 1 file failed: src/x.py"))
  }

  @Test func everythingFromScratchAsksFirst() {
    var fixture = IndexFixture.console()
    #expect(fixture.type("2R").isEmpty && fixture.isPopupOpen)
    #expect(fixture.screen.contains("Reindex 4 projects") && fixture.screen.contains("55,774 files"))
    fixture.wait(400)
    let ids = ["api", "core", "docs", "web"].map { IndexFixture.id($0) }
    #expect(fixture.type("y") == ids.map { .perform(.reindex(ReindexRequest(project: $0, isFull: true))) })
  }

  @Test func onlyARunThatGoesOnIsCancelledAndOnlyAfterAQuestion() {
    var fixture = IndexFixture.console()
    #expect(fixture.type("2jK") == [.bell])
    #expect(fixture.screen.contains("core is not being indexed"))
    fixture.type("kK")
    fixture.wait(400)
    #expect(fixture.type("y") == [.perform(.cancelReindex(id: IndexFixture.id("api")))])
  }

  @Test func theFilterKeepsWhatFitsAndEscapeBringsAllBack() {
    var fixture = IndexFixture.console()
    fixture.type("2/git/w")
    fixture.press(KeyChord(.enter))
    #expect(!PanePicture.text(fixture, .index).contains("docs"))
    #expect(PanePicture.text(fixture, .index).contains("/git/w"))
    fixture.press(KeyChord(.escape))
    #expect(PanePicture.text(fixture, .index).contains("docs"))
  }

  @Test(arguments: [(80, 24), (120, 40)]) func aSearchShowsPlacesAndTheLinesOfTheSelectedOne(_ size: (Int, Int)) throws
  {
    var fixture = IndexFixture.console(size.0, size.1)
    fixture.type("2fwhere is the session refreshed lang:typescript path:src/**")
    let query = SearchQuery(
      "where is the session refreshed", limit: SearchSheet.limit, language: "typescript", path: "src/**")
    #expect(fixture.press(KeyChord(.enter)) == [.ask(.search(query))])
    #expect(fixture.screen.contains("… searching"))
    fixture.receive(.answer(.search(query), .success(.search(SearchReply(hits: (0..<12).map(IndexFixture.hit))))))
    fixture.press(KeyChord(.down))
    let screen = fixture.screen
    #expect(screen == (try Golden.text("search-\(size.0)x\(size.1)", written: screen)))
    #expect(screen.contains("refreshSession1(token"))
    #expect(fixture.press(KeyChord(.enter)).isEmpty)
    #expect(fixture.screen.contains("e opens it in the editor"))
    #expect(fixture.type("y") == [.copy("src/session/auth1.ts:42")])
    #expect(fixture.type("e") == [.edit(file: "/srv/git/api/src/session/auth1.ts", line: 42)])
    fixture.press(KeyChord(.escape))
    #expect(fixture.isPopupOpen && fixture.screen.contains("Enter shows it"), "back to the question")
    #expect(fixture.type("e").isEmpty, "a letter of the question again")
  }

  @Test func aSearchThatFailsSaysWhyAndAnAnswerToAnotherQuestionIsNotShown() {
    var fixture = IndexFixture.console()
    fixture.type("2ftoken")
    fixture.press(KeyChord(.enter))
    let query = SearchQuery("token", limit: SearchSheet.limit)
    let other = SearchQuery("session", limit: SearchSheet.limit)
    fixture.receive(.answer(.search(other), .success(.search(SearchReply(hits: [IndexFixture.hit(0)])))))
    #expect(!fixture.screen.contains("refreshSession"))
    fixture.receive(.answer(.search(query), .failure(Failure(.invalid, "the query is too long"))))
    #expect(fixture.screen.contains("the query is too long"))
    fixture.press(KeyChord(.escape))
    #expect(!fixture.isPopupOpen)
  }

  @Test func aReadOnlyConsoleSearchesAndReindexesNothing() {
    var fixture = IndexFixture.console(isReadOnly: true)
    #expect(fixture.type("2r") == [.bell])
    #expect(fixture.screen.contains("this console is read-only"))
    fixture.type("f")
    #expect(fixture.isPopupOpen)
  }

  @Test func everyHeightIsFilledExactly() {
    for height in 0...60 {
      for projects in [0, 1, 40] {
        for extra in 0...2 {
          let plan = IndexPlan(height: height, projects: projects, extra: extra)
          #expect(plan.table + plan.facts + plan.charts + plan.gap + plan.below == height)
        }
      }
    }
  }

  @Test(arguments: LayoutTests.sizes) func anySizeAndStateIsDrawnWhole(_ size: (Int, Int)) {
    for index in [nil, IndexSnapshot(), IndexFixture.index()] {
      for keys in ["", "2", "22", "2f", "2R", "2/a"] {
        for glyphs in [GlyphSet.braille, .ascii] {
          var fixture = IndexFixture.console(size.0, size.1, index: index, glyphs: glyphs)
          fixture.type(keys)
          #expect(fixture.lines.count == size.1)
          #expect(fixture.lines.allSatisfy { $0.count <= size.0 })
        }
      }
    }
  }
}
