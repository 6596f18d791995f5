import Base
import Pty
import TestKit
import Testing

/// The sockets' pane of the whole console on a terminal, with five thousand sockets behind it; embedded and attached,
/// small and large.
@Suite(.timeLimit(.minutes(5))) struct SocketSessionTests {
  private typealias Setting = ConsoleSessionTests.Setting

  /// `question`: words of the dialog that the key answers.
  private static func pressUntilHeard(_ session: PtySession, _ key: String, _ question: String) async -> Bool {
    // Pressed again until it is heard: the first 300 ms are deaf.
    await eventually {
      if !session.screen.text.contains(question) { return true }
      session.press(key)
      return false
    }
  }

  /// One after the other: the list lives, so a row may not be there yet, or be one that is marked already.
  private static func mark(_ wanted: Int, in session: PtySession) async -> Int {
    func marked() -> Int { session.screen.text.firstMatch(of: /([0-9]+) marked/).flatMap { Int($0.1) } ?? 0 }
    for _ in 0..<100 where marked() < wanted {
      let before = marked()
      session.press("Space")
      _ = await eventually(within: .seconds(1)) { marked() != before }
    }
    return marked()
  }

  @Test(arguments: ConsoleSessionTests.Setting.all)
  func fiveThousandSocketsAreSortedFilteredShownAndKicked(setting: ConsoleSessionTests.Setting) async throws {
    let session = try setting.start("--sockets", "5000")
    try await session.expect("5,000")
    try await session.expect("QUEUE↓")
    session.press("1", "G")
    // Lines of a large pane, a sign at the edge of a small one.
    try await session.expect("↑( end|│)")
    session.press("g", "/")
    session.type("user=kris")
    try await session.expect("/user=kris")
    session.press("Enter")
    // 5,000 of which every seventh is this user.
    try await session.expect("715|714 more|7[01][0-9] more")
    // An Esc and the next key are one key with Alt, unless time passes between them.
    session.press("Esc")
    try await session.absent("/user=kris")
    session.press("o")
    try await session.absent("QUEUE↓")
    session.press("Enter")
    try await session.expect("LAST EVENTS")
    try await session.expect("unverified|verified")
    session.press("K")
    try await session.expect("Kick this socket")
    #expect(await Self.pressUntilHeard(session, "y", "Kick this socket"), "\(session.screen.dump)")
    try await session.expect("4,999")
    session.press("Esc")
    try await session.expect("2 Index")
    let marked = await Self.mark(11, in: session)
    #expect(marked == 11, "\(session.screen.dump)")
    session.press("s")
    try await session.expect("11 marked sockets")
    session.press("Esc")
    try await session.absent("11 marked sockets\\)")
    session.press("K")
    try await session.expect("Type their count, \(marked)")
    session.press("Esc")
    session.hangUp()
    _ = try await session.end()
  }

  @Test(arguments: ConsoleSessionTests.Setting.all)
  func aBroadcastIsCountedBeforeItIsSent(setting: ConsoleSessionTests.Setting) async throws {
    let session = try setting.start("--sockets", "5000")
    try await session.expect("5,000")
    session.press("s")
    try await session.expect("Room")
    session.type("task:3")
    session.press("Tab")
    session.type("notice")
    session.press("Tab")
    session.type("{\"text\":\"hello\"}")
    session.press("Enter")
    try await session.expect("[0-9]+ sockets will receive it")
    #expect(await Self.pressUntilHeard(session, "y", "will receive it"), "\(session.screen.dump)")
    try await session.expect("operator +kris socket\\.broadcast task:3 notice: ok")
    session.hangUp()
    _ = try await session.end()
  }

  @Test func withoutSocketsThePaneSaysWhereToConnectAndReadOnlyChangesNothing() async throws {
    let session = try ConsoleSessionTests.Setting(isAttached: true, width: 120, height: 40)
      .start("--sockets", "0", "--read-only")
    try await session.expect("no sockets yet")
    try await session.expect("ws://127.0.0.1:3001/socket.io/")
    session.press("1", "s")
    try await session.expect("this console is read-only")
    session.hangUp()
    _ = try await session.end()
  }
}
