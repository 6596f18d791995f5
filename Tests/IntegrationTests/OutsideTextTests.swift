import Base
import ControlPlane
import ControlSocket
import Foundation
import Glibc
import Pty
import TestKit
import Testing

/// Names from outside reach a terminal only as what they look like, in the console and in every command.
@Suite(.timeLimit(.minutes(5))) struct OutsideTextTests {
  /// Sets the title, clears the screen, reorders the line, takes two cells each, and piles marks on a letter.
  private static let folderName =
    "a\u{1B}]0;pwned\u{07}b\u{1B}[2Jc\u{9B}31md\u{202E}e漢字e\u{0301}\u{0302}\u{0303}\u{0304}\u{0305}z"
  private static let label = "kris\u{1B}]0;pwned\u{07}\u{202E}"
  /// None of these may be written to a terminal by us.
  private static let hostile = ["\u{1B}]0;", "\u{202E}", "\u{9B}", "\u{0304}\u{0305}"]

  /// A node that has been told of the folder by an operator with such a name.
  private func start(_ fixture: NodeFixture) async throws -> ProgramProcess {
    let node = try await fixture.start()
    try fixture.folder.write("\(Self.folderName)/x", "")
    let client = try await ControlClient.connect(
      path: fixture.socket, hello: ControlHello(version: Version.current, operatorLabel: Self.label, origin: .console))
    // Without an id of its own, so that the path is what log and audit tell.
    _ = try await client.perform(.addProject(path: "\(fixture.folder.path)/\(Self.folderName)", id: nil))
    await client.close()
    return node
  }

  private func expectHarmless(_ session: PtySession) {
    for text in Self.hostile {
      #expect(!session.transcript.unicodeScalars.contains(text.unicodeScalars), "\(text.debugDescription)")
    }
    #expect(session.screen.title == "")
  }

  @Test(arguments: [(80, 24), (200, 60)]) func theConsoleShowsThem(width: Int, height: Int) async throws {
    let fixture = try NodeFixture()
    let node = try await start(fixture)
    defer { node.kill() }
    let session = try fixture.console(["attach"], width: width, height: height)
    try await session.expect("live 2 Hz")
    session.press("6", "6")
    // What does something is dropped from a label and shown of a path.
    try await session.expect("project.add /tmp/.*/a\\\\x1b\\]0;pwn")
    if width == 200 { #expect(session.screen.text.contains("kris]0;pwned")) }
    try await session.settle()
    expectHarmless(session)
    // Every row still ends where it should: the frame's right border stands in one column.
    for y in 1..<(height - 1) {
      let edge = session.screen.cells[y][width - 1].text
      #expect(["│", "┐", "┘", "┤"].contains(edge), "row \(y) ends in \(edge.debugDescription)")
    }
    session.press("q")
    #expect(try await session.end().damage == [])
  }

  @Test(arguments: [["projects", "list"], ["logs"], ["status"], ["status", "--plain"], ["audit"]])
  func everyCommandShowsThem(command: [String]) async throws {
    let fixture = try NodeFixture()
    let node = try await start(fixture)
    defer { node.kill() }
    let session = try fixture.console(command, width: 400, height: 60)
    let ending = try await session.end()
    #expect(ending.exitCode == 0)
    #expect(ending.damage == [])
    expectHarmless(session)
    if command != ["status", "--plain"] {
      #expect(ending.screen.text.contains("\\x1b]0;pwned\\x07"), "\(ending.screen.text)")
    }
  }

  @Test func aFolderThatIsNotThereIsNamedSafely() async throws {
    let fixture = try NodeFixture()
    for command in [["projects", "add", "x\u{1B}]0;pwned\u{07}"], ["./x\u{1B}]0;pwned\u{07}"]] {
      let session = try fixture.console(command, width: 300)
      let ending = try await session.end()
      #expect(ending.exitCode == 64)
      #expect(ending.screen.text.contains("\\x1b]0;pwned"))
      expectHarmless(session)
    }
  }
}
