import Foundation
import Glibc
import Pty
import TestKit
import Testing

/// Which terminals the console is painted on, how, and what is said where it is not.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConsoleTerminalTests {
  /// One line of the matrix. `reason` is what the refusal names; nil: it is painted.
  struct Terminal: Sendable, CustomTestStringConvertible {
    var type: String
    var language = "C.UTF-8"
    var noColor = ""
    var arguments: [String] = []
    var reason: String?
    var hasColor = false
    var isASCII = false

    var testDescription: String { "TERM=\(type) LANG=\(language) NO_COLOR=\(noColor) \(arguments)" }

    static let all = [
      Terminal(type: "xterm-256color", hasColor: true),
      Terminal(type: "xterm-256color", noColor: "1"),
      Terminal(type: "xterm-256color", arguments: ["--color", "never"]),
      Terminal(type: "xterm-256color", noColor: "1", arguments: ["--color", "always"], hasColor: true),
      Terminal(type: "xterm-256color", arguments: ["--ascii"], hasColor: true, isASCII: true),
      Terminal(type: "xterm-256color", language: "C", hasColor: true, isASCII: true),
      Terminal(type: "xterm-256color", language: "", hasColor: true, isASCII: true),
      Terminal(type: "xterm-256color", language: "C", noColor: "1", isASCII: true),
      Terminal(type: "xterm-256color", language: "xx_YY.UTF-8", hasColor: true),
      Terminal(type: "xterm", hasColor: true),
      Terminal(type: "screen-256color", hasColor: true),
      Terminal(type: "tmux-256color", hasColor: true),
      Terminal(type: "linux", hasColor: true, isASCII: true),
      Terminal(type: "vt100", isASCII: true),
      Terminal(type: "vt100", language: "C", isASCII: true),
      Terminal(type: "dumb", reason: "dumb"),
      Terminal(type: "dumb", language: "C", noColor: "1", reason: "dumb"),
      Terminal(type: "", reason: "not set"),
      Terminal(type: "", language: "C", reason: "not set"),
      Terminal(type: "nosuchterminal", reason: "nosuchterminal"),
      Terminal(type: "nosuchterminal", language: "", noColor: "1", reason: "nosuchterminal"),
    ]
  }

  @Test(arguments: Terminal.all, [false, true])
  func itIsPaintedOrRefusedInOneSentence(terminal: Terminal, isAttached: Bool) async throws {
    let fixture = try NodeFixture()
    let node = isAttached ? try await fixture.start() : nil
    defer { node?.kill() }
    let session = try fixture.console(
      (isAttached ? ["attach"] : []) + terminal.arguments, width: 300, height: 40,
      ["TERM": terminal.type, "LANG": terminal.language, "NO_COLOR": terminal.noColor])
    if let reason = terminal.reason {
      try await Self.expectRefusal(session, reason)
      if !isAttached { #expect(access(fixture.socket, F_OK) != 0 && !fixture.isLocked, "nothing was started") }
      return
    }
    try await session.expect("live 2 Hz")
    try await session.settle()
    #expect(session.screen.hasSeenColor == terminal.hasColor)
    #expect(session.screen.hasSeenHighBytes == !terminal.isASCII)
    session.press("C-c", "C-c")
    let ending = try await session.end(within: .seconds(20))
    #expect(ending.damage == [] && ending.exitCode == 0)
  }

  private static func expectRefusal(_ session: PtySession, _ reason: String) async throws {
    let ending = try await session.end(within: .seconds(20))
    #expect(ending.exitCode == 2)
    #expect(ending.damage == [])
    #expect(!session.transcript.contains("\u{1B}"))
    let lines = ending.screen.lines.filter { !$0.isEmpty }
    #expect(lines.count == 1, "\(lines)")
    for part in [reason, "--no-tui", "status --watch --plain"] { #expect(lines.first?.contains(part) == true) }
  }

  @Test(arguments: ["", "attach"], ["</dev/null", ">/dev/null", "<&-", ">&-", "</dev/full", ">/dev/full"])
  func withoutATerminalOnBothSidesItIsRefused(verb: String, redirection: String) async throws {
    let fixture = try NodeFixture()
    let session = try fixture.shell("PROGRAM \(verb) \(redirection); echo code $?", width: 300)
    let ending = try await session.end(within: .seconds(20))
    #expect(ending.damage == [])
    let lines = ending.screen.lines.filter { !$0.isEmpty }
    #expect(lines.count == 2, "\(lines)")
    #expect(lines.first?.contains(redirection.contains("<") ? "standard input" : "standard output") == true)
    #expect(lines.first?.contains("--no-tui") == true)
    #expect(lines.last == "code 2")
    #expect(access(fixture.socket, F_OK) != 0)
  }

  @Test(arguments: ConsoleSetting.both) func theSmallestWindowsStillTakeKeys(setting: ConsoleSetting) async throws {
    let fixture = try NodeFixture()
    let node = setting.isAttached ? try await fixture.start() : nil
    defer { node?.kill() }
    let session = try fixture.console(setting.isAttached ? ["attach"] : [], width: 10, height: 3)
    try await session.expect("too small")
    // Once more than the picture: the node is there, too.
    #expect(await eventually { HTTPProbe.request("/health/ready", port: fixture.port)?.status == 200 })
    session.resize(width: 80, height: 24)
    try await session.expect("1 Sockets")
    session.resize(width: 10, height: 3)
    try await session.expect("too small")
    session.press("C-c", "C-c")
    let ending = try await session.end(within: .seconds(20))
    #expect(ending.damage == [] && ending.exitCode == 0)
  }
}
