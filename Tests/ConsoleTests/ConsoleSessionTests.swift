import Base
import Glibc
import Pty
import Testing

/// The whole console on a terminal, over a plane that is only told of; embedded and attached, small and large.
struct ConsoleSessionTests {
  struct Setting: Sendable, CustomTestStringConvertible {
    var isAttached: Bool
    var width: Int
    var height: Int
    var testDescription: String { "\(isAttached ? "attached" : "embedded") \(width)x\(height)" }

    static let all = [false, true].flatMap { isAttached in
      [(80, 24), (200, 60)].map { Setting(isAttached: isAttached, width: $0.0, height: $0.1) }
    }

    func start(_ more: String..., environment: [String: String] = [:]) throws -> PtySession {
      let mode = isAttached ? ["--attached"] : []
      return try Probe.start(environment, width: width, height: height, arguments: ["--console"] + mode + more)
    }
  }

  private static func ending(_ session: PtySession) async throws -> String {
    let ending = try await session.end()
    #expect(ending.damage == [])
    #expect(ending.exitCode == 0)
    return ending.screen.text
  }

  @Test(arguments: Setting.all) func theFrameComesUpAndLeavingIsAsTheContractSays(setting: Setting) async throws {
    let session = try setting.start()
    try await session.expect("missed its target")
    try await session.expect("1 Sockets")
    session.press("q")
    if setting.isAttached {
      #expect(try await Self.ending(session).contains("left: detached"))
      return
    }
    try await session.expect("Stop the node too")
    session.press("Esc")
    try await session.absent("Stop the node too")
    session.press("C-c")
    try await session.expect("C-c again")
    session.press("C-c")
    #expect(try await Self.ending(session).contains("left: quit(stopNode: true)"))
  }

  @Test(arguments: Setting.all) func signalsAndALostTerminalEndIt(setting: Setting) async throws {
    for (signal, word) in [(SIGTERM, "signalled(15)"), (SIGINT, "signalled(2)"), (SIGHUP, "lostTerminal")] {
      let session = try setting.start()
      try await session.expect("1 Sockets")
      session.signal(signal)
      #expect(try await Self.ending(session).contains("left: \(word)"))
    }
    let session = try setting.start()
    try await session.expect("1 Sockets")
    session.hangUp()
    _ = try await session.end()
  }

  @Test func aStormOfSizesEndsInAWholePicture() async throws {
    let session = try Setting(isAttached: false, width: 200, height: 60).start()
    try await session.expect("1 Sockets")
    for size in [(20, 5), (10, 3), (39, 9), (80, 24), (20, 5), (120, 40), (10, 3)] {
      session.resize(width: size.0, height: size.1)
    }
    try await session.expect("too small")
    session.resize(width: 120, height: 40)
    try await session.expect("▸ Log .* following ─┤")
    session.press("6")
    try await session.expect("60 kept")
    session.press("C-c", "C-c")
    #expect(try await Self.ending(session).contains("left: quit"))
  }

  @Test func aCommandGoesToTheNodeAndItsFailureStays() async throws {
    let session = try Setting(isAttached: true, width: 120, height: 40).start()
    try await session.expect("live 2 Hz")
    session.type(":add /srv/x")
    session.press("Enter")
    try await session.expect("kris project.add /srv/x: ok")
    session.type(":theme nosuch")
    session.press("Enter")
    try await session.expect("no theme is called")
    session.press("D")
    #expect(try await Self.ending(session).contains("left: detached"))
  }

  @Test func aReadOnlyConsoleSendsNothing() async throws {
    let session = try Setting(isAttached: true, width: 120, height: 40).start("--read-only")
    try await session.expect("kris \\(read-only\\)")
    session.press("b")
    try await session.expect("this console is read-only")
    session.press("q")
    #expect(try await Self.ending(session).contains("left: detached"))
  }

  @Test func aLostLinkIsSaidAndTheKeysStillWork() async throws {
    let session = try Setting(isAttached: true, width: 120, height: 40).start("--lost")
    try await session.expect("link lost, retry in [0-9]+ s")
    session.press("?")
    try await session.expect("─ Help ─")
    session.press("Esc")
    try await session.absent("─ Help ─")
    session.press("q")
    #expect(try await Self.ending(session).contains("left: detached"))
  }

  @Test(arguments: ["dumb", "nosuchterminal"]) func aTerminalThatCannotShowItIsRefused(type: String) async throws {
    let session = try Setting(isAttached: false, width: 80, height: 24).start(environment: ["TERM": type])
    let text = try await session.end().screen.text
    #expect(text.contains("cannotShow"))
  }
}
