import Foundation
import Glibc
import Pty
import TestKit
import Testing

/// Every way of leaving: the terminal is whole again, the exit code is right, and the node is where it should be.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConsoleLeavingTests {
  @Test(arguments: ConsoleSetting.all) func qDetachesOrAsks(setting: ConsoleSetting) async throws {
    let stage = try await ConsoleStage(setting)
    stage.session.press("q")
    if !setting.isAttached {
      try await stage.session.expect("Stop the node too")
      stage.session.press("Esc")
      try await stage.session.absent("Stop the node too")
      stage.session.press("q")
      try await stage.session.expect("Stop the node too")
      try await Self.confirm(stage.session)
    }
    let ending = try await stage.session.end(within: .seconds(20))
    #expect(ending.damage == [] && ending.exitCode == 0, "\(ending.damage) \(ending.status)")
    try await stage.expectNodeAfterLeaving()
  }

  /// A dialog hears no `y` in its first moments, on purpose: say it until it is heard.
  private static func confirm(_ session: PtySession) async throws {
    #expect(
      await eventually {
        if session.exitStatus() != nil || !session.screen.isAlternate { return true }
        session.press("y")
        return false
      })
  }

  @Test(arguments: ConsoleSetting.all) func dDetachesOrSaysWhyItCannot(setting: ConsoleSetting) async throws {
    let stage = try await ConsoleStage(setting)
    stage.session.press("D")
    if setting.isAttached {
      let ending = try await stage.session.end()
      #expect(ending.damage == [] && ending.exitCode == 0)
      try await stage.expectNodeAfterLeaving()
    } else {
      try await stage.session.expect("`signalbox start`")
      #expect(stage.session.exitStatus() == nil)
    }
  }

  @Test(arguments: ConsoleSetting.both, [SIGTERM, SIGINT, SIGHUP, SIGQUIT])
  func signalsEndIt(setting: ConsoleSetting, signal: Int32) async throws {
    let stage = try await ConsoleStage(setting)
    stage.session.signal(signal)
    let ending = try await stage.session.end(within: .seconds(20))
    #expect(ending.damage == [])
    // The node of an embedded console has stopped cleanly, which is what the signal asks of it; HUP took its screen.
    let isClean = !setting.isAttached && signal != SIGHUP
    #expect(ending.exitCode == (isClean ? 0 : 128 + signal))
    try await stage.expectNodeAfterLeaving()
  }

  @Test(arguments: ConsoleSetting.both) func aCrashGivesTheTerminalBack(setting: ConsoleSetting) async throws {
    let stage = try await ConsoleStage(setting)
    stage.session.signal(SIGSEGV)
    let ending = try await stage.session.end(within: .seconds(20))
    #expect(ending.damage == [])
    #expect(ending.signal == SIGSEGV)
    if setting.isAttached { return try await stage.expectNodeAfterLeaving() }
    let report = stage.fixture.folder.read("state/crash/last.txt") ?? ""
    #expect(report.contains("signal SEGV"), "\(report)")
  }

  @Test(arguments: ConsoleSetting.both) func aStopAndAContinuation(setting: ConsoleSetting) async throws {
    let fixture = try NodeFixture()
    let node = setting.isAttached ? try await fixture.start() : nil
    defer { node?.kill() }
    let session = try fixture.shell(
      "set -m; PROGRAM \(setting.isAttached ? "attach" : ""); echo STOPPED; read answer; fg; echo LEFT $?")
    try await session.expect("live 2 Hz")
    session.press("C-z")
    try await session.expect("STOPPED")
    let stopped = session.screen
    #expect(!stopped.isAlternate && stopped.isCursorVisible)
    #expect(stopped.modes.isDisjoint(with: [1000, 1006, 2004]))
    session.type("go\n")
    try await session.expect("the picture is back") { $0.isAlternate && $0.text.contains("1 Sockets") }
    session.press("C-c", "C-c")
    try await session.expect("LEFT 0", within: .seconds(20))
    #expect(try await session.end().damage == [])
  }

  /// A console that flashed up first would leave a reply of the terminal on the shell's line.
  @Test func aNodeThatCannotStartTakesNoScreen() async throws {
    let fixture = try NodeFixture()
    let other = try NodeFixture(["SIGNALBOX_API_PORT": "\(fixture.port)"])
    let node = try await fixture.start()
    defer { node.kill() }
    let session = try other.console([], width: 300)
    let ending = try await session.end(within: .seconds(20))
    #expect(ending.exitCode == 69 && ending.damage == [])
    #expect(!session.transcript.contains("\u{1B}"))
    #expect(ending.screen.text.contains("port \(fixture.port)") && ending.screen.text.contains("SIGNALBOX_API_PORT"))
  }

  /// The shell traps HUP where its loss is to be ignored; the console inherits that.
  @Test(arguments: ConsoleSetting.both, [false, true])
  func aLostTerminalEndsIt(setting: ConsoleSetting, isIgnored: Bool) async throws {
    let fixture = try NodeFixture()
    let node = setting.isAttached ? try await fixture.start() : nil
    defer { node?.kill() }
    let session = try fixture.shell(
      "\(isIgnored ? "trap '' HUP; " : "")exec PROGRAM \(setting.isAttached ? "attach" : "")")
    try await session.expect("live 2 Hz")
    session.hangUp()
    // Within a second on a quiet machine; the deadline is for one that is not.
    let ending = try await session.end(within: .seconds(10))
    // The kernel's HUP may also come when an attached console has left already.
    #expect(ending.exitCode == 128 + SIGHUP || (node != nil && ending.signal == SIGHUP))
    if let node {
      #expect(node.isRunning)
      #expect(try await fixture.json("status", "--json")["phase"] as? String == "ready")
      // The node has noticed that its client is gone; the one left is the one that asks.
      #expect(
        await eventually {
          let control = (try? await fixture.json("status", "--json"))?["control"] as? [String: Any]
          return control?["clients"] as? Int == 1
        })
    } else {
      #expect(access(fixture.socket, F_OK) != 0)
      #expect(!fixture.isLocked)
    }
  }

  @Test func hangingUpAgainAndAgainStopsAnEmbeddedNodeCleanly() async throws {
    let stage = try await ConsoleStage(ConsoleSetting(isAttached: false))
    stage.session.hangUp()
    // A shell that goes sends HUP to its jobs as well, some time later.
    #expect(
      await eventually {
        stage.session.signal(SIGHUP)
        return access(stage.fixture.socket, F_OK) != 0
      })
    _ = try await stage.session.end(within: .seconds(20))
    try await stage.expectNodeAfterLeaving()
    let log = stage.fixture.folder.read("state/log/node.log") ?? ""
    #expect(log.contains("\"stopped\""), "\(log.suffix(500))")
  }
}
