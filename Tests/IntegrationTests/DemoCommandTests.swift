import Base
import Foundation
import Glibc
import Pty
import TestKit
import Testing

/// `signalbox demo` from outside: that every engine of its node is in use, and that nothing of it remains.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DemoCommandTests {
  /// Whatever a demo makes for a while, it makes in here; and what production would use is not there.
  private func makeFixture() throws -> NodeFixture {
    let fixture = try NodeFixture([
      "REDIS_URL": "redis://nobody.invalid:1", "OPENAI_API_KEY": "not-a-key",
      "OPENAI_BASE_URL": "http://nobody.invalid", "PINECONE_API_KEY": "not-a-key",
      "PINECONE_INDEX_HOST": "https://nobody.invalid",
    ])
    try fixture.folder.write("tmp/.keep", "")
    return fixture
  }

  private func environment(_ fixture: NodeFixture) -> [String: String] {
    fixture.environment.merging(["TMPDIR": fixture.folder.file("tmp")]) { _, new in new }
  }

  /// Processes that were told of the demo's folder or work in it. One that has ended but is not reaped has neither.
  private func processes(_ fixture: NodeFixture) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []  // none: the test fails below
    #expect(names.contains("self"))
    let own = "\(fixture.folder.path)/tmp/signalbox-demo-"
    return names.filter { name in
      guard Int(name) != nil, let bytes = FileManager.default.contents(atPath: "/proc/\(name)/environ") else {
        return false
      }
      // A process may end between two looks at it; then it is none of ours any more.
      let folder = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/cwd")) ?? ""
      return folder.contains(own) || String(decoding: bytes, as: UTF8.self).contains(own)
    }
  }

  private func expectNothingLeft(_ fixture: NodeFixture) {
    // A folder that cannot be listed shows as one that is not as it was.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: fixture.folder.file("tmp"))) ?? ["?"]
    #expect(names == [".keep"])
    #expect(processes(fixture).isEmpty)
    #expect(access(fixture.state, F_OK) != 0 && access(fixture.socket, F_OK) != 0, "the user's own was not touched")
  }

  /// The figures of `status` that are to move.
  private struct Figures {
    var connections = 0
    var events = 0.0
    var commits = 0
    var searches = 0
    var runs = 0
    var (hits, sets) = (0, 0)
    var redis = ""

    init(_ status: [String: Any]) {
      func part(_ name: String) -> [String: Any] { status[name] as? [String: Any] ?? [:] }
      connections = part("gateway")["connections"] as? Int ?? 0
      events = part("gateway")["outPerSecond"] as? Double ?? 0
      let journeys = part("index")["journeys"] as? [[String: Any]] ?? []
      commits = journeys.count { $0["trigger"] as? String == "commit" && $0["isComplete"] as? Bool == true }
      searches = part("index")["queries"] as? Int ?? 0
      runs = part("sandbox")["total"] as? Int ?? 0
      (hits, sets) = (part("cache")["hits"] as? Int ?? 0, part("cache")["sets"] as? Int ?? 0)
      redis = (part("cache")["redis"] as? [String: Any])?["state"] as? String ?? ""
    }

    var isAlive: Bool {
      connections >= 250 && events > 0 && commits > 0 && searches > 0 && runs > 0 && hits > 0 && sets > 0
    }
  }

  private func figures(_ fixture: NodeFixture, _ socket: String) async -> Figures {
    let outcome = try? await fixture.run("status", "--json", changes: ["SIGNALBOX_SOCKET": socket])
    // Not there yet: all zero.
    return Figures((try? NodeFixture.object(outcome?.standardOutput ?? "")) ?? [:])
  }

  @Test func everyEngineIsInUseAndAnInterruptLeavesNothing() async throws {
    let fixture = try makeFixture()
    let demo = try ProgramProcess(
      fixture.executable, ["demo", "--no-tui"],
      .init(environment: environment(fixture), folder: fixture.folder.path))
    defer { demo.kill() }
    #expect(
      await eventually(within: .seconds(60)) { !demo.isRunning || demo.standardOutput.contains("signalbox attach ") })
    let line = try #require(demo.standardOutput.split(separator: "\n").first { $0.contains("signalbox attach ") })
    let socket = String(try #require(line.split(separator: " ").last))
    let end = ContinuousClock.now + .seconds(90)
    var seen = await figures(fixture, socket)
    while !seen.isAlive, demo.isRunning, ContinuousClock.now < end { seen = await figures(fixture, socket) }
    #expect(seen.isAlive && seen.redis == "embedded", "\(seen) \(demo.standardOutput) \(demo.standardError)")
    #expect(!processes(fixture).isEmpty)
    demo.signal(SIGINT)
    let outcome = try await demo.outcome()
    #expect(outcome.status == .exited(130), "\(outcome.standardError)")
    #expect(outcome.standardError.isEmpty)
    #expect(outcome.standardOutput.contains("commit '") && outcome.standardOutput.contains("run: "))
    expectNothingLeft(fixture)
  }

  @Test func aReaderThatGoesAwayEndsIt() async throws {
    let fixture = try makeFixture()
    let outcome = try await ProgramProcess.run(
      "/bin/sh", ["-c", "'\(fixture.executable)' demo --no-tui | head -n 1"],
      .init(environment: environment(fixture), folder: fixture.folder.path), within: .seconds(60))
    #expect(outcome.status == .exited(0) && outcome.standardError.isEmpty, "\(outcome.standardError)")
    expectNothingLeft(fixture)
  }

  /// Returns when it shows the demo.
  private func console(_ fixture: NodeFixture) async throws -> PtySession {
    let session = try fixture.console(["demo"], width: 120, height: 40, ["TMPDIR": fixture.folder.file("tmp")])
    try await session.expect("the console is live", within: .seconds(60)) { screen in
      screen.text.contains("1 Sockets") && screen.text.contains("harbour") && screen.text.contains("up ")
    }
    #expect(!session.screen.text.contains("no link"))
    return session
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aSignalEndsItsConsoleAndLeavesNothing(signal: Int32) async throws {
    let fixture = try makeFixture()
    let session = try await console(fixture)
    defer { session.close() }
    session.signal(signal)
    let ending = try await session.end(within: .seconds(20))
    #expect(ending.damage == [] && ending.exitCode == 128 + signal, "\(ending.damage) \(ending.status)")
    expectNothingLeft(fixture)
  }

  /// The kernel's HUP comes when the console has seen the loss already, and must not kill what cleans up.
  @Test func aLostTerminalEndsItAndLeavesNothing() async throws {
    let fixture = try makeFixture()
    let session = try await console(fixture)
    defer { session.close() }
    session.hangUp()
    let ending = try await session.end(within: .seconds(20))
    #expect(ending.exitCode == 128 + SIGHUP, "\(ending.status)")
    expectNothingLeft(fixture)
  }

  @Test func theConsoleAsksBeforeItEndsTheDemo() async throws {
    let fixture = try makeFixture()
    let session = try await console(fixture)
    defer { session.close() }
    session.press("q")
    try await session.expect("Stop the node too")
    // A dialog hears no `y` in its first moments, on purpose: say it until it is heard.
    #expect(
      await eventually {
        if session.exitStatus() != nil || !session.screen.isAlternate { return true }
        session.press("y")
        return false
      })
    let ending = try await session.end(within: .seconds(20))
    #expect(ending.damage == [] && ending.exitCode == 0, "\(ending.damage) \(ending.status)")
    expectNothingLeft(fixture)
  }

  @Test func withoutATerminalItSaysSoAndStartsNothing() async throws {
    let fixture = try makeFixture()
    let outcome = try await ProgramProcess.run(
      fixture.executable, ["demo"], .init(environment: environment(fixture), folder: fixture.folder.path))
    #expect(outcome.status == .exited(2) && outcome.standardError.contains("--no-tui"), "\(outcome.standardError)")
    expectNothingLeft(fixture)
  }
}
