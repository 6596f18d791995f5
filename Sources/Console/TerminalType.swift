internal import Base
internal import CNcurses

/// What is known of the terminal from its type and the environment: what to send at the beginning and at the end, and
/// what it can show. Asked of terminfo once, when curses is open.
struct TerminalType {
  let depth: ColorDepth
  let hasMouse: Bool
  /// Whether it may be asked for modes and colours. Consoles in hardware or in the kernel, and one emulator, print a
  /// query instead of answering it.
  let answersQueries: Bool
  private let enter: String
  private let leave: String
  private let showCursor: String
  private let hideCursor: String

  init(name: String, options: Terminal.Options) {
    let colors = Int(sb_curses_colors())
    depth = ColorDepth.of(
      environment: options.environment, choice: options.color, colors: colors,
      hasRGB: sb_terminfo_flag("RGB") == 1 || colors > 256)
    hasMouse = sb_terminfo_string("kmous") != nil
    answersQueries = hasMouse && options.environment["TERM_PROGRAM"] != "Apple_Terminal"
    enter = Self.string("smcup") ?? ""
    showCursor = Self.string("cnorm") ?? ""
    hideCursor = Self.string("civis") ?? ""
    // Without an alternate screen the picture stays; the shell's prompt begins below it.
    leave = Self.string("rmcup") ?? "\u{1B}[999;1H\r\n"
  }

  /// The name under which curses is opened. A terminal that says it has true colours has at least the 256 whose
  /// numbers stand for them.
  static func cursesName(_ environment: [String: String]) -> String {
    let name = environment["TERM"] ?? ""
    return name == "xterm" && ColorDepth.wantsTrueColor(environment) ? "xterm-256color" : name
  }

  /// The glyphs the terminal can show. `isUTF8` is what the locale says.
  static func glyphs(_ options: Terminal.Options, isUTF8: Bool) -> GlyphSet {
    let name = options.environment["TERM"] ?? ""
    let isPlain = name == "linux" || name.hasPrefix("linux-") || name.hasPrefix("vt") || name == "ansi"
    return isUTF8 && !isPlain ? options.glyphs : .ascii
  }

  /// Whether the environment asks for UTF-8: the first of these that is set counts.
  static func wantsUTF8(_ environment: [String: String]) -> Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    let folded = locale.lowercased()
    return folded.contains("utf-8") || folded.contains("utf8")
  }

  /// What takes the terminal.
  func greeting(mouse: Bool, cursor: Bool) -> String {
    enter + (cursor ? showCursor : hideCursor) + (hasMouse ? "\u{1B}[?2004h" : "") + mouseMode(mouse)
  }

  /// What gives it back, also from a signal handler.
  func farewell(synchronized: Bool) -> String {
    (synchronized ? Self.endFrame : "") + (hasMouse ? "\u{1B}[?1006l\u{1B}[?1000l\u{1B}[?2004l" : "")
      + "\u{1B}[0m" + showCursor + leave
  }

  /// Buttons and wheel, places as numbers.
  func mouseMode(_ isOn: Bool) -> String {
    guard hasMouse else { return "" }
    return isOn ? "\u{1B}[?1000h\u{1B}[?1006h" : "\u{1B}[?1006l\u{1B}[?1000l"
  }

  static let beginFrame = "\u{1B}[?2026h"
  static let endFrame = "\u{1B}[?2026l"
  /// DSR: how the terminal is; what matters is when it answers.
  static let askStatus = "\u{1B}[5n"
  static let askSynchronized = "\u{1B}[?2026$p"
  /// The background colour, then the device attributes: a terminal that answers the second only has no answer to the
  /// first.
  static let askBackground = "\u{1B}]11;?\u{1B}\\\u{1B}[c"

  /// The string without the padding marks of hardware terminals.
  private static func string(_ name: String) -> String? {
    guard let value = sb_terminfo_string(name) else { return nil }
    var text = ""
    var rest = String(cString: value)[...]
    while let mark = rest.firstRange(of: "$<") {
      text += rest[..<mark.lowerBound]
      rest = rest[mark.upperBound...].drop { $0 != ">" }.dropFirst()
    }
    return text + rest
  }
}
