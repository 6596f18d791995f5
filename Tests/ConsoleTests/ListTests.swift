import Base
import ControlPlane
import Testing

@testable import Console

/// Filters, orders and marks: the same keys in every list.
struct ListTests {
  /// A console whose panes all have rows.
  private static func console(_ width: Int = 120, _ height: Int = 40) -> ModelFixture {
    var fixture = ModelFixture(width: width, height: height)
    var snapshot = IndexFixture.snapshot()
    snapshot.sandbox = SandboxFixture.sandbox()
    snapshot.cache = CacheFixture.cache()
    snapshot.gateway = GatewayFixture.gateway(1_284)
    fixture.receive(.snapshot(snapshot))
    fixture.receive(.answer(.benchHistory(limit: 20), .success(.benchHistory([report]))))
    fixture.receive(ModelFixture.events([ModelFixture.record("redis is away", level: .warning)]))
    return fixture
  }

  private static let report = BenchReport(
    id: "b-1", commit: "9f31c2e", timeMilliseconds: ModelFixture.start.wall,
    machine: .init(cores: 4, memoryBytes: 8 << 30, kernel: "6.1.0", load: 0.4),
    results: [
      .init(suite: "gateway", name: "fan-out", value: 2.6, unit: "ms", target: 2.4, p99: 2.6, samples: 30),
      .init(suite: "console", name: "key to paint", value: 0.6, unit: "ms", target: 2, p99: 13, samples: 200),
      .init(suite: "memory", name: "idle", value: 18.4, unit: "MB", samples: 3),
    ])

  private static func rows(_ fixture: ModelFixture, _ pane: PaneID) -> [String] {
    switch fixture.model.panes[pane] {
    case let pane as IndexPane: pane.projects.map(\.id.rawValue)
    case let pane as SandboxPane: pane.runs.map(\.id)
    case let pane as CachePane: pane.namespaces.map(\.name)
    case let pane as BenchPane: pane.list.rows.map(\.name)
    default: []
    }
  }

  struct Filtered: Sendable {
    var pane: PaneID
    var filter: String
    var rows: [String]
  }

  private static let filters: [Filtered] = [
    .init(pane: .index, filter: "state=failed", rows: ["core"]),
    .init(pane: .index, filter: "!state=failed files>1000", rows: ["api", "web"]),
    .init(pane: .index, filter: "re:^(web|docs) ", rows: ["docs", "web"]),
    .init(pane: .index, filter: "error=\"cannot read\"", rows: ["core"]),
    .init(pane: .index, filter: "hit<50", rows: ["web"]),
    .init(pane: .sandbox, filter: "language=go", rows: ["r-553"]),
    .init(pane: .sandbox, filter: "state=running !language=python", rows: ["r-552"]),
    .init(pane: .cache, filter: "bytes>10M", rows: ["ast", "ctx"]),
    .init(pane: .cache, filter: "hit<50", rows: ["llm", "tool"]),
    .init(pane: .bench, filter: "verdict=missed", rows: ["fan-out"]),
    .init(pane: .bench, filter: "suite=m*", rows: ["idle"]),
    .init(pane: .bench, filter: "share>10", rows: ["fan-out", "key to paint"]),
  ]

  @Test(arguments: filters) func aFilterHasTheFieldsOfItsList(_ filtered: Filtered) {
    var fixture = Self.console(200, 60)
    fixture.type("\(filtered.pane.rawValue)/\(filtered.filter)")
    fixture.press(KeyChord(.enter))
    #expect(!fixture.isPopupOpen)
    #expect(Self.rows(fixture, filtered.pane) == filtered.rows)
    #expect(PanePicture.text(fixture, filtered.pane).contains("/\(filtered.filter.prefix(20))"), "in the title")
    fixture.press(KeyChord(.escape))
    #expect(Self.rows(fixture, filtered.pane).count > filtered.rows.count, "Esc takes it away")
  }

  @Test(arguments: PaneID.allCases) func whatIsNoFilterIsOneLineAndEnterDoesNotTakeIt(_ pane: PaneID) {
    for wrong in ["re:(", "re:a{1,400}"] + (pane == .log ? [] : ["nosuch=1", "nosuch>1"]) {
      var fixture = Self.console()
      fixture.type("\(pane.rawValue)/\(wrong)")
      #expect(fixture.press(KeyChord(.enter)) == [.bell], "\(wrong)")
      #expect(fixture.lines[39].contains("re: ") || fixture.lines[39].contains("the filter "), "\(fixture.lines[39])")
      fixture.press(KeyChord(.escape))
      #expect(fixture.model.panes[pane].filter.isEmpty)
    }
  }

  @Test func theListsUnderATableShowWhatTheFilterLetsThrough() {
    var fixture = Self.console(200, 60)
    fixture.type("22/web")
    fixture.press(KeyChord(.enter))
    let index = PanePicture.text(fixture, .index)
    #expect(index.contains("✓ web") && !index.contains("✗ core"), "the last runs too")
    fixture.type("44/ast")
    fixture.press(KeyChord(.enter))
    #expect(PanePicture.text(fixture, .cache).contains("nothing invalidated yet"), "that was of another namespace")
  }

  @Test func aFilterThatWasSetWhileThePictureStoodStillIsThereAfterwards() {
    var fixture = Self.console()
    fixture.type("p4/ast")
    fixture.press(KeyChord(.enter))
    fixture.type("p")
    #expect(Self.rows(fixture, .cache) == ["ast"])
  }

  // MARK: - Order

  @Test func theNextColumnSortsAndTheTitleAndTheHeadSaySo() {
    var fixture = Self.console(200, 60)
    fixture.type(":sort files")
    fixture.press(KeyChord(.enter))
    #expect(fixture.model.panes.log.sorting == nil, "the log has the focus, and one order only")
    #expect(fixture.screen.contains("the log is in the order of time"))
    fixture.type("2oo")
    #expect(fixture.model.panes[.index].sorting?.name == "ref")
    fixture.type("o")
    #expect(Self.rows(fixture, .index) == ["core", "docs", "api", "web"], "what needs an eye first")
    #expect(PanePicture.text(fixture, .index).contains("PROGRESS↓"))
    #expect(PanePicture.text(fixture, .index).contains("sort state↓"))
    fixture.type("O")
    #expect(Self.rows(fixture, .index) == ["web", "api", "docs", "core"])
    fixture.type(":sort -chunks")
    fixture.press(KeyChord(.enter))
    #expect(Self.rows(fixture, .index) == ["api", "web", "core", "docs"])
    fixture.type(":sort size")
    fixture.press(KeyChord(.enter))
    #expect(fixture.screen.contains("sort: no column is called 'size' (columns: project, ref"), "\(fixture.screen)")
    #expect(Self.rows(fixture, .index) == ["api", "web", "core", "docs"])
  }

  @Test(arguments: [PaneID.index, .sandbox, .cache, .bench])
  func everyColumnSortsCompletelyAndAfterTheLastTheOldOrderComesBack(_ pane: PaneID) {
    var fixture = Self.console()
    fixture.type("\(pane.rawValue)")
    let usual = Self.rows(fixture, pane)
    var names: [String] = []
    repeat {
      fixture.type("o")
      let sorted = Self.rows(fixture, pane)
      #expect(sorted.sorted() == usual.sorted())
      if let sorting = fixture.model.panes[pane].sorting {
        names.append(sorting.name)
        fixture.type("O")
        #expect(Self.rows(fixture, pane) == sorted.reversed(), "\(sorting.name)")
        fixture.type("O")
      }
    } while fixture.model.panes[pane].sorting != nil && names.count < 20
    #expect(names.count >= 7 && Set(names).count == names.count)
    #expect(Self.rows(fixture, pane) == usual)
  }

  @Test(arguments: [PaneID.sockets, .index, .sandbox, .cache, .bench])
  func theSortMovesToTheColumnBesideAndNotBeyondTheEdge(_ pane: PaneID) {
    var fixture = Self.console()
    fixture.type("\(pane.rawValue)")
    var name: String? { fixture.model.panes[pane].sorting?.name }
    var names: [String?] = []
    for _ in 0..<20 {
      fixture.type(">")
      names.append(name)
    }
    let last = names.last ?? nil
    #expect(last != nil && names.suffix(3) == [last, last, last])
    fixture.type("<")
    let beside = name
    #expect(beside != last && names.contains(beside))
    fixture.type(">")
    #expect(name == last)
    for _ in 0..<20 { fixture.type("<") }
    #expect(name != nil && name != last && name != beside)
  }

  @Test func theSelectionStaysWithItsRowWhenOthersComeAndAnOrderBeginsAtItsTop() {
    var fixture = Self.console()
    fixture.type("2j")
    #expect(fixture.model.panes[.index].selectedText?.hasPrefix("core") == true)
    var index = IndexFixture.index()
    index.projects.append(
      ProjectStatus(id: IndexFixture.id("aaa"), path: "/srv/a", state: .ready, files: 1, chunks: 1))
    fixture.receive(.snapshot(IndexFixture.snapshot(index)))
    #expect(fixture.model.panes[.index].selectedText?.hasPrefix("core") == true)
    fixture.type(":sort -files")
    fixture.press(KeyChord(.enter))
    #expect(fixture.model.panes[.index].selectedText?.hasPrefix("api") == true)
  }

  // MARK: - Marks

  @Test func markedProjectsAreReindexedTogetherAfterAQuestionThatNamesThem() {
    var fixture = Self.console()
    fixture.type("2  ")
    #expect(fixture.model.panes[.index].marks == ["api", "core"])
    #expect(PanePicture.text(fixture, .index).contains("2 marked"))
    #expect(fixture.type("r").isEmpty)
    #expect(fixture.screen.contains("Reindex 2 projects") && fixture.screen.contains("core"))
    fixture.wait(400)
    let wanted = ["api", "core"].map { Effect.perform(.reindex(ReindexRequest(project: IndexFixture.id($0)))) }
    #expect(fixture.type("y") == wanted)
    let outcome = Outcome(auditID: "a-1", result: .reindexed(IndexFixture.report("api")))
    fixture.receive(.outcome(.reindex(ReindexRequest(project: IndexFixture.id("api"))), .success(outcome)))
    #expect(fixture.model.panes[.index].marks == ["core"], "what is done is marked no longer")
    fixture.press(KeyChord(.escape))
    #expect(fixture.model.panes[.index].marks.isEmpty)
  }

  @Test func moreThanTenWantTheirCountTypedAndNoMoreCanBeMarkedThanCanWait() throws {
    var index = IndexFixture.index()
    index.projects = (0..<70).map { number in
      ProjectStatus(
        id: IndexFixture.id("p\(number)"), path: "/srv/\(number)", state: .indexing, files: 1, chunks: 1)
    }
    var fixture = IndexFixture.console(index: index)
    fixture.type("2/re:^p1")
    fixture.press(KeyChord(.enter))
    fixture.type("*K")
    #expect(fixture.screen.contains("Type their count, 11, to go on"))
    fixture.wait(400)
    #expect(fixture.type("y").isEmpty && fixture.press(KeyChord(.enter)).isEmpty)
    fixture.press(KeyChord(.backspace))
    fixture.type("11")
    #expect(fixture.press(KeyChord(.enter)).count == 11)
    fixture.type("*")
    #expect(fixture.model.panes[.index].marks.isEmpty, "all were marked: now none is")
    fixture.press(KeyChord(.escape))
    fixture.type("*")
    #expect(fixture.model.panes[.index].marks.count == Console.ordersMax)
    #expect(fixture.screen.contains("no more than 64 projects can be marked"))
  }

  @Test func ofMarkedRunsThoseThatHaveNotEndedAreKilled() {
    var fixture = Self.console()
    fixture.type("3*K")
    #expect(fixture.screen.contains("Kill 3 runs") && fixture.screen.contains("r-551  python, by claude/refactor"))
    fixture.wait(400)
    #expect(Set(fixture.type("y").map { "\($0)" }).count == 3)
  }

  @Test(arguments: [PaneID.cache, .bench, .log]) func whereNothingIsDoneToSeveralRowsTheKeySaysSo(_ pane: PaneID) {
    var fixture = Self.console()
    fixture.type("\(pane.rawValue) ")
    #expect(fixture.screen.contains("nothing here is done to several rows"))
  }

  @Test func whatNeedsASelectionSaysSoUnlessItsObjectIsNamed() {
    var fixture = IndexFixture.console(index: IndexSnapshot(projects: []))
    fixture.type("2r")
    #expect(fixture.screen.contains("not done: no project is selected"))
    #expect(!fixture.lines[39].contains("r reindex"), "the footer names only what works")
    fixture.type(":reindex api")
    #expect(
      fixture.press(KeyChord(.enter)) == [.perform(.reindex(ReindexRequest(project: IndexFixture.id("api"))))])
  }
}
