import ControlPlane
import Testing

@testable import Console

struct PaletteTests {
  @Test(arguments: [
    ("quit", "quit"), ("thm", "theme"), ("zoom", "focus.zoom"), ("drain", "node.drain"), ("help", "help"),
    ("reindex", "index.reindex"), ("flt", "list.filter"), ("next theme", "theme.next"), ("pause", "pause"),
  ])
  func whatWasMeantComesFirst(_ typed: String, _ id: String) {
    #expect(Palette.entries(for: typed, pane: .log).first?.action.id == id)
  }

  @Test func beginningsOfWordsAndRunsOfLettersCountMore() throws {
    let whole = try #require(FuzzyMatch.score("log", in: "log level"))
    let scattered = try #require(FuzzyMatch.score("log", in: "let others go"))
    let late = try #require(FuzzyMatch.score("log", in: "the catalogue"))
    #expect(whole > scattered && whole > late)
    #expect(FuzzyMatch.score("gol", in: "log") == nil)
    #expect(FuzzyMatch.score("", in: "anything") == 0)
  }

  @Test func nothingTypedListsEveryAction() {
    #expect(Palette.entries(for: "", pane: .cache).count == ActionRegistry.all.count)
  }

  @Test(arguments: [
    (":theme mono", Effect.setTheme("mono")), (":set refresh 1s", .setRefresh(1_000)),
    (":set refresh 0.5s", .setRefresh(500)),
    (":add /srv/git/new one", .perform(.addProject(path: "/srv/git/new one", id: nil))),
    (":node level debug", .perform(.setLogLevel(.debug))),
  ])
  func commandWordsTakeTheirArgument(_ typed: String, _ effect: Effect) {
    var fixture = ModelFixture()
    fixture.type(typed)
    #expect(fixture.press(KeyChord(.enter)) == [effect])
  }

  @Test func levelAndScreenFileAndQuitAreCommandWordsToo() {
    var fixture = ModelFixture(isEmbedded: false)
    fixture.type(":level warn")
    fixture.press(KeyChord(.enter))
    #expect(fixture.model.panes.log.book.level == .warning)
    fixture.type(":w shot.txt")
    let effects = fixture.press(KeyChord(.enter))
    guard case .writeFile("shot.txt", let text)? = effects.first else {
      Issue.record("no file: \(effects)")
      return
    }
    #expect(text.contains("1 Sockets") && text.split(separator: "\n").count == 24)
    fixture.type(":q")
    #expect(fixture.press(KeyChord(.enter)) == [.detach])
  }

  @Test(arguments: [":set refresh 1ms", ":set refresh soon", ":set refresh 99999999999999999999s", ":level loud"])
  func anArgumentThatIsWrongChangesNothingAndSaysWhatIsAccepted(_ typed: String) {
    var fixture = ModelFixture(width: 120, height: 40)
    fixture.type(typed)
    #expect(fixture.press(KeyChord(.enter)) == [])
    #expect(fixture.model.toasts.last?.kind == .failed)
    #expect(fixture.model.refresh == FrameClock.defaultInterval)
  }

  @Test func anActionThatWantsAnArgumentGetsItsCommandWordToTypeAfter() {
    var fixture = ModelFixture()
    fixture.type(":folder known")
    fixture.press(KeyChord(.enter))
    #expect(fixture.screen.contains(":add "))
    fixture.type("/x")
    #expect(fixture.press(KeyChord(.enter)) == [.perform(.addProject(path: "/x", id: nil))])
  }

  @Test func helpRunsTheLineThatIsSelected() {
    var fixture = ModelFixture(isEmbedded: false)
    fixture.press(.character("?"))
    #expect(fixture.screen.contains("─ Help ─"))
    let wanted = ActionRegistry.standard.action("detach")?.title
    for _ in 0..<200 where fixture.selectedInHelp != wanted { fixture.press(.character("j")) }
    #expect(fixture.press(KeyChord(.enter)) == [.detach])
  }

  @Test func theThemePickerShowsEachThemeAndEscapeTakesTheOldOneBack() {
    var fixture = ModelFixture()
    fixture.press(.character("t"))
    #expect(fixture.press(.character("k")) == [.setTheme("mono")])
    #expect(fixture.press(.character("k")) == [.setTheme("ansi")])
    #expect(fixture.press(KeyChord(.escape)) == [.setTheme("signalbox-dark")])
    fixture.press(.character("t"), .character("k"))
    #expect(fixture.press(KeyChord(.enter)) == [])
    #expect(fixture.model.themeName == "mono")
  }
}
