import Base
import Foundation
import Glibc
import Pty
import TestKit
import Testing

/// How a console is opened: with a node of its own or on a running one, and in which window.
struct ConsoleSetting: Sendable, CustomTestStringConvertible {
  var isAttached: Bool
  var width = 80
  var height = 24

  var testDescription: String { "\(isAttached ? "attached" : "embedded") \(width)x\(height)" }

  static let both = [ConsoleSetting(isAttached: false), ConsoleSetting(isAttached: true)]
  static let all = both + both.map { ConsoleSetting(isAttached: $0.isAttached, width: 200, height: 60) }
}

/// The real program on a terminal, with whatever node belongs to it. Everything ends with this object.
final class ConsoleStage {
  let setting: ConsoleSetting
  let fixture: NodeFixture
  /// The headless node of an attached console.
  private(set) var node: ProgramProcess?
  let session: PtySession

  /// Returns when the console is painted and the node is live.
  init(
    _ setting: ConsoleSetting, fixture: NodeFixture? = nil, arguments: [String] = [],
    environment: [String: String] = [:]
  ) async throws {
    self.setting = setting
    let fixture = try fixture ?? NodeFixture()
    self.fixture = fixture
    if setting.isAttached { node = try await fixture.start() }
    session = try fixture.console(
      (setting.isAttached ? ["attach"] : []) + arguments, width: setting.width, height: setting.height, environment)
    try await session.expect("the console is live") { screen in
      screen.text.contains("1 Sockets") && screen.text.contains("live") && screen.text.contains("up ")
    }
  }

  deinit {
    session.close()
    node?.kill()
  }

  func killNode() async throws {
    node?.signal(SIGKILL)
    _ = try await node?.outcome()
  }

  func restartNode() async throws { node = try await fixture.start() }

  /// The console has left: what must be true of the node then. An embedded one has given everything back.
  func expectNodeAfterLeaving() async throws {
    if setting.isAttached {
      #expect(node?.isRunning == true)
      #expect(try await fixture.json("status", "--json")["phase"] as? String == "ready")
    } else {
      #expect(access(fixture.socket, F_OK) != 0, "the socket file is gone")
      #expect(HTTPProbe.request("/health/live", port: fixture.port) == nil, "the port is free")
      #expect(!fixture.isLocked, "the lock of the state folder is free")
    }
  }
}

extension NodeFixture {
  /// The program on a terminal of its own. An empty value removes a variable.
  func console(
    _ arguments: [String], width: Int = 80, height: Int = 24, _ changes: [String: String] = [:]
  ) throws -> PtySession {
    try PtySession(executable, arguments, options(width, height, changes))
  }

  /// A shell on a terminal; `PROGRAM` in the script stands for the program.
  func shell(_ script: String, width: Int = 80, height: Int = 24, _ changes: [String: String] = [:]) throws
    -> PtySession
  {
    let text = script.replacingOccurrences(of: "PROGRAM", with: "'\(executable)'")
    return try PtySession("/bin/sh", ["-c", text], options(width, height, changes))
  }

  private func options(_ width: Int, _ height: Int, _ changes: [String: String]) -> PtySession.Options {
    var options = PtySession.Options()
    options.width = width
    options.height = height
    options.workingDirectory = folder.path
    options.environment = environment
    for name in ["COLORTERM", "COLORFGBG", "TERM_PROGRAM", "LC_ALL", "LC_CTYPE"] { options.environment[name] = nil }
    options.environment.merge(["TERM": "xterm-256color", "LANG": "C.UTF-8"]) { $1 }
    options.environment.merge(changes) { $1 }
    options.environment = options.environment.filter { !$0.value.isEmpty }
    return options
  }

  /// Whether some process holds the state folder.
  var isLocked: Bool {
    let file = open(folder.file("state/lock"), O_RDWR | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    return flock(file, LOCK_EX | LOCK_NB) != 0
  }
}
