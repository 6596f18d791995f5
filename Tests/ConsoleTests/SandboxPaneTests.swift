import Base
import ControlPlane
import Foundation
import TestKit
import Testing

@testable import Console

struct SandboxPaneTests {
  private static let sizes = [(80, 24), (120, 40), (200, 60)]

  private static func compare(_ fixture: ModelFixture, with name: String) throws {
    let text = PanePicture.text(fixture, .sandbox)
    #expect(text == (try Golden.text("sandbox-\(name)", written: text)))
  }

  @Test(arguments: sizes) func everyOutcomeIsShown(_ size: (Int, Int)) throws {
    try Self.compare(SandboxFixture.console(size.0, size.1), with: "busy-\(size.0)x\(size.1)")
  }

  @Test(arguments: sizes) func zoomedTheSelectedRunIsShownWhole(_ size: (Int, Int)) throws {
    var fixture = SandboxFixture.console(size.0, size.1)
    let first = SandboxFixture.run(3).id
    // Where there is room for both, the first run is asked for before anybody goes there.
    let asked = fixture.type("33jjjj")
    #expect(asked == (size.0 == 200 ? [] : [.ask(.run(id: first))]))
    let run = SandboxFixture.sandbox().recent[1]
    // One question at a time; what was asked of another run is not shown here.
    let late = fixture.receive(.answer(.run(id: first), .failure(Failure(.notFound, "no run of that id"))))
    #expect(late == [.ask(.run(id: run.id))])
    #expect(!fixture.screen.contains("no run of that id"))
    fixture.receive(.answer(.run(id: run.id), .success(.run(SandboxFixture.detail(run)))))
    try Self.compare(fixture, with: "zoom-\(size.0)x\(size.1)")
    #expect(fixture.screen.contains("seccomp: none") && fixture.screen.contains("import of socket"))
  }

  @Test func aNodeThatCannotRunAnythingSaysWhy() {
    var sandbox = SandboxSnapshot(backend: "none")
    sandbox.languages = [.init(name: "python", missing: "bubblewrap is not installed: apt-get install bubblewrap")]
    let fixture = SandboxFixture.console(sandbox: sandbox)
    #expect(fixture.screen.contains("nothing can be run here") && fixture.screen.contains("▲ cannot run"))
    #expect(SandboxFixture.console(sandbox: SandboxSnapshot(backend: "docker")).screen.contains("no runs yet"))
  }

  @Test func aRunMovesFromRunningToEndedBetweenTwoSnapshots() throws {
    var fixture = SandboxFixture.console()
    var run = SandboxFixture.run(1, .finished, .timedOut, title: "for chunk in read():")
    run.durationMilliseconds = 30_000
    fixture.receive(.events([Event(timeMilliseconds: 0, body: .run(run))]))
    let pane = try #require(fixture.model.panes[.sandbox] as? SandboxPane)
    #expect(pane.snapshot?.active.contains { $0.id == run.id } == false)
    #expect(pane.snapshot?.recent.first == run && pane.snapshot?.running == 1)
    // The log has a line of it.
    #expect(fixture.screen.contains("r-551 timeout after 00:30"))
  }

  @Test func whatARunWritesIsSeenWhileItRunsAndControlBytesAreNot() {
    var fixture = SandboxFixture.console()
    fixture.type("33jj")
    let run = SandboxFixture.run(1, .running)
    let piece = RunOutput(
      id: run.id, actor: run.actor, stream: .stdout, bytes: Blob(Array("line one\n\u{1B}[31mred\n".utf8)))
    fixture.receive(.events([Event(timeMilliseconds: 0, body: .runOutput(piece))]))
    #expect(fixture.screen.contains("line one"))
    #expect(!fixture.screen.contains("\u{1B}"))
  }

  @Test(arguments: [(80, 24), (120, 40)]) func aProgramIsTypedAndRun(_ size: (Int, Int)) throws {
    var fixture = SandboxFixture.console(size.0, size.1)
    fixture.type("x")
    fixture.type("import sys")
    fixture.press(KeyChord(.enter))
    fixture.type("print(sys.argv)")
    fixture.press(KeyChord(.tab))
    fixture.type("one two")
    fixture.press(KeyChord(.tab))
    fixture.type("5s")
    let screen = fixture.screen
    #expect(screen == (try Golden.text("run-form-\(size.0)x\(size.1)", written: screen)))
    let request = RunRequest(
      language: "python", code: "import sys\nprint(sys.argv)", arguments: ["one", "two"], timeoutMilliseconds: 5_000)
    #expect(fixture.press(KeyChord(.enter)) == [.perform(.run(request))])
    #expect(!fixture.isPopupOpen)
    var result = try #require(SandboxFixture.detail(SandboxFixture.run(9)).result)
    result.exitCode = 0
    result.durationMilliseconds = 41
    fixture.receive(.outcome(.run(request), .success(Outcome(auditID: "a-3", result: .run(result)))))
    #expect(fixture.screen.contains("python r-559 (a-3): ok in 41ms"))
  }

  @Test func whatIsMissingOrWrongIsSaidAndTheFormStays() {
    var fixture = SandboxFixture.console()
    fixture.type("x")
    #expect(fixture.press(.control("r")).isEmpty)
    #expect(fixture.screen.contains("write a program, or name a file"))
    fixture.model.popup = .run(RunForm(program: "1"))
    fixture.press(KeyChord(.tab), KeyChord(.tab))
    fixture.type("soon")
    #expect(fixture.press(KeyChord(.enter)).isEmpty && fixture.isPopupOpen)
    #expect(fixture.screen.contains("the timeout is a time such as"))
  }

  @Test func aFileOfThisMachineIsReadAndRun() throws {
    var fixture = SandboxFixture.console()
    fixture.type("x")
    fixture.press(KeyChord(.backtab))
    fixture.type("/tmp/a.py")
    #expect(fixture.press(KeyChord(.enter)) == [.readFile("/tmp/a.py")])
    // While it is read, nothing else is heard.
    #expect(fixture.press(KeyChord(.enter)).isEmpty)
    let effects = fixture.receive(.file("/tmp/a.py", .success("print(1)")))
    #expect(effects == [.perform(.run(RunRequest(language: "python", code: "print(1)")))])
    let folder = try TemporaryFolder()
    try folder.write("a.py", "print(2)\n")
    #expect(TextFile.read(folder.file("a.py")) == .success("print(2)\n"))
    for path in [folder.path, folder.file("none"), "/dev/zero"] {
      guard case .failure(let failure) = TextFile.read(path) else {
        Issue.record("\(path) was read")
        continue
      }
      #expect(failure.code == .invalid && failure.message.hasPrefix(path))
    }
  }

  @Test func aPastedProgramKeepsItsLines() throws {
    var fixture = SandboxFixture.console()
    fixture.type("x")
    _ = fixture.model.handle(.paste("for i in range(3):\n\tprint(i)\n"), now: fixture.now)
    let effects = fixture.press(.control("r"))
    #expect(effects == [.perform(.run(RunRequest(language: "python", code: "for i in range(3):\n\tprint(i)\n")))])
  }

  @Test func aKillNamesItsRunAndAsksAndAnEndedRunIsNotKilled() {
    var fixture = SandboxFixture.console()
    fixture.type("3jjK")
    #expect(fixture.screen.contains("Kill run") && fixture.screen.contains("r-551"))
    fixture.wait(400)
    #expect(fixture.type("y") == [.perform(.killRun(id: "r-551"))])
    #expect(fixture.type("jK") == [.bell])
    #expect(fixture.screen.contains("has ended"))
  }

  @Test func aRunIsChangedAndRunAgain() throws {
    var fixture = SandboxFixture.console()
    let run = SandboxFixture.sandbox().recent[0]
    #expect(fixture.type("3jjje") == [.ask(.run(id: run.id))])
    fixture.receive(.answer(.run(id: run.id), .success(.run(SandboxFixture.detail(run)))))
    #expect(fixture.isPopupOpen && fixture.screen.contains("print(json.dumps({}))"))
  }

  @Test func theFilterFindsAnOutcome() {
    var fixture = SandboxFixture.console()
    fixture.type("3/timedout")
    fixture.press(KeyChord(.enter))
    let text = PanePicture.text(fixture, .sandbox)
    #expect(text.contains("timeout") && !text.contains("blocked"))
  }

  @Test func everyHeightIsFilledExactly() {
    for height in 0...60 {
      for isAlone in [false, true] {
        let plan = SandboxPlan(height: height, showsDetail: isAlone)
        #expect(plan.table + plan.facts + plan.charts + plan.detail == height)
      }
    }
  }

  @Test(arguments: LayoutTests.sizes) func anySizeAndStateIsDrawnWhole(_ size: (Int, Int)) {
    for sandbox in [nil, SandboxSnapshot(backend: "none"), SandboxFixture.sandbox()] {
      for keys in ["", "3", "33", "33jjjj", "x", "3K", "3/a"] {
        for glyphs in [GlyphSet.braille, .ascii] {
          var fixture = SandboxFixture.console(size.0, size.1, sandbox: sandbox, glyphs: glyphs)
          fixture.type(keys)
          #expect(fixture.lines.count == size.1)
          #expect(fixture.lines.allSatisfy { $0.count <= size.0 })
        }
      }
    }
  }
}

struct TextAreaTests {
  @Test func keysEditAcrossLines() {
    var area = TextArea("one\ntwo")
    _ = area.handle(KeyChord(.end))
    _ = area.handle(KeyChord(.delete))
    #expect(area.text == "onetwo")
    _ = area.handle(KeyChord(.enter))
    #expect(area.text == "one\ntwo" && area.row == 1 && area.column == 0)
    _ = area.handle(KeyChord(.backspace))
    #expect(area.text == "onetwo" && area.column == 3)
    _ = area.handle(.control("k"))
    #expect(area.text == "one")
    let isTaken = area.handle(KeyChord(.up))
    #expect(!isTaken)
  }

  @Test func controlCharactersButTabsAreLeftOut() {
    var area = TextArea()
    area.insert("a\u{1B}[1m\tb\u{7F}\r\nc")
    #expect(area.text == "a[1m\tb\nc")
  }
}
