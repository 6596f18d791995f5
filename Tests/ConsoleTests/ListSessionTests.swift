import Base
import Pty
import TestKit
import Testing

/// Filters, orders and marks of the whole console on a terminal; embedded and attached, small and large.
@Suite(.timeLimit(.minutes(3))) struct ListSessionTests {
  @Test(arguments: ConsoleSessionTests.Setting.all)
  func aListIsFilteredSortedAndWhatIsMarkedDoneTogether(setting: ConsoleSessionTests.Setting) async throws {
    let session = try setting.start("--project", "/srv/git/api")
    try await session.expect("3 projects")
    session.press("2", "2", "/")
    session.type("state=failed")
    try await session.expect("/state=failed · 3 projects")
    try await session.absent("✓ api")
    session.press("Enter", "/")
    session.type(" x=")
    try await session.expect("the filter names the field 'x'")
    session.press("Esc")
    try await session.absent("the filter names")
    // Back to the whole list: first out of the zoom, then the filter goes.
    session.press("Esc")
    try await session.expect("1 Sockets")
    session.press("Esc")
    try await session.absent("/state=failed")
    session.type(":sort -files")
    session.press("Enter")
    try await session.expect("sort files↓")
    session.press("*")
    try await session.expect("3 marked")
    session.press("r")
    try await session.expect("Reindex 3 projects")
    // Pressed again until it is heard: the first 300 ms are deaf.
    let isHeard = await eventually {
      if !session.screen.text.contains("Reindex 3 projects") { return true }
      session.press("y")
      return false
    }
    #expect(isHeard, "\(session.screen.dump)")
    try await session.expect("operator +kris index\\.reindex [a-z]+: ok")
    try await session.absent("marked")
    session.hangUp()
    _ = try await session.end()
  }
}
