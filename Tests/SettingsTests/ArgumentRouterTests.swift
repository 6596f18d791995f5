import Base
import Testing

@testable import signalbox

@Suite struct ArgumentRouterTests {
  private func route(_ arguments: [String]) throws(Failure) -> [String] {
    try ArgumentRouter.route(arguments, verbs: ["status", "logs"], isFolder: { $0 == "src" || $0 == "." })
  }

  @Test(arguments: [
    ([], ["_node"]), (["."], ["_node", "."]), (["--no-tui", "src", "x"], ["_node", "--no-tui", "src", "x"]),
    (["--no-tui"], ["_node", "--no-tui"]), (["--", "odd"], ["_node", "--", "odd"]),
    (["status", "--json"], ["status", "--json"]),
    (["--color", "never"], ["_node", "--color", "never"]), (["--color=never", "."], ["_node", "--color=never", "."]),
    (["--ascii", "--color", "never", "src"], ["_node", "--ascii", "--color", "never", "src"]),
    (["--color"], ["_node", "--color"]),
    (["--help"], ["--help"]), (["--version"], ["--version"]), (["help", "logs"], ["help", "logs"]),
  ])
  func foldersGoToTheNodeAndVerbsToTheirOwn(arguments: [String], expected: [String]) throws {
    #expect(try route(arguments) == expected)
  }

  @Test func whatIsNeitherIsSaidSo() {
    #expect {
      try route(["statsu"])
    } throws: { error in
      (error as? Failure)?.message == "'statsu' is neither a command nor a folder (did you mean status?)"
    }
    #expect {
      try route(["nowhere\u{1B}"])
    } throws: { error in
      (error as? Failure)?.message == "'nowhere\\x1b' is neither a command nor a folder"
    }
  }

  @Test func anOptionBeforeAVerbIsRefused() {
    #expect(throws: Failure.self) { try route(["--no-tui", "status"]) }
  }
}
