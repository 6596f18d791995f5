/// The directions in which a cell of a line goes on.
struct LineArms: OptionSet, Hashable, Sendable {
  let rawValue: UInt8

  static let up = LineArms(rawValue: 1)
  static let right = LineArms(rawValue: 2)
  static let down = LineArms(rawValue: 4)
  static let left = LineArms(rawValue: 8)
}

/// The signs, lines, bars and graphs of one kind of terminal. Every sign is one cell wide and has no emoji form, which
/// some terminals would draw two cells wide.
public enum GlyphSet: String, Sendable, CaseIterable {
  /// Graphs of braille dots: two values in a cell.
  case braille
  /// Graphs of eighth blocks, for fonts without braille.
  case block
  /// Only ASCII.
  case ascii

  /// A state, told by shape besides colour.
  public enum Sign: CaseIterable, Sendable {
    case live, slow, idle, ok, failed, closed, warning, limit, running
    case selection, more, ellipsis, stale, paused, separator, mark, up, down, left, right
    case plusMinus, micro
  }

  public func sign(_ sign: Sign) -> Character {
    self == .ascii ? Self.asciiSign(sign) : Self.unicodeSign(sign)
  }

  private static func unicodeSign(_ sign: Sign) -> Character {
    switch sign {
    case .live: "●"
    case .slow: "◐"
    case .idle: "○"
    case .ok: "✓"
    case .failed: "✗"
    case .closed: "✕"
    case .warning: "▲"
    case .limit: "■"
    case .running: "▸"
    case .selection: "▌"
    case .more: "▼"
    case .ellipsis: "…"
    case .stale: "◷"
    case .paused: "‖"
    case .separator: "·"
    case .mark: "◆"
    case .up: "↑"
    case .down: "↓"
    case .left: "←"
    case .right: "→"
    case .plusMinus: "±"
    case .micro: "µ"
    }
  }

  private static func asciiSign(_ sign: Sign) -> Character {
    switch sign {
    case .live: "*"
    case .slow: "%"
    case .idle: "o"
    case .ok: "+"
    case .failed: "x"
    case .closed: "X"
    case .warning: "!"
    case .limit: "#"
    case .running, .selection, .right: ">"
    case .more, .down: "v"
    case .ellipsis, .plusMinus: "~"
    case .stale: "@"
    case .paused: "="
    case .separator: "-"
    case .mark: "&"
    case .up: "^"
    case .left: "<"
    case .micro: "u"
    }
  }

  // MARK: - Lines

  /// Indexed by the raw value of `LineArms`; the half lines keep the direction of an end, so that a corner stays one.
  private static let lines = Array(" ╵╶└╷│┌├╴┘─┴┐┤┬┼")

  /// The character for a line that goes on in the directions of `arms`.
  func line(_ arms: LineArms) -> Character {
    let sign = Self.lines[Int(arms.rawValue & 15)]
    guard self == .ascii else { return sign }
    switch sign {
    case " ": return " "
    case "│", "╵", "╷": return "|"
    case "─", "╶", "╴": return "-"
    default: return "+"
    }
  }

  /// The directions of a cell that holds a line; nil when it holds something else.
  func arms(of cluster: String) -> LineArms? {
    guard cluster != " ", let sign = cluster.first else { return nil }
    if self == .ascii {
      switch sign {
      case "|": return [.up, .down]
      case "-": return [.left, .right]
      case "+": return [.up, .down, .left, .right]
      default: return nil
      }
    }
    return Self.lines.firstIndex(of: sign).map { LineArms(rawValue: UInt8($0)) }
  }

  // MARK: - Bars and graphs

  /// The filled and the empty part of a bar. Thin lines, since full blocks of neighbouring rows run together.
  public var bar: (full: Character, empty: Character) { self == .ascii ? ("#", ".") : ("━", "─") }

  private static let eighths = Array(" ▁▂▃▄▅▆▇█")
  private static let asciiHeights = Array(" _.-=+*#")

  /// A column of a one-row graph, for a fraction of its height. Anything above zero shows.
  public func column(_ fraction: Double) -> Character {
    let steps = self == .ascii ? Self.asciiHeights : Self.eighths
    return steps[Self.level(fraction, of: steps.count - 1)]
  }

  /// Values per cell of `graph`.
  public var valuesPerCell: Int { self == .braille ? 2 : 1 }

  /// One row of a graph of fractions from 0 to 1, oldest left: `valuesPerCell` values a cell.
  public func graph(_ fractions: [Double]) -> String {
    guard self == .braille else { return String(fractions.map { column($0) }) }
    var text = ""
    for start in stride(from: 0, to: fractions.count, by: 2) {
      let left = Self.level(fractions[start], of: 4)
      let right = start + 1 < fractions.count ? Self.level(fractions[start + 1], of: 4) : 0
      let dots = Self.leftDots[left] | Self.rightDots[right]
      text.unicodeScalars.append(Unicode.Scalar(0x2800 + dots) ?? " ")
    }
    return text
  }

  /// Braille dots of a column filled from below; the dot numbers are those of Unicode's block Braille Patterns.
  private static let leftDots: [UInt32] = [0, 0x40, 0x44, 0x46, 0x47]
  private static let rightDots: [UInt32] = [0, 0x80, 0xA0, 0xB0, 0xB8]

  private static func level(_ fraction: Double, of steps: Int) -> Int {
    guard fraction > 0 else { return 0 }
    return max(1, min(steps, Int((fraction * Double(steps)).rounded())))
  }
}
