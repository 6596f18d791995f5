import Base
import Foundation
import Pty
import TestKit
import Testing

@testable import Console

/// An operator's editor on a file that a search found.
@Suite(.timeLimit(.minutes(3))) struct EditorTests {
  @Test(arguments: [
    ("vi", ["vi", "+12", "/p/a b.ts"]), ("/usr/bin/nvim -R", ["/usr/bin/nvim", "-R", "+12", "/p/a b.ts"]),
    ("nano", ["nano", "+12", "/p/a b.ts"]), ("emacs -nw", ["emacs", "-nw", "+12", "/p/a b.ts"]),
    ("hx", ["hx", "/p/a b.ts:12"]), ("code --wait", ["code", "--wait", "--goto", "/p/a b.ts:12"]),
    ("my-editor", ["my-editor", "/p/a b.ts"]), ("  ", ["vi", "+12", "/p/a b.ts"]),
  ])
  func everyEditorIsToldTheLineInItsOwnWay(editor: String, words: [String]) {
    let command = EditorCommand(file: "/p/a b.ts", line: 12, environment: ["EDITOR": editor])
    #expect(command.words == words)
    let visual = EditorCommand(file: "/p/a b.ts", line: 12, environment: ["EDITOR": "no", "VISUAL": editor])
    #expect(visual.words == (editor == "  " ? ["no", "/p/a b.ts"] : words), "VISUAL comes first")
  }

  @Test func whatNoShellReadsIsNeverMoreThanAName() {
    let file = "/p/$(touch x);`id` -c quit"
    let command = EditorCommand(file: file, line: 3, environment: ["VISUAL": "vim"])
    #expect(command.words == ["vim", "+3", file])
    #expect(EditorCommand.refusal(of: "relative.ts") != nil)
    #expect(EditorCommand.refusal(of: "/nosuch/file")?.contains("not on this machine") == true)
    #expect(EditorCommand.refusal(of: "/tmp")?.contains("no file") == true)
  }

  /// A stand-in for an editor: `script` is what it does. Returns the environment that names it.
  private static func editor(_ folder: TemporaryFolder, _ script: String) throws -> [String: String] {
    try folder.write("project/the session.ts", "refresh\n")
    let editor = try folder.write("vi", "#!/bin/sh\n" + script)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: editor)
    return ["EDITOR": "\(editor) -n", "VISUAL": ""]
  }

  private static func start(_ folder: TemporaryFolder, _ script: String) throws -> PtySession {
    try Probe.start(
      try editor(folder, script), width: 120, height: 40,
      arguments: ["--console", "--attached", "--project", folder.file("project")])
  }

  private static func find(_ session: PtySession) async throws {
    try await session.expect("live 2 Hz")
    session.press("2", "f")
    try await session.expect("Search the code")
    session.type("token")
    session.press("Enter")
    try await session.expect("the session.ts:42")
    session.press("Enter")
    try await session.expect("e opens it in the editor")
  }

  @Test func theEditorHasTheTerminalUntilItEndsAndTheConsoleHasItAgain() async throws {
    let folder = try TemporaryFolder()
    let session = try Self.start(
      folder, "printf 'EDITING %s|' \"$@\"\nread answer\nprintf %s \"$answer\" > '\(folder.file("answer"))'\n")
    try await Self.find(session)
    session.type("e")
    try await session.expect("EDITING -n\\|EDITING \\+42\\|EDITING .*/project/the session.ts")
    session.type("was read\r")
    try await session.expect("e opens it in the editor")
    let answer = try String(contentsOfFile: folder.file("answer"), encoding: .utf8)
    #expect(answer == "was read", "the line was the shell's again, and the editor in its foreground")
    session.press("j")
    session.type("e")
    try await session.expect("gone.ts is not on this machine")
    session.press("Esc")
    try await session.absent("is not on this machine")
    session.press("C-c")
    try await session.absent("Search the code")
    session.press("q")
    let ending = try await session.end()
    #expect(ending.damage == [] && ending.exitCode == 0)
  }

  @Test func anEditorThatFailsOrIsNotThereIsSaid() async throws {
    let folder = try TemporaryFolder()
    let session = try Self.start(folder, "exit 3\n")
    try await Self.find(session)
    session.type("e")
    try await session.expect("vi ended with 3")
    try FileManager.default.removeItem(atPath: folder.file("vi"))
    session.type("e")
    try await session.expect("vi: no such file or directory .*VISUAL and EDITOR")
    session.hangUp()
    _ = try await session.end()
  }

  @Test func anEditorThatIsStoppedStopsTheConsoleAndGoesOnWithIt() async throws {
    let folder = try TemporaryFolder()
    let environment = try Self.editor(
      folder, "echo EDITING\nread answer\nprintf %s \"$answer\" > '\(folder.file("answer"))'\n")
    let session = try Probe.shell(
      "set -m; PROBE --console --attached --project '\(folder.file("project"))'; echo STOPPED; read a; fg; echo DONE",
      environment)
    try await Self.find(session)
    session.type("e")
    try await session.expect("EDITING")
    session.press("C-z")
    try await session.expect("STOPPED")
    session.type("go\n")
    // The shell takes the first line; the next is for the editor, which has the terminal again.
    session.type("again\n")
    try await session.expect("the console is back") { $0.isAlternate && $0.text.contains("e opens it in the editor") }
    #expect(try String(contentsOfFile: folder.file("answer"), encoding: .utf8) == "again")
    session.press("C-c")
    try await session.absent("Search the code")
    session.press("q")
    try await session.expect("DONE")
    #expect(try await session.end().damage == [])
  }

  @Test(arguments: [SIGTERM, SIGHUP]) func whoeverEndsTheConsoleEndsTheEditorFirst(signal: Int32) async throws {
    let folder = try TemporaryFolder()
    let session = try Self.start(folder, "echo $$ > '\(folder.file("pid"))'\necho EDITING\nexec sleep 600\n")
    try await Self.find(session)
    session.type("e")
    try await session.expect("EDITING")
    let pid = try #require(pid_t(try String(contentsOfFile: folder.file("pid"), encoding: .utf8).dropLast()))
    session.signal(signal)
    let ending = try await session.end()
    #expect(ending.damage == [] && ending.exitCode == 0)
    #expect(await eventually { kill(pid, 0) != 0 })
  }
}
