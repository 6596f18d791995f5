import Base
import ControlPlane
import Pty
import TestKit
import Testing

@testable import Console

/// The operator's own settings: a file, and `:set`.
@Suite(.timeLimit(.minutes(3))) struct ConsoleFileTests {
  private static func file(_ text: String) -> ConsoleFile { ConsoleFile(path: "/c.yaml", text: text) }

  @Test func everySettingIsRead() {
    let file = Self.file(
      """
      layout: S
      theme: nord
      refresh: 2s
      glyphs: block
      mouse: off
      level: warn
      keys:
        reindex: C-r
        pause: [F5, P]
      """)
    #expect(file.complaints.isEmpty, "\(file.complaints)")
    #expect(
      file.settings == [
        .layout(.small), .theme("nord"), .refresh(2_000), .glyphs(.block), .mouse(false), .level(.warning),
      ])
    #expect(file.theme == "nord" && file.glyphs == .block)
    #expect(file.registry.action(for: .control("r"), in: .log)?.id == "index.reindex")
    #expect(file.registry.action(for: .character("r"), in: .log)?.id == "index.reindex", "fixed keys stay")
    #expect(file.registry.action(for: KeyChord(.function(5)), in: .index)?.id == "pause")
    #expect(file.registry.action(for: .character("P"), in: .index)?.id == "pause")
    #expect(file.registry.action(for: .character("p"), in: .index) == nil, "others are free")
  }

  @Test(arguments: [
    ("layout: XL", "/c.yaml:1: layout: 'XL' is not accepted (S, M, L or auto)"),
    ("theme: a\nrefresh: soon", "/c.yaml:2: refresh: 'soon' is not accepted (a time from 250ms to 10s)"),
    ("mouse: maybe", "/c.yaml:1: mouse: 'maybe' is not accepted (on or off)"),
    ("colour: red", "/c.yaml:1: nothing here is called 'colour'"),
    ("theme: [a, b]", "/c.yaml:1: theme: one value is wanted here"),
    ("- a\n- b", "/c.yaml:1: the console's file is lines of 'name: value'"),
    ("a: b: c", "/c.yaml:1: not YAML"),
    ("keys: x", "/c.yaml:1: keys: lines of 'ACTION: KEY' are wanted here"),
    ("keys:\n  pause: C-pause", "/c.yaml:2: keys: pause: 'C-pause' is no key"),
    ("keys:\n  nosuch: x", "/c.yaml:2: keys: no action is called 'nosuch'"),
    ("keys:\n  interrupt: x", "/c.yaml:2: keys: C-c always closes"),
    ("keys:\n  pause: L", "/c.yaml:2: keys: L is a key of pause and of log.level"),
    ("keys:\n  level: r", "/c.yaml:2: keys: r is a key of index.reindex and of log.set-level"),
    ("keys:\n  pause: Z\n  theme.next: Z", "/c.yaml:3: keys: Z is a key of theme.next and of pause"),
  ])
  func whatIsWrongIsToldByFileAndLine(text: String, complaint: String) throws {
    let file = Self.file(text)
    #expect(file.complaints.count == 1)
    let line = try #require(file.complaints.first?.line)
    let names = complaint.split(separator: " ").filter { $0.contains(".") || $0 == "pause" }
    let isTold =
      line.hasPrefix(complaint) || (complaint.contains("is a key of") && names.allSatisfy { line.contains($0) })
    #expect(isTold, "\(line)")
    #expect(!line.contains("\n"))
  }

  @Test func theRestOfAFileThatIsWrongInPlacesHolds() {
    let file = Self.file("layout: XL\nlevel: warn\nkeys:\n  pause: L\n  copy: Y\n")
    #expect(file.complaints.count == 2)
    #expect(file.settings == [.level(.warning)])
    #expect(file.registry.action(for: .character("p"), in: .log)?.id == "pause", "keeps its key")
    #expect(file.registry.action(for: .character("L"), in: .log)?.id == "log.level")
    #expect(file.registry.action(for: .character("Y"), in: .log)?.id == "copy")
  }

  @Test func twoActionsMayChangePlaces() {
    let file = Self.file("keys:\n  pause: y\n  copy: p\n")
    #expect(file.complaints.isEmpty)
    #expect(file.registry.action(for: .character("y"), in: .log)?.id == "pause")
    #expect(file.registry.action(for: .character("p"), in: .log)?.id == "copy")
  }

  @Test(arguments: ActionRegistry.all.flatMap(\.keys)) func everyKeyIsReadByTheNameItIsShownBy(_ key: KeyChord) {
    #expect(KeyChord(label: key.label) == key, "\(key.label)")
  }

  @Test(arguments: ["", "C-", "F13", "F0", "nokey", "C-nokey"]) func whatIsNoKeyIsNone(_ label: String) {
    #expect(KeyChord(label: label) == nil)
  }

  @Test func complaintsStandInTheLogAndTheFirstIsShown() {
    var fixture = ModelFixture(width: 120, height: 40)
    fixture.model.tell(Self.file("layout: XL\ncolour: red\n").complaints)
    #expect(fixture.screen.contains("and 1 more in the log"))
    fixture.press(KeyChord(.escape))
    let log = PanePicture.text(fixture, .log)
    #expect(log.contains("/c.yaml:1: layout") && log.contains("/c.yaml:2: nothing"), "\(log)")
  }

  // MARK: - While it runs

  @Test func aSettingIsChangedInPlaceAndTheListShowsThem() {
    var fixture = ModelFixture(width: 200, height: 60)
    #expect(fixture.model.layout.size == .large)
    for (command, size) in [("layout S", Layout.Size.small), ("set layout M", .medium), ("layout auto", .large)] {
      fixture.type(":\(command)")
      fixture.press(KeyChord(.enter))
      #expect(fixture.model.layout.size == size)
    }
    fixture.type(":set glyphs ascii")
    fixture.press(KeyChord(.enter))
    #expect(fixture.lines[1].hasPrefix("+-"))
    fixture.type(":set level error")
    fixture.press(KeyChord(.enter))
    #expect(fixture.model.panes.log.book.level == .error)
    fixture.type(":set mouse off")
    #expect(fixture.press(KeyChord(.enter)) == [.setMouse(false)])
    fixture.type(":set")
    fixture.press(KeyChord(.enter))
    for line in ["layout    auto", "refresh   500ms", "glyphs    ascii", "mouse     off", "level     error"] {
      #expect(fixture.screen.contains(line), "\(line)")
    }
  }

  @Test func aLayoutThatHasNoRoomComesWithTheWindow() {
    var fixture = ModelFixture(width: 120, height: 40)
    fixture.type(":layout L")
    fixture.press(KeyChord(.enter))
    #expect(fixture.screen.contains("layout L needs 180x50") && fixture.model.layout.size == .medium)
    _ = fixture.model.handle(.resize(width: 180, height: 50), now: fixture.now)
    #expect(fixture.model.layout.size == .large)
  }

  @Test func anOperatorsKeysAreInTheFooterTheHelpAndThePalette() {
    let registry = Self.file("keys: {pause: F5, repaint: F6}").registry
    var options = ModelFixture(width: 200, height: 60).model.options
    options.registry = registry
    var fixture = ModelFixture(width: 200, height: 60)
    fixture.model = ConsoleModel(
      options: options, themeName: "signalbox-dark", width: 200, height: 60, now: fixture.now)
    #expect(fixture.lines[59].contains("F5 pause"))
    fixture.press(.character("?"))
    #expect(fixture.screen.contains("F5            Freeze the picture"))
    #expect(fixture.press(KeyChord(.function(6))) == [.repaint], "heard over what is open")
    fixture.press(KeyChord(.escape))
    fixture.press(KeyChord(.function(5)))
    #expect(fixture.model.isPaused)
    #expect(fixture.press(.control("l")).isEmpty, "the key it had is free")
  }

  /// A console with this file in the operator's folder.
  @Test func aConsoleStartsWithItsFileWhateverIsWrongInIt() async throws {
    let folder = try TemporaryFolder()
    try folder.write("signalbox/console.yaml", "layout: S\nglyphs: ascii\nrefresh: never\nkeys:\n  pause: C-p\n")
    let session = try Probe.start(
      ["XDG_CONFIG_HOME": folder.path], width: 120, height: 40, arguments: ["--console", "--attached", "--settings"])
    try await session.expect("console.yaml:3: refresh: 'never' is not accepted")
    // Two columns and the log below them over the whole width: the small layout.
    try await session.expect("├─ 5 Bench ─+┴─+")
    session.press("C-p")
    try await session.expect("paused")
    session.press("C-p")
    try await session.absent("paused")
    session.type(":set")
    session.press("Enter")
    try await session.expect("layout +S")
    session.press("Esc")
    try await session.absent("layout +S")
    session.press("q")
    let ending = try await session.end()
    #expect(ending.damage == [] && ending.exitCode == 0)
  }
}
