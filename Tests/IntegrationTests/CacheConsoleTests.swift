import Glibc
import Pty
import TestKit
import Testing

/// The console attached to a real node whose cache is used over HTTP.
@Suite(.timeLimit(.minutes(3))) struct CacheConsoleTests {
  /// Title, colour, cursor and bell of a value are text on a terminal, and commands nowhere.
  @Test func aValueReachesATerminalWithoutItsControlBytes() async throws {
    let fixture = try NodeFixture()
    let value = "before\u{1B}]0;stolen\u{7}\u{1B}[2J\u{1B}[31mafter\u{9B}1m end\nsecond line"
    #expect(try await fixture.run("cache", "set", "k", value).status == .exited(0))
    let environment = fixture.environment.merging(["TERM": "xterm-256color", "LANG": "C.UTF-8"]) { $1 }
    let session = try PtySession(
      fixture.executable, ["cache", "get", "k"], .init(width: 120, height: 40, environment: environment))
    let ending = try await session.end()
    #expect(ending.exitCode == 0)
    let text = ending.screen.text
    #expect(text.contains("before") && text.contains("after") && text.contains("second line"), "\(text)")
    #expect(text.contains("stolen") && text.contains("[31m"), "what would have been a command is shown: \(text)")
  }

  @Test func valuesAreSeenAndInvalidatedByPatternAfterAPreview() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    for name in ["task%3A1", "task%3A2", "kept"] {
      let path = "/v1/cache/plans/\(name)"
      let put = HTTPProbe.request(
        path, method: "PUT", port: fixture.port, headers: ["Content-Type": "text/plain"], body: "value")
      #expect(put?.status == 200)
      #expect(HTTPProbe.request(path, port: fixture.port)?.status == 200)
    }
    let environment = fixture.environment.merging(["TERM": "xterm-256color", "LANG": "C.UTF-8"]) { $1 }
    let session = try PtySession(
      fixture.executable, ["attach", fixture.socket], .init(width: 120, height: 40, environment: environment))
    try await session.expect("plans +100.0%")
    try await session.expect("embedded store")
    session.press("4", "i")
    try await session.expect("Namespace +plans")
    session.type("task:*")
    session.press("Enter")
    try await session.expect("2 keys, .* This cannot be undone")
    try await session.expect("task:1 ")
    try await session.expect("task:2 ")
    // Pressed again until it is heard: the first 300 ms are deaf.
    let isDone = await eventually {
      if session.screen.text.contains("plans pattern task:") { return true }
      session.press("y")
      return false
    }
    #expect(isDone, "\(session.screen.dump)")
    for name in ["task%3A1", "task%3A2"] {
      #expect(HTTPProbe.request("/v1/cache/plans/\(name)", port: fixture.port)?.status == 404)
    }
    #expect(HTTPProbe.request("/v1/cache/plans/kept", port: fixture.port)?.status == 200)
    session.press("q")
    let ending = try await session.end()
    #expect(ending.exitCode == 0 && ending.damage == [])
  }
}
