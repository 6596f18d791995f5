import Base
import Glibc
import Pty
import Testing

struct TerminalTests {
  /// How to leave, and what the parent sees.
  struct Way: CustomTestStringConvertible, Sendable {
    var name: String
    var key: String?
    var signal: Int32?
    var exitCode: Int32?
    var endSignal: Int32?
    var testDescription: String { name }

    static let all: [Way] = [
      Way(name: "q", key: "q", exitCode: 0), Way(name: "exit", key: "E", exitCode: 3),
      Way(name: "TERM", signal: SIGTERM, exitCode: 0), Way(name: "INT", signal: SIGINT, exitCode: 0),
      Way(name: "HUP", signal: SIGHUP, exitCode: 0), Way(name: "QUIT", signal: SIGQUIT, exitCode: 0),
      Way(name: "crash", key: "S", endSignal: SIGSEGV), Way(name: "abort", key: "A", endSignal: SIGABRT),
      Way(name: "Swift trap", key: "T"), Way(name: "SEGV", signal: SIGSEGV, endSignal: SIGSEGV),
      Way(name: "BUS", signal: SIGBUS, endSignal: SIGBUS), Way(name: "ILL", signal: SIGILL, endSignal: SIGILL),
      Way(name: "FPE", signal: SIGFPE, endSignal: SIGFPE), Way(name: "TRAP", signal: SIGTRAP, endSignal: SIGTRAP),
    ]
  }

  @Test(arguments: Way.all) func everyWayOfLeavingGivesTheTerminalBack(way: Way) async throws {
    let session = try Probe.start()
    try await session.expect("event 0")
    #expect(session.screen.isAlternate)
    #expect(!session.areSettingsRestored)
    if let key = way.key { session.press(key) }
    if let signal = way.signal { session.signal(signal) }
    let ending = try await session.end()
    #expect(ending.damage == [])
    if let code = way.exitCode { #expect(ending.exitCode == code) }
    if let signal = way.endSignal { #expect(ending.signal == signal) }
    if way.name == "Swift trap" { #expect(ending.signal == SIGILL || ending.signal == SIGTRAP) }
  }

  @Test func aStopGivesTheTerminalToTheShellAndAContinuationTakesItBack() async throws {
    let session = try Probe.shell("set -m; PROBE; echo STOPPED; read answer; fg; echo DONE")
    try await session.expect("event 0")
    session.press("C-z")
    try await session.expect("STOPPED")
    #expect(!session.screen.isAlternate)
    #expect(session.screen.isCursorVisible)
    #expect(session.screen.modes.isDisjoint(with: [1000, 1006, 2004]))
    session.type("go\n")
    try await session.expect("the picture is back") { $0.isAlternate && $0.text.contains("event 1") }
    session.press("q")
    try await session.expect("DONE")
    let damage = try await session.end().damage
    #expect(damage == [])
  }

  @Test func aStopFromOutsideGivesTheTerminalBackToo() async throws {
    let session = try Probe.shell(
      "set -m; PROBE & sleep 0; fg; echo STOPPED; read answer; fg; echo DONE")
    try await session.expect("event 0")
    let child = try await ProcessTree.child(of: session.processID, named: "ConsoleProbe")
    kill(child, SIGTSTP)
    try await session.expect("STOPPED")
    #expect(!session.screen.isAlternate)
    session.type("go\n")
    try await session.expect("the picture is back") { $0.isAlternate && $0.text.contains("event") }
    session.press("q")
    let damage = try await session.end().damage
    #expect(damage == [])
  }

  @Test func aLostConnectionEndsTheProgram() async throws {
    let session = try Probe.start()
    try await session.expect("event 0")
    session.hangUp()
    _ = try await session.end()
  }

  @Test func aLostConnectionEndsTheProgramThatIgnoresHangups() async throws {
    let session = try Probe.shell("trap '' HUP; exec PROBE")
    try await session.expect("event 0")
    session.hangUp()
    _ = try await session.end()
  }

  @Test(arguments: [
    ("", "C.UTF-8", "not set"), ("dumb", "C.UTF-8", "dumb"), ("nosuchterm", "C.UTF-8", "nosuchterm"),
    ("dumb", "", "dumb"),
  ])
  func aTerminalThatCannotShowTheConsoleGetsOneSentence(term: String, lang: String, reason: String) async throws {
    let session = try Probe.start(["TERM": term, "LANG": lang], width: 300)
    let ending = try await session.end()
    #expect(ending.exitCode == 2)
    #expect(ending.damage == [])
    let lines = ending.screen.lines.filter { !$0.isEmpty }
    #expect(lines.count == 1)
    for part in [reason, "--no-tui", "status --watch --plain"] { #expect(lines.first?.contains(part) == true) }
  }

  @Test(arguments: [
    "PROBE </dev/null", "PROBE >/dev/null", "PROBE <&-", "PROBE >&-", "PROBE >/dev/full", "PROBE | cat",
  ])
  func withoutATerminalOnBothSidesItIsRefused(command: String) async throws {
    let session = try Probe.shell("\(command); echo code $?")
    let ending = try await session.end()
    #expect(ending.damage == [])
    #expect(command.hasSuffix("cat") || ending.screen.text.contains("code 2"))
    #expect(ending.screen.text.contains("not a terminal"))
  }

  struct Look: Sendable {
    var term: String
    var lang: String
    var noColor = ""
    var depth: String
    var isASCII: Bool
  }

  @Test(arguments: [
    Look(term: "xterm-256color", lang: "C.UTF-8", depth: "indexed256", isASCII: false),
    Look(term: "xterm-256color", lang: "C.UTF-8", noColor: "1", depth: "mono", isASCII: false),
    Look(term: "xterm-256color", lang: "C", depth: "indexed256", isASCII: true),
    Look(term: "xterm-256color", lang: "", depth: "indexed256", isASCII: true),
    Look(term: "xterm-256color", lang: "xx_YY.UTF-8", depth: "indexed256", isASCII: false),
    Look(term: "xterm", lang: "C.UTF-8", depth: "ansi16", isASCII: false),
    Look(term: "screen-256color", lang: "C.UTF-8", depth: "indexed256", isASCII: false),
    Look(term: "tmux-256color", lang: "C.UTF-8", depth: "indexed256", isASCII: false),
    Look(term: "linux", lang: "C.UTF-8", depth: "ansi16", isASCII: true),
    Look(term: "linux", lang: "C", noColor: "1", depth: "mono", isASCII: true),
    Look(term: "vt100", lang: "C", depth: "mono", isASCII: true),
    Look(term: "vt100", lang: "C.UTF-8", depth: "mono", isASCII: true),
  ])
  func everyTerminalIsPaintedAsItCan(look: Look) async throws {
    let session = try Probe.start(["TERM": look.term, "LANG": look.lang, "NO_COLOR": look.noColor])
    try await session.expect("depth \(look.depth) glyphs \(look.isASCII ? "ascii" : "braille")")
    try await session.expect("danger-button")
    session.press("x")
    try await session.expect("event 1")
    let screen = session.screen
    #expect(screen.hasSeenHighBytes == !look.isASCII)
    #expect(screen.hasSeenColor == (look.depth != "mono"))
    #expect(screen.unknown == [])
    let corner = screen.lines.first?.first
    #expect(corner == (look.isASCII ? "+" : "┌"))
    session.press("q")
    let damage = try await session.end().damage
    #expect(damage == [])
  }

  @Test func trueColourIsSentWhenTheTerminalSaysSo() async throws {
    for term in ["xterm-256color", "xterm"] {
      let session = try Probe.start(["TERM": term, "COLORTERM": "truecolor"])
      try await session.expect("danger-button")
      #expect(session.screen.cells[2][2].look.foreground == .rgb(0xD3, 0xDA, 0xE3))
      #expect(session.screen.cells[2][2].look.background == .rgb(0x12, 0x16, 0x1C))
      session.press("q")
      _ = try await session.end()
    }
  }

  @Test func aResizeStormEndsInAWholePictureOfTheLastSize() async throws {
    let session = try Probe.start(width: 200, height: 60)
    try await session.expect("size 200x60")
    for step in 0..<40 { session.resize(width: 200 - step * 4, height: 60 - step) }
    session.resize(width: 20, height: 5)
    try await session.expect("size 20x5")
    session.resize(width: 200, height: 60)
    try await session.expect("size 200x60")
    try await session.expect("the frame is whole") { screen in
      screen.lines[0].hasSuffix("┐") && screen.lines[59] == "└" + String(repeating: "─", count: 198) + "┘"
    }
  }

  @Test(arguments: [(2, 2), (3, 2), (10, 3), (19, 4)])
  func aTinyWindowIsTaken(width: Int, height: Int) async throws {
    let session = try Probe.start(width: width, height: height)
    try await session.expect("a picture") { $0.isAlternate && $0.text != "" }
    session.press("q")
    let damage = try await session.end().damage
    #expect(damage == [])
  }

  @Test func nothingIsSentWhenNothingChanges() async throws {
    let session = try Probe.start()
    try await session.expect("danger-button")
    session.press("t")
    try await session.expect("ticks [1-9]")
    session.press("t")
    try await session.settle()
    let before = session.bytes
    // The loop goes round without a change: the waiter is woken by a key that is no key.
    session.send(Array("\u{1B}[?2026;2$y".utf8))
    try await session.settle()
    #expect(session.bytes == before)
  }

  @Test func aMegabyteOfPasteIsOneEventAndNoKey() async throws {
    let session = try Probe.start()
    try await session.expect("event 0")
    session.paste(String(repeating: "q\u{1B}[A\r", count: 170_000))
    session.press("x")
    try await session.expect("event 2: .*\"x\"", within: .seconds(30))
    session.press("q")
    #expect(try await session.end().exitCode == 0)
  }

  @Test func anUnclosedPasteEndsByItself() async throws {
    let session = try Probe.start()
    try await session.expect("event 0")
    session.send(Array("\u{1B}[200~qqq".utf8))
    try await session.expect("event 1: paste of 3")
  }

  @Test func aStalledTerminalKeepsNothingFromEnding() async throws {
    let session = try Probe.start()
    try await session.expect("event 0")
    session.setStalled(true)
    for _ in 0..<30 { session.press("C-l") }
    session.signal(SIGTERM)
    #expect(try await session.end().exitCode == 0)
  }

  @Test func onASlowLineTheAnswerToAKeyGoesBeforeTheRest() async throws {
    let session = try Probe.start(width: 200, height: 60)
    try await session.expect("event 0")
    session.setPace(bytesPerSecond: 8_000)
    // Ten times a second most of the picture changes: 8 kB each, a second on this line.
    session.press("L", "t")
    try await session.expect("event 2")
    try await session.expect("ticks [0-9]{2}")
    for number in 3...10 {
      session.press("x")
      try await session.expect("event \(number)")
    }
    // What was sent between two questions is one picture, or a part of one. A machine that stands still for a while
    // makes the line look like another, so not every one has to be a row: without this not one is.
    var screen = VirtualScreen(width: 200, height: 60)
    var (seen, rows) = (2, 0)
    for part in session.transcript.split(separator: "\u{1B}[5n") {
      screen.feed(part.utf8)
      guard screen.text.contains("event \(seen + 1)") else { continue }
      seen += 1
      if part.utf8.count < 2_000 { rows += 1 }
    }
    #expect(seen == 10 && rows >= 4)
    // The rest comes as well, part by part.
    let ticks = session.screen.lines.last { $0.contains("repo:") }
    try await session.expect("another last row") { $0.lines.last { $0.contains("repo:") } != ticks }
    session.press("t")
    session.setPace(bytesPerSecond: nil)
    try await session.settle(.milliseconds(300))
    session.press("q")
    let damage = try await session.end().damage
    #expect(damage == [])
  }

  @Test func aTerminalThatAnswersNothingGetsEveryPicture() async throws {
    var personality = VirtualScreen.Personality()
    personality.answersStatus = false
    let session = try Probe.start(width: 200, height: 60, personality: personality)
    try await session.expect("event 0")
    session.press("L", "t")
    let first = session.screen.lines
    try await session.expect("another picture") { $0.lines != first }
    session.press("q")
    #expect(try await session.end().exitCode == 0)
  }

  @Test func aTerminalThatWasStalledGetsTheNewestPicture() async throws {
    let session = try Probe.start(width: 200, height: 60)
    try await session.expect("event 0")
    session.setStalled(true)
    for _ in 0..<30 { session.press("C-l") }
    session.setStalled(false)
    try await session.expect("event 30")
    #expect(session.screen.unknown == [])
  }

  @Test func mouseAndWheelArriveAtTheirCell() async throws {
    let session = try Probe.start(width: 200)
    try await session.expect("event 0")
    session.wheel(up: false, x: 7, y: 3)
    try await session.expect("wheelDown, x: 7, y: 3")
    session.press("m")
    try await session.expect("the mouse is free") { !$0.modes.contains(1000) }
  }

  @Test func aCopyGoesToTheClipboardOfTheTerminal() async throws {
    let session = try Probe.start()
    try await session.expect("event 0")
    session.press("c")
    try await session.expect("a clipboard") { $0.clipboard == ["aGVsbG8="] }
  }

  @Test(
    arguments: [
      ("rgb:ffff/ffff/f0f0", "", "light"), ("rgb:0000/0000/0000", "0;15", "dark"), (nil, "0;15", "light"),
      (nil, "15;0", "dark"), (nil, "", "dark"),
    ] as [(String?, String, String)])
  func theTerminalSaysWhetherItIsLight(background: String?, colorFGBG: String, expected: String) async throws {
    let session = try Probe.start(["COLORFGBG": colorFGBG], personality: .init(background: background))
    try await session.expect("event 0")
    session.press("v")
    try await session.expect("variant \(expected)")
  }

  @Test func aBusyPictureCostsFewBytesPerCell() async throws {
    let session = try Probe.start(width: 120, height: 40)
    try await session.expect("event 0")
    session.press("L", "t")
    try await session.expect("100 frames") { _ in session.bytes > 60_000 }
    session.press("q")
    let text = try await session.end().screen.text
    let numbers = text.matches(of: #/cells (\d+) bytes (\d+)/#).first.map { ($0.1, $0.2) }
    let (cells, bytes) = try #require(numbers)
    let ratio = (Double(bytes) ?? 0) / (Double(cells) ?? 1)
    #expect(ratio <= 2.5)
  }
}
