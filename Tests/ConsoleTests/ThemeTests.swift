import Base
import FoundationEssentials
import Testing

@testable import Console

struct ThemeTests {
  private static let palette = (0...15).map {
    "  base0\(String($0, radix: 16, uppercase: true)): \"\(String(0x111111 * $0, radix: 16))\""
  }.map { $0.replacing(": \"0\"", with: ": \"000000\"") }.joined(separator: "\n")

  private static func scheme(_ more: String = "") -> String {
    "system: base16\nname: Grey\nauthor: me\nvariant: dark\npalette:\n\(palette)\n\(more)"
  }

  @Test func everyBuiltInThemeReadsAndIsLegible() throws {
    let library = ThemeLibrary(directories: [])
    #expect(library.names().count >= 8)
    for name in library.names() {
      let theme = try library.theme(named: name)
      #expect(theme.warnings == [], "\(name)")
    }
  }

  @Test func theBinaryHoldsExactlyTheFilesOfTheFolder() throws {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let files = try FileManager.default.contentsOfDirectory(atPath: "/\(folder)/themes").sorted()
    #expect(files == ThemeLibrary.builtInNames.sorted().map { "\($0).yaml" })
    for name in ThemeLibrary.builtInNames {
      let text = try String(contentsOfFile: "/\(folder)/themes/\(name).yaml", encoding: .utf8)
      #expect(ThemeLibrary.builtIn(name) == text)
    }
  }

  @Test func aSchemeWithoutRolesGetsTheDefaults() throws {
    let theme = try ThemeFile.parse(Self.scheme(), path: "t.yaml")
    #expect(theme.name == "Grey")
    #expect(theme[.background].color == .rgb(RGB(0)))
    #expect(theme[.err].color == .rgb(RGB(0x888888)))
    #expect(theme[.dangerButton].color == .rgb(RGB(0xFFFFFF)))
  }

  @Test func rolesOverrideThePalette() throws {
    let roles = """
      roles:
        warn: base08
        border-focus: "#88c0d0"
        title: { fg: base0D, bold: true }
        popup-bg: default
        ansi16: { ok: 2, err: default }
      """
    let theme = try ThemeFile.parse(Self.scheme(roles), path: "t.yaml")
    #expect(theme[.warn].color == .rgb(RGB(0x888888)))
    #expect(theme[.borderFocus].color == .rgb(RGB(0x88C0D0)))
    #expect(theme[.title] == Theme.Entry(color: .rgb(RGB(0xDDDDDD)), attributes: .bold, ansi16: .ansi(13)))
    #expect(theme[.popupBackground].color == .terminalDefault)
    #expect(theme[.ok].ansi16 == .ansi(2))
    #expect(theme[.err].ansi16 == .terminalDefault)
  }

  @Test func theOldFlatFormIsReadToo() throws {
    let flat = "scheme: \"Old\"\nauthor: \"x\"\n" + Self.palette.replacing("  base", with: "base")
    let theme = try ThemeFile.parse(flat, path: "t.yaml")
    #expect(theme.name == "Old")
    #expect(theme.variant == .dark)
  }

  @Test(arguments: [
    ("", "t.yaml:1:"), ("- a\n- b", "t.yaml:1:"), ("name: x\npalette: 3", "t.yaml:2: palette"),
    ("name: x\npalette:\n  base00: '000000'", "t.yaml:3: base01 is missing"),
    (Self.scheme("roles:\n  wrong: base00"), "t.yaml:23: roles: \"wrong\""),
    (Self.scheme("roles:\n  ok: '12345'"), "t.yaml:23: ok: \"12345\""),
    (Self.scheme("roles:\n  ok: { fg: base00, loud: true }"), "t.yaml:23: ok: \"loud\""),
    (Self.scheme("roles:\n  ok: { bold: maybe }"), "t.yaml:23: ok bold: \"maybe\""),
    (Self.scheme("roles:\n  ansi16: { ok: 16 }"), "t.yaml:23: ansi16 ok: \"16\""),
    (Self.scheme("roles: [a]"), "t.yaml:22: roles"),
    (Self.scheme("  base18: '000000'"), "t.yaml:22: palette: \"base18\""),
    (Self.scheme().replacing("base16\n", with: "base99\n"), "t.yaml:1: system: \"base99\""),
    (Self.scheme().replacing("dark\n", with: "dusk\n"), "t.yaml:4: variant: \"dusk\""),
    (Self.scheme().replacing("name: Grey\n", with: ""), "t.yaml:1: `name:` is missing"),
    (Self.scheme("roles: {ok: \"\u{1B}[2J\"}"), "t.yaml:"), ("name: [", "t.yaml:"),
    (String(repeating: "x", count: ThemeFile.bytesMax + 1), "t.yaml: a theme file has at most"),
  ])
  func whatIsWrongIsNamedWithFileAndLine(text: String, expected: String) {
    let failure = #expect(throws: Failure.self) { try ThemeFile.parse(text, path: "t.yaml") }
    #expect(failure?.message.hasPrefix(expected) == true, "\(failure?.message ?? "")")
    #expect(failure?.message.unicodeScalars.contains { $0.value < 0x20 } == false)
  }

  @Test func aFileOfTheUsersOwnComesBeforeTheBuiltInOne() throws {
    let folder = "/tmp/sb-themes-\(UInt64.random(in: 0 ... .max))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let library = ThemeLibrary(directories: [folder])
    #expect(library.version(of: "mono") == nil)
    try Self.scheme().write(toFile: folder + "/mono.yaml", atomically: true, encoding: .utf8)
    #expect(try library.theme(named: "mono").name == "Grey")
    #expect(try library.theme(named: folder + "/mono.yaml").name == "Grey")
    #expect(library.version(of: "mono") != nil)
    try "name: [".write(toFile: folder + "/bad.yaml", atomically: true, encoding: .utf8)
    let failure = #expect(throws: Failure.self) { try library.theme(named: "bad") }
    #expect(failure?.message.hasPrefix("\(folder)/bad.yaml:") == true)
    #expect(library.names().contains("bad"))
    let unknown = #expect(throws: Failure.self) { try library.theme(named: "nosuch") }
    #expect(unknown?.message.contains("signalbox-dark") == true)
  }

  @Test func withoutColoursRolesStillDiffer() throws {
    let theme = try ThemeLibrary(directories: []).theme(named: "signalbox-dark")
    let plain = theme.look(of: .plain, depth: .mono)
    #expect(plain == Theme.Look(foreground: .terminalDefault, background: .terminalDefault, attributes: []))
    #expect(theme.look(of: Style(.err), depth: .mono).attributes.contains(.bold))
    #expect(theme.look(of: Style(.foreground, on: .selectionBackground), depth: .mono).attributes.contains(.reverse))
  }

  @Test(
    arguments: [
      ([:], ColorDepth.Choice.auto, 256, false, ColorDepth.indexed256),
      (["COLORTERM": "truecolor"], .auto, 256, false, .rgb),
      (["COLORTERM": "24bit"], .auto, 8, false, .ansi16), ([:], .auto, 16_777_216, true, .rgb),
      ([:], .auto, 8, false, .ansi16),
      ([:], .auto, 0, false, .mono), (["NO_COLOR": "1"], .auto, 256, true, .mono),
      (["NO_COLOR": ""], .auto, 256, false, .indexed256),
      (["NO_COLOR": "1"], .always, 256, false, .indexed256), ([:], .never, 256, true, .mono),
      (["COLORTERM": "truecolor"], .always, 0, false, .mono),
    ] as [([String: String], ColorDepth.Choice, Int, Bool, ColorDepth)])
  func theDepthIsWhatTheTerminalAndThePersonAllow(
    environment: [String: String], choice: ColorDepth.Choice, colors: Int, hasRGB: Bool, expected: ColorDepth
  ) {
    #expect(ColorDepth.of(environment: environment, choice: choice, colors: colors, hasRGB: hasRGB) == expected)
  }

  @Test func theNearestOf256IsItselfForEveryColourOfThePalette() {
    for index in 16...255 {
      let color = RGB.palette256(index)
      #expect(RGB.palette256(Int(color.nearest256)) == color)
    }
    #expect(RGB(0xFE0101).nearest256 == 196)
  }

  @Test func contrastIsThatOfTheGuideline() {
    #expect(abs(RGB(0).contrast(on: RGB(0xFFFFFF)) - 21) < 0.001)
    #expect(abs(RGB(0x777777).contrast(on: RGB(0xFFFFFF)) - 4.478) < 0.01)
  }

  @Test func aPaleThemeIsWarnedAbout() throws {
    let theme = try ThemeFile.parse(Self.scheme(), path: "t.yaml")
    #expect(theme.warnings.contains { $0.foreground == .dim && $0.background == .background })
  }
}
