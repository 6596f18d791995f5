import Foundation
import Glibc
import Pty
import TestKit
import Testing

/// What somebody does who has the console before them for the first time and no manual: each way is one that the
/// screen itself shows, in a small window in colour and in a large one without.
@Suite(.serialized, .timeLimit(.minutes(10))) struct FirstUseTests {
  struct Window: Sendable, CustomTestStringConvertible {
    let width: Int
    let height: Int
    let isMono: Bool

    var testDescription: String { "\(width)x\(height) \(isMono ? "mono" : "colour")" }

    static let all = [Window(width: 80, height: 24, isMono: false), Window(width: 200, height: 60, isMono: true)]
  }

  private func stage(_ window: Window, _ fixture: NodeFixture) async throws -> ConsoleStage {
    try await ConsoleStage(
      ConsoleSetting(isAttached: true, width: window.width, height: window.height), fixture: fixture,
      environment: window.isMono ? ["NO_COLOR": "1"] : ["COLORTERM": "truecolor"])
  }

  /// Pressed again until it is heard: the first 300 ms of a question are deaf.
  private func confirm(_ session: PtySession, until pattern: String) async throws {
    let expression = try Regex(pattern)
    let isDone = await eventually(within: .seconds(30)) {
      if session.screen.text.contains(expression) { return true }
      session.press("y")
      return false
    }
    #expect(isDone, "\(pattern): \(session.screen.dump)")
  }

  private func leave(_ stage: ConsoleStage) async throws {
    stage.session.press("D")
    let ending = try await stage.session.end(within: .seconds(30))
    #expect(ending.exitCode == 0 && ending.damage == [])
  }

  @Test(arguments: Window.all) func whatIsWrongWithoutRedisIsSeenAndWhatToDo(window: Window) async throws {
    let redis = try await RedisProcess()
    let stage = try await stage(window, try NodeFixture(["REDIS_URL": redis.url]))
    let session = stage.session
    try await session.expect("redis ● +[0-9.]+ ms", within: .seconds(30))
    redis.kill()
    // The header, the panes, the footer.
    try await session.expect("redis ▲ down [0-9]+ ", within: .seconds(30))
    try await session.expect("▲ degraded", within: .seconds(30))
    try await session.expect("4 Cache ─.*redis down", within: .seconds(30))
    try await session.expect("! why", within: .seconds(30))
    session.press("!")
    try await session.expect("─ What is wrong ─")
    try await session.expect("reconnects by")
    session.press("Esc")
    try await session.absent("What is wrong")
    // And its log.
    session.press("6", "6")
    try await session.expect("(?i)WARN .*redis", within: .seconds(30))
    session.press("Esc")
    try await redis.start()
    try await session.expect("redis ● +[0-9.]+ ms", within: .seconds(30))
    try await session.absent("degraded", within: .seconds(30))
    try await leave(stage)
  }

  @Test(arguments: Window.all) func aSlowClientIsFoundAndKicked(window: Window) async throws {
    let stage = try await stage(
      window, try NodeFixture(["SIGNALBOX_QUEUE_BYTES": "65536", "SIGNALBOX_SLOW_POLICY": "drop-oldest"]))
    let status = try await stage.fixture.json("status", "--json")
    let port = try #require((status["gateway"] as? [String: Any])?["port"] as? Int)
    let reader = try await RawSocket.subscribed(to: "quiet", port: port)
    let slow = try await RawSocket.subscribed(to: "busy", port: port)
    let session = stage.session
    try await session.expect("1 Sockets ─+ 2 (open|─)", within: .seconds(30))
    // It does not read, and its room is told more than the kernel keeps for it: 24 MB at least.
    let data = String(repeating: "x", count: 60_000)
    var rounds = 0
    let isSlow = await eventually(within: .seconds(60)) {
      for _ in 0..<50 {
        let answer = HTTPProbe.request(
          "/v1/projects/busy/events", method: "POST", port: stage.fixture.port,
          headers: ["Content-Type": "application/json"], body: #"{"event":"large","data":"\#(data)"}"#)
        #expect(answer.map { $0.status < 300 } == true, "\(answer?.body ?? "no answer")")
      }
      rounds += 1
      return rounds >= 8 && session.screen.text.contains("1 slow")
    }
    #expect(isSlow, "\(session.screen.dump)")
    // The footer says K; the slowest is the first, since the table begins with the longest queue.
    session.press("1")
    try await session.expect("K kick")
    try await session.expect("▌◐ .*slow", within: .seconds(30))
    session.press("K")
    try await session.expect("─ Kick ─")
    try await session.expect("Kick this socket")
    session.press("2")
    try await confirm(session, until: "1 Sockets ─+ 1 (open|─)")
    #expect(reader.isOpen() && slow.isOpen(), "both were")
    let rows = try await stage.fixture.run("sockets", "list", "--json").standardOutput
    #expect(rows.contains("project:quiet") && !rows.contains("project:busy"), "\(rows)")
    try await leave(stage)
  }

  @Test(arguments: Window.all) func aProjectIsReindexedAndSearched(window: Window) async throws {
    let repository = try await TemporaryGitRepository()
    try repository.write(
      "src/duration.py",
      "def parse_duration(text):\n    \"\"\"Turn a text such as 5m or 2h into seconds.\"\"\"\n    return int(text)\n")
    _ = try await repository.commit("one")
    let fixture = try NodeFixture(["SIGNALBOX_WATCH": "off"])
    let stage = try await stage(window, fixture)
    let session = stage.session
    // The empty pane says how a project is made known.
    session.press("2")
    try await session.expect("no projects yet.*:add PATH")
    session.type(":add \(repository.path)")
    session.press("Enter")
    try await session.expect("✓ .* ok ", within: .seconds(30))
    try await session.expect("r reindex")
    session.press("r")
    try await session.expect("nothing has changed|unchanged|: done", within: .seconds(30))
    session.press("2")
    try await session.expect("LAST RUNS", within: .seconds(30))
    try await session.expect("f find")
    session.press("f")
    try await session.expect("─ Search the code ─")
    session.type("seconds from a text like 5m")
    session.press("Enter")
    try await session.expect("duration.py:1", within: .seconds(30))
    try await session.expect("Turn a text such as 5m")
    session.press("Esc")
    try await session.absent("Search the code")
    try await leave(stage)
  }

  @Test(.enabled(if: SandboxStage.isPossible, SandboxStage.impossible), arguments: Window.all)
  func aProgramIsRunAndItsOutputRead(window: Window) async throws {
    let stage = try await stage(window, try NodeFixture(["SANDBOX_REQUIRE": "isolation"]))
    let session = stage.session
    session.press("3")
    try await session.expect("no runs yet: x runs a program", within: .seconds(30))
    session.press("x")
    try await session.expect("─ Run ─")
    try await session.expect("C-r runs")
    session.type("print('answer', 6 * 7)")
    session.press("C-r")
    try await session.absent("─ Run ─", within: .seconds(30))
    try await session.expect("✓ .*ok ", within: .seconds(60))
    session.press("3")
    try await session.expect("STDOUT", within: .seconds(30))
    try await session.expect("answer 42", within: .seconds(30))
    try await leave(stage)
  }

  @Test(arguments: Window.all) func anInvalidationIsSeenBeforehandAndDone(window: Window) async throws {
    let stage = try await stage(window, try NodeFixture())
    for name in ["task%3A1", "task%3A2", "kept"] {
      let put = HTTPProbe.request(
        "/v1/cache/plans/\(name)", method: "PUT", port: stage.fixture.port, headers: ["Content-Type": "text/plain"],
        body: "value")
      #expect(put?.status == 200)
    }
    let session = stage.session
    session.press("4")
    try await session.expect("plans +[-0-9]", within: .seconds(30))
    try await session.expect("i inval")
    session.press("i")
    try await session.expect("─ Invalidate ─")
    session.type("task:*")
    session.press("Enter")
    try await session.expect("2 keys, .* This cannot be undone", within: .seconds(30))
    try await session.expect("task:1 ")
    // Zoomed, the list of the last ones stays.
    try await confirm(session, until: "4 Cache[^\n]*\n(?s:(?!Invalidate).)*$")
    session.press("4")
    try await session.expect("2 keys.*plans pattern task:", within: .seconds(30))
    #expect(HTTPProbe.request("/v1/cache/plans/task%3A1", port: stage.fixture.port)?.status == 404)
    #expect(HTTPProbe.request("/v1/cache/plans/kept", port: stage.fixture.port)?.status == 200)
    try await leave(stage)
  }

  @Test(arguments: Window.all) func twoBenchesAreCompared(window: Window) async throws {
    let fixture = try NodeFixture()
    let stage = try await stage(window, fixture)
    let session = stage.session
    session.press("5")
    try await session.expect("no bench has run on this node: b runs one", within: .seconds(30))
    for _ in 0..<2 {
      let bench = try await ProgramProcess.run(
        fixture.executable, ["bench", "control", "--quick"],
        .init(environment: fixture.environment, folder: fixture.folder.path), within: .seconds(120))
      #expect(bench.status == .exited(0), "\(bench.standardError)")
    }
    try await session.expect("5 Bench ─.*last quick run", within: .seconds(30))
    try await session.expect("c compare", within: .seconds(30))
    session.press("c")
    try await session.expect("control: the last two runs", within: .seconds(30))
    try await session.expect("BEFORE +AFTER +CHANGE VERDICT")
    session.press("Esc")
    try await session.absent("the last two runs")
    try await leave(stage)
  }
}
