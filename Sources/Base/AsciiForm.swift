/// What stands for a character on a terminal that shows ASCII only. Always as wide as the character itself, so that a
/// screen laid out in Unicode keeps its columns.
public enum AsciiForm {
  public static func of(_ cell: DisplayText.Cell) -> String {
    guard let first = cell.cluster.unicodeScalars.first else { return " " }
    let sign = first.isASCII ? Character(first) : sign(for: first)
    return String(sign) + (cell.width == 2 ? (sign == "?" ? "?" : " ") : "")
  }

  /// The look-alike of one character, `?` when there is none.
  public static func sign(for scalar: Unicode.Scalar) -> Character {
    if let sign = signs[scalar] { return sign }
    switch scalar.value {
    case 0x2500...0x257F: return box(scalar.value)
    case 0x2580...0x259F: return "#"
    case 0x2800: return " "
    case 0x2801...0x28FF: return scalar.value < 0x2840 ? "." : "#"
    case 0xC0...0xFF: return latin[Int(scalar.value - 0xC0)]
    default: return "?"
    }
  }

  private static func box(_ value: UInt32) -> Character {
    switch value {
    case 0x2500, 0x2501, 0x2504, 0x2505, 0x2508, 0x2509, 0x254C, 0x254D, 0x2550: "-"
    case 0x2502, 0x2503, 0x2506, 0x2507, 0x250A, 0x250B, 0x254E, 0x254F, 0x2551: "|"
    default: "+"
    }
  }

  /// U+00C0 to U+00FF without their marks.
  private static let latin = Array("AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty")

  private static let signs: [Unicode.Scalar: Character] = [
    "\u{A0}": " ", "·": ".", "•": "*", "…": "~", "–": "-", "—": "-", "−": "-", "‘": "'", "’": "'", "“": "\"",
    "”": "\"", "«": "<", "»": ">", "±": "~", "µ": "u", "°": "o", "→": ">", "←": "<", "↑": "^", "↓": "v", "×": "x",
    "●": "*", "◐": "%", "○": "o", "✓": "+", "✗": "x", "✕": "x", "▲": "!", "■": "#", "▸": ">", "▼": "v", "▌": ">",
    "◷": "@", "‖": "=", "⏎": "$", "▏": "|", "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#",
    "█": "#", "◌": "o", "\u{FFFD}": "?",
  ]
}
