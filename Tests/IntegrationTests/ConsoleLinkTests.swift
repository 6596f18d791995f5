import Foundation
import Glibc
import Pty
import TestKit
import Testing

/// Attached consoles and a node that comes and goes.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConsoleLinkTests {
  private func clients(_ fixture: NodeFixture) async -> Int {
    let status = try? await fixture.json("status", "--json")
    return (status?["control"] as? [String: Any])?["clients"] as? Int ?? 0
  }

  @Test func oneOfTwoConsolesIsKilledAndNobodyNotices() async throws {
    let stage = try await ConsoleStage(ConsoleSetting(isAttached: true, width: 120, height: 40))
    let other = try stage.fixture.console(["attach"])
    try await other.expect("live 2 Hz")
    #expect(await eventually { await clients(stage.fixture) == 3 })
    other.signal(SIGKILL)
    _ = try await other.end()
    #expect(await eventually { await clients(stage.fixture) == 2 })
    // The console that is left sees what happens now.
    let added = try await stage.fixture.run("projects", "add", stage.fixture.folder.path, "--id", "later")
    #expect(added.status == .exited(0), "\(added.standardError)")
    try await stage.session.expect("project.add.*later|later.*project.add|project\\.add")
    #expect(stage.node?.isRunning == true)
    #expect(stage.node?.standardError.contains("ERROR") == false, "\(stage.node?.standardError ?? "")")
  }

  @Test func operatorsSeeEachOthersActionsByName() async throws {
    let stage = try await ConsoleStage(
      ConsoleSetting(isAttached: true, width: 120, height: 40), environment: ["SIGNALBOX_OPERATOR": "ada"])
    let other = try stage.fixture.console(
      ["attach"], width: 120, height: 40, ["SIGNALBOX_OPERATOR": "grace"])
    try await other.expect("live 2 Hz")
    for session in [stage.session, other] {
      // Nothing else may push the lines out of sight.
      session.type("/engine=operator")
      session.press("Enter")
      try await session.expect("/engine=operator · following")
    }
    stage.session.type(":node level debug")
    stage.session.press("Enter")
    try await other.expect("operator +ada log\\.level debug: ok")
    other.type(":add \(stage.fixture.folder.path)")
    other.press("Enter")
    try await stage.session.expect("operator +grace project\\.add")
    // Each sees its own among them, and an attempt that failed as well.
    other.type(":remove nosuch")
    other.press("Enter")
    try await other.expect("Remove project")
    let isTried = await eventually {
      if stage.session.screen.text.contains("grace project.remove nosuch") { return true }
      other.press("y")
      return false
    }
    #expect(isTried, "\(stage.session.screen.dump)")
    try await stage.session.expect("operator +ada log\\.level debug: ok")
    for session in [stage.session, other] {
      session.press("C-c", "C-c")
      let ending = try await session.end()
      #expect(ending.damage == [] && ending.exitCode == 0)
    }
  }

  @Test(arguments: [ConsoleSetting(isAttached: true), ConsoleSetting(isAttached: true, width: 200, height: 60)])
  func theConsoleFindsARestartedNodeAgain(setting: ConsoleSetting) async throws {
    let stage = try await ConsoleStage(setting)
    let first = stage.node?.processID
    try await stage.killNode()
    try await stage.session.expect("link lost, retry in [0-9]+ s")
    // The frame stays, and its keys work.
    stage.session.press("?")
    try await stage.session.expect("─ Help ─")
    stage.session.press("Esc")
    try await stage.session.absent("─ Help ─")
    stage.session.type(":add /tmp")
    stage.session.press("Enter")
    try await stage.session.expect("no link to the node")
    try await stage.restartNode()
    #expect(stage.node?.processID != first)
    try await stage.session.absent("link lost", within: .seconds(30))
    try await stage.session.expect("● live")
    stage.session.type(":node level debug")
    stage.session.press("Enter")
    try await stage.session.expect("log.level debug: done|level.*debug.*done")
    stage.session.press("D")
    let ending = try await stage.session.end()
    #expect(ending.damage == [] && ending.exitCode == 0)
  }

  @Test func aNodeThatStopsUnderAnOpenDialogIsSaidAndTheDialogStays() async throws {
    let stage = try await ConsoleStage(ConsoleSetting(isAttached: true, width: 120, height: 40))
    stage.session.type(":drain")
    stage.session.press("Enter")
    try await stage.session.expect("Drain the node")
    let stop = try await stage.fixture.run("stop")
    #expect(stop.status == .exited(0), "\(stop.standardError)")
    try await stage.session.expect("link lost")
    #expect(stage.session.screen.text.contains("Drain the node"))
    stage.session.press("Esc")
    try await stage.session.absent("Drain the node")
    stage.session.press("q")
    let ending = try await stage.session.end()
    #expect(ending.damage == [] && ending.exitCode == 0)
  }

  @Test(arguments: [["attach"], ["attach", "--read-only"], []]) func anotherProtocolVersionIsRefused(
    arguments: [String]
  ) async throws {
    let fixture = try NodeFixture()
    let foreign = try ForeignNode(path: fixture.socket)
    let session = try fixture.console(arguments, width: 300)
    #expect(
      await eventually {
        foreign.answer()
        return session.exitStatus() != nil
      })
    let ending = try await session.end()
    #expect(ending.exitCode == 1)
    #expect(ending.damage == [])
    #expect(!session.transcript.contains("\u{1B}[?1049h"), "the screen was never taken")
    let lines = ending.screen.lines.filter { !$0.isEmpty }
    #expect(lines.count == 1)
    #expect(lines.first?.contains("protocol") == true, "\(lines)")
  }

  @Test func aNodeThatReturnsInAnotherVersionIsRefusedInTheHeader() async throws {
    let stage = try await ConsoleStage(ConsoleSetting(isAttached: true, width: 200, height: 60))
    try await stage.killNode()
    let foreign = try ForeignNode(path: stage.fixture.socket)
    #expect(
      await eventually(within: .seconds(30)) {
        foreign.answer()
        return stage.session.screen.text.contains("refused: ")
      })
    #expect(stage.session.screen.text.contains("protocol"))
    stage.session.press("q")
    let ending = try await stage.session.end()
    #expect(ending.damage == [] && ending.exitCode == 0)
  }

  @Test func withoutANodeAttachSaysSoInOneLine() async throws {
    let fixture = try NodeFixture()
    let session = try fixture.console(["attach"], width: 300)
    let ending = try await session.end()
    #expect(ending.exitCode == 69)
    #expect(!session.transcript.contains("\u{1B}"))
    let lines = ending.screen.lines.filter { !$0.isEmpty }
    #expect(lines.count == 1)
    #expect(lines.first?.contains(fixture.socket) == true && lines.first?.contains("signalbox start") == true)
  }

  /// A console that does not run, and one whose terminal takes nothing: neither costs another client its answer.
  @Test(arguments: [false, true]) func aConsoleThatHangsCostsTheNodeNothing(isStalled: Bool) async throws {
    let stage = try await ConsoleStage(ConsoleSetting(isAttached: true, width: 200, height: 60))
    if isStalled { stage.session.setStalled(true) } else { stage.session.signal(SIGSTOP) }
    for round in 0..<20 {
      let added = try await stage.fixture.run("projects", "add", stage.fixture.folder.path, "--id", "p\(round)")
      #expect(added.status == .exited(0), "\(added.standardError)")
      #expect(try await stage.fixture.json("status", "--json")["phase"] as? String == "ready")
      _ = try await stage.fixture.run("projects", "remove", "p\(round)")
    }
    if isStalled { stage.session.setStalled(false) } else { stage.session.signal(SIGCONT) }
    stage.session.press("6", "6")
    try await stage.session.expect("p19")
  }
}
