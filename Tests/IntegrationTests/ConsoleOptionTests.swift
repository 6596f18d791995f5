import Foundation
import Glibc
import Pty
import TestKit
import Testing

/// What the console is started with: folders, read-only, themes.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConsoleOptionTests {
  @Test func aFolderIsAddedToTheRunningNodeAndTheConsoleAttached() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    try fixture.folder.write("web/index.js", "\n")
    let session = try fixture.console(["web"], width: 200, height: 60)
    try await session.expect("live 2 Hz")
    try await session.expect("project.add .*/web")
    let projects = try await fixture.run("projects", "list")
    #expect(projects.standardOutput.contains("\(fixture.folder.path)/web"))
    session.press("q")
    #expect(try await session.end().exitCode == 0)
    #expect(node.isRunning)
  }

  @Test func aFolderThatCannotBeAddedIsOneLineBeforeTheScreenIsTaken() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let session = try fixture.console(["./nothing"], width: 300)
    let ending = try await session.end()
    #expect(ending.exitCode == 64)
    #expect(!session.transcript.contains("\u{1B}"))
    #expect(ending.screen.lines.count { !$0.isEmpty } == 1)
  }

  @Test(arguments: [(80, 24), (200, 60)]) func aReadOnlyConsoleRefusesWithTheReason(width: Int, height: Int)
    async throws
  {
    let setting = ConsoleSetting(isAttached: true, width: width, height: height)
    let stage = try await ConsoleStage(setting, arguments: ["--read-only"])
    try await stage.session.expect("read-only")
    try await stage.session.expect("no log here: the role viewer may not")
    stage.session.press("Esc")
    try await stage.session.absent("any key")
    for command in ["add /tmp", "drain", "stop", "node level debug"] {
      stage.session.type(":\(command)")
      stage.session.press("Enter")
      try await stage.session.expect("this console is read-only")
      stage.session.press("Esc")
      try await stage.session.absent("this console is read-only")
    }
    stage.session.press("b")
    try await stage.session.expect("this console is read-only")
    let audit = try await stage.fixture.run("audit")
    #expect(audit.standardOutput.contains("no audited command"), "nothing was even tried: \(audit.standardOutput)")
    stage.session.press("D")
    #expect(try await stage.session.end().damage == [])
  }

  @Test func theOperatorsFileIsReadAndDoctorTellsWhatIsWrongInIt() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    try fixture.folder.write(
      "config/signalbox/console.yaml", "theme: mono\nlayout: XL\nlevel: warn\nkeys:\n  pause: L\n")
    let doctor = try await fixture.run("doctor")
    #expect(doctor.standardOutput.contains("console.yaml:2: layout: 'XL' is not accepted"), "\(doctor.standardOutput)")
    #expect(doctor.standardOutput.contains("console.yaml:5: keys: L is a key of"), "\(doctor.standardOutput)")
    for (flags, theme) in [([], "mono"), (["--theme", "ansi"], "ansi")] {
      let session = try fixture.console(["attach"] + flags, width: 120, height: 40)
      try await session.expect("live 2 Hz")
      try await session.expect("console.yaml:2: layout")
      session.type(":set")
      session.press("Enter")
      try await session.expect("theme +\(theme)")
      try await session.expect("level +warning")
      session.press("C-c")
      try await session.absent("theme +\(theme)")
      session.press("q")
      let ending = try await session.end()
      #expect(ending.damage == [] && ending.exitCode == 0)
    }
  }

  private static let good = """
    system: base16
    name: mine
    author: me
    variant: dark
    palette: {base00: "101010", base01: "202020", base02: "303030", base03: "808080", base04: "b0b0b0",
      base05: "d0d0d0", base06: "e0e0e0", base07: "f0f0f0", base08: "ff8080", base09: "ffb080", base0A: "ffff80",
      base0B: "80ff80", base0C: "80ffff", base0D: "8080ff", base0E: "ff80ff", base0F: "b08060"}

    """

  @Test(arguments: ConsoleSetting.both) func aThemeIsTakenByNameBySettingAndByPath(setting: ConsoleSetting) async throws
  {
    let fixture = try NodeFixture()
    try fixture.folder.write("config/signalbox/themes/mine.yaml", Self.good)
    let path = try fixture.folder.write("elsewhere.yaml", Self.good)
    let node = setting.isAttached ? try await fixture.start() : nil
    defer { node?.kill() }
    let verb = setting.isAttached ? ["attach"] : []
    let calls: [([String], [String: String], String)] = [
      (["--theme", "mine"], [:], "mine"), ([], ["SIGNALBOX_THEME": "mine"], "mine"),
      (["--theme", path], [:], path), (["--theme", "mono"], ["SIGNALBOX_THEME": "mine"], "mono"),
    ]
    for (arguments, environment, name) in calls {
      let session = try fixture.console(verb + arguments, width: 200, height: 60, environment)
      try await session.expect("live 2 Hz")
      // The frame's own background is the theme's: #101010 is index 233 of the 256.
      if name != "mono" {
        #expect(session.screen.cells[1][1].look.background == .indexed(233), "\(session.screen.cells[1][1].look)")
      }
      #expect(!session.screen.text.contains("no theme") && !session.screen.text.contains(".yaml:"), "no complaint")
      session.press("C-c", "C-c")
      #expect(try await session.end(within: .seconds(20)).exitCode == 0)
    }
  }

  @Test func aThemeWithErrorsIsNamedWithItsLineAndTheOldOneStays() async throws {
    let fixture = try NodeFixture()
    try fixture.folder.write("config/signalbox/themes/mine.yaml", Self.good)
    let stage = try await ConsoleStage(
      ConsoleSetting(isAttached: true, width: 200, height: 60), fixture: fixture, arguments: ["--theme", "mine"])
    let before = stage.session.screen.cells[1][1].look
    try fixture.folder.write(
      "config/signalbox/themes/mine.yaml", Self.good + "roles:\n  warn: nosuchcolour\n")
    try await stage.session.expect("mine.yaml:9: ")
    #expect(stage.session.screen.cells[1][1].look == before)
    // Right after Esc a key would be read as one with Alt.
    stage.session.press("Esc")
    try await stage.session.absent("mine.yaml:9: ")
    stage.session.type(":theme nosuch")
    stage.session.press("Enter")
    try await stage.session.expect("no theme is called \"nosuch\"")
    #expect(stage.session.screen.cells[1][1].look == before)

    let other = try fixture.console(["attach", "--theme", "mine"], width: 200, height: 60)
    try await other.expect("mine.yaml:9: ")
    try await other.expect("live 2 Hz")
    other.press("q")
    #expect(try await other.end().exitCode == 0)
  }

  @Test func themesAreListedWithWhereTheyComeFromAndWhatIsWrong() async throws {
    let fixture = try NodeFixture()
    try fixture.folder.write("config/signalbox/themes/mine.yaml", Self.good)
    try fixture.folder.write("config/signalbox/themes/bad.yaml", "palette:\n  base00: x\n")
    let listed = try await fixture.run("themes")
    #expect(listed.status == .exited(0), "\(listed.standardError)")
    for name in ["signalbox-dark", "signalbox-light", "mono", "ansi", "high-contrast", "okabe-ito"] {
      #expect(listed.standardOutput.contains(name), "\(name)")
    }
    #expect(listed.standardOutput.contains("config/signalbox/themes/mine.yaml"))
    #expect(listed.standardOutput.contains("bad.yaml:"))
    let document = try await fixture.run("themes", "--json")
    let rows = try JSONSerialization.jsonObject(with: Data(document.standardOutput.utf8)) as? [[String: Any]]
    #expect(rows?.first { $0["name"] as? String == "bad" }?["error"] is String)
    #expect(rows?.first { $0["name"] as? String == "mine" }?["error"] == nil)
  }

  @Test func theThemePickerPutsTheOldThemeBack() async throws {
    let stage = try await ConsoleStage(ConsoleSetting(isAttached: true))
    let before = stage.session.screen.cells[1][1].look
    stage.session.press("t")
    try await stage.session.expect("high-contrast")
    stage.session.press("g", "Home")
    try await stage.session.expect("another theme is tried") { $0.cells[1][1].look != before }
    stage.session.press("Esc")
    try await stage.session.expect("the old theme is back") { $0.cells[1][1].look == before }
  }
}
