internal import CNcurses

/// Gives colours their curses numbers and pairs of them their pair numbers, when they are first used.
///
/// True colours stand in the palette's places 16 to 255, which `SgrSqueezer` replaces by the colours themselves; a
/// terminal type that is direct by itself takes the value as the number.
struct CursesPalette {
  private struct Pair: Hashable {
    var foreground: Theme.Paint
    var background: Theme.Paint
  }

  let depth: ColorDepth
  private let colors = Int(sb_curses_colors())
  private let pairsMax = Int(sb_curses_pairs())
  private var pairs: [Pair: Int32] = [:]
  private var places: [UInt32: Int] = [:]
  private var entries: [Style: Entry] = [:]
  private var last: (style: Style, entry: Entry)?

  init(depth: ColorDepth) { self.depth = depth }

  /// What the squeezer has to replace: 0xRRGGBB by place.
  private(set) var trueColors: [Int: UInt32] = [:]

  /// Forgets everything: another theme begins with an empty palette.
  mutating func reset() {
    pairs.removeAll()
    entries.removeAll()
    last = nil
    places.removeAll()
    trueColors.removeAll()
  }

  /// What curses is told of a cell.
  struct Entry {
    var pair: Int32
    var attributes: UInt32
  }

  /// How `style` looks in `theme`, which must be the same until `reset`.
  mutating func entry(of style: Style, _ theme: Theme) -> Entry {
    if let last, last.style == style { return last.entry }
    if let known = entries[style] {
      last = (style, known)
      return known
    }
    let (pair, attributes) = pair(for: theme.look(of: style, depth: depth))
    let entry = Entry(pair: pair, attributes: UInt32(attributes.rawValue))
    entries[style] = entry
    last = (style, entry)
    return entry
  }

  /// The pair for a look, and the attributes it needs besides. Pair 0 when there are no colours or no pairs left.
  private mutating func pair(for look: Theme.Look) -> (pair: Int32, attributes: Style.Attributes) {
    var attributes = look.attributes
    if depth == .mono { return (0, attributes) }
    var wanted = Pair(foreground: look.foreground, background: look.background)
    if colors < 16 {
      if case .indexed(let number) = wanted.foreground, number >= 8 {
        // Bright black on eight colours would be black: dim is what it means.
        wanted.foreground = number == 8 ? .terminalDefault : .indexed(number - 8)
        attributes.insert(number == 8 ? .dim : .bold)
      }
      if case .indexed(let number) = wanted.background, number >= 8 { wanted.background = .indexed(number - 8) }
    }
    if wanted.foreground == .terminalDefault, wanted.background == .terminalDefault { return (0, attributes) }
    if let known = pairs[wanted] { return (known, attributes) }
    let number = Int32(pairs.count + 1)
    guard number < pairsMax,
      sb_curses_define_pair(number, color(wanted.foreground), color(wanted.background)) == 0
    else { return (0, attributes) }
    pairs[wanted] = number
    return (number, attributes)
  }

  private mutating func color(_ paint: Theme.Paint) -> Int32 {
    switch paint {
    case .terminalDefault: -1
    case .indexed(let number): Int32(number)
    case .rgb(let value): Int32(place(of: value))
    }
  }

  private mutating func place(of value: UInt32) -> Int {
    // On a direct terminal the numbers below 8 mean the palette; the nearest blues look the same.
    if colors > 256 { return max(8, Int(value)) }
    if let known = places[value] { return known }
    guard places.count < 240 else { return Int(RGB(value).nearest256) }
    let next = 16 + places.count
    places[value] = next
    trueColors[next] = value
    return next
  }
}
