internal import Base

/// What a person would see: a model of a terminal that is fed a program's output. It knows what xterm knows and
/// signalbox might use (ECMA-48; "XTerm Control Sequences"), counts what it does not know, and answers queries like
/// its `Personality` says.
public struct VirtualScreen: Sendable {
  public enum Color: Hashable, Sendable {
    case standard
    case indexed(Int)
    case rgb(Int, Int, Int)
  }

  public struct Look: Hashable, Sendable {
    public var foreground = Color.standard
    public var background = Color.standard
    public var isBold = false
    public var isDim = false
    public var isUnderlined = false
    public var isReversed = false
  }

  public struct Cell: Hashable, Sendable {
    /// Empty in the right half of a wide character.
    public var text = " "
    public var look = Look()

    /// Whether a person sees a difference: a space has no foreground.
    public func looksLike(_ other: Cell) -> Bool {
      self == other || isBlank && other.isBlank && look.background == other.look.background
    }

    private var isBlank: Bool { text == " " && !look.isUnderlined && !look.isReversed }
  }

  /// What the terminal answers.
  public struct Personality: Sendable {
    /// The body of the reply to OSC 11, such as `rgb:ffff/ffff/ffff`; nil for silence.
    public var background: String?
    public var answersAttributes = true
    public var answersStatus = true
    public var knowsSynchronizedOutput = true

    public init(background: String? = "rgb:1010/1414/1818") { self.background = background }
  }

  public internal(set) var width: Int
  public internal(set) var height: Int
  public internal(set) var cells: [[Cell]]
  public internal(set) var cursorX = 0
  public internal(set) var cursorY = 0
  /// Private modes that are set: 25 is the cursor, 1049 the alternate screen.
  public internal(set) var modes: Set<Int> = [7, 25]
  public internal(set) var title = ""
  /// Texts put into the clipboard by OSC 52, still in base64.
  public internal(set) var clipboard: [String] = []
  /// Times the whole screen was cleared.
  public internal(set) var clears = 0
  /// Sequences the model does not know, for a test to look at.
  public internal(set) var unknown: [String] = []
  /// Whether a byte from 0x80 on was received.
  public internal(set) var hasSeenHighBytes = false
  /// Whether a colour was ever asked for.
  public internal(set) var hasSeenColor = false

  var personality: Personality
  var look = Look()
  var saved: (x: Int, y: Int, look: Look) = (0, 0, Look())
  var main: (cells: [[Cell]], x: Int, y: Int)?
  var top = 0
  var bottom: Int
  var wrapsNext = false
  var usesLineDrawing = false
  var lastPrinted: Unicode.Scalar = " "
  var parser = VirtualParser()
  /// What the terminal would send back.
  var replies: [UInt8] = []

  public init(width: Int, height: Int, personality: Personality = .init()) {
    self.width = width
    self.height = height
    self.personality = personality
    bottom = height - 1
    cells = Array(repeating: Array(repeating: Cell(), count: width), count: height)
  }

  // MARK: - Looking

  public var isAlternate: Bool { main != nil }
  public var isCursorVisible: Bool { modes.contains(25) }
  /// Inside a synchronized frame the picture is not to be looked at.
  public var isSynchronizing: Bool { modes.contains(2026) }

  public func line(_ y: Int) -> String { cells[y].map(\.text).joined() }

  /// All lines, without the spaces at their ends.
  public var lines: [String] {
    (0..<height).map { y in
      var text = line(y)[...]
      while text.last == " " { text.removeLast() }
      return String(text)
    }
  }

  /// The screen in a frame, for failure messages.
  public var dump: String {
    let rule = "+" + String(repeating: "-", count: width) + "+"
    return ([rule] + (0..<height).map { "|\(line($0))|" } + [rule]).joined(separator: "\n")
  }

  public var text: String { lines.joined(separator: "\n") }

  /// Cells that look different on another screen of the same size.
  public func changedCells(since other: VirtualScreen) -> Int {
    guard other.width == width, other.height == height else { return width * height }
    return zip(cells, other.cells).reduce(0) { $0 + zip($1.0, $1.1).count { !$0.looksLike($1) } }
  }

  // MARK: - Feeding

  /// What the terminal sends back since the last call.
  public mutating func takeReplies() -> [UInt8] {
    defer { replies.removeAll() }
    return replies
  }

  public mutating func feed(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      if byte >= 0x80 { hasSeenHighBytes = true }
      if let action = parser.take(byte) { perform(action) }
    }
  }

  private mutating func perform(_ action: VirtualParser.Action) {
    switch action {
    case .print(let scalar): print(scalar)
    case .control(let byte): control(byte)
    case .escape(let text): escape(text)
    case .sequence(let sequence): dispatch(sequence)
    case .command(let text): command(text)
    }
  }

  public mutating func resize(width: Int, height: Int) {
    let blank = Array(repeating: Cell(), count: width)
    func fitted(_ rows: [[Cell]]) -> [[Cell]] {
      let cut = rows.prefix(height).map { Array($0.prefix(width)) + blank.dropFirst($0.count) }
      return cut + Array(repeating: blank, count: height - cut.count)
    }
    cells = fitted(cells)
    if let old = main { main = (fitted(old.cells), min(old.x, width - 1), min(old.y, height - 1)) }
    self.width = width
    self.height = height
    top = 0
    bottom = height - 1
    cursorX = min(cursorX, width - 1)
    cursorY = min(cursorY, height - 1)
    wrapsNext = false
  }

  // MARK: - Printing

  private static let lineDrawing: [Unicode.Scalar: Unicode.Scalar] = [
    "q": "─", "x": "│", "l": "┌", "k": "┐", "m": "└", "j": "┘", "t": "├", "u": "┤", "w": "┬", "v": "┴", "n": "┼",
  ]

  mutating func print(_ received: Unicode.Scalar) {
    let scalar = usesLineDrawing ? Self.lineDrawing[received] ?? received : received
    let wide = CharacterWidth.of(scalar)
    if wide == 0 { return attach(scalar) }
    lastPrinted = scalar
    if wrapsNext || cursorX + wide > width {
      if modes.contains(7) {
        cursorX = 0
        lineFeed()
      }
      wrapsNext = false
    }
    guard cursorX + wide <= width else { return }
    split(x: cursorX, y: cursorY)
    split(x: cursorX + wide - 1, y: cursorY)
    cells[cursorY][cursorX] = Cell(text: String(Character(scalar)), look: look)
    if wide == 2 { cells[cursorY][cursorX + 1] = Cell(text: "", look: look) }
    cursorX += wide
    if cursorX == width {
      cursorX = width - 1
      wrapsNext = true
    }
  }

  private mutating func attach(_ mark: Unicode.Scalar) {
    var x = wrapsNext ? cursorX : cursorX - 1
    if x >= 0, cells[cursorY][x].text.isEmpty { x -= 1 }
    guard x >= 0 else { return }
    cells[cursorY][x].text.unicodeScalars.append(mark)
  }

  /// Blanks the other half of a wide character one half of which is overwritten.
  private mutating func split(x: Int, y: Int) {
    if cells[y][x].text.isEmpty, x > 0 { cells[y][x - 1].text = " " }
    if x + 1 < width, cells[y][x + 1].text.isEmpty { cells[y][x + 1].text = " " }
  }

  var blank: Cell {
    var cell = Cell()
    cell.look.background = look.background
    return cell
  }

  mutating func lineFeed() {
    if cursorY == bottom { scroll(1) } else if cursorY < height - 1 { cursorY += 1 }
  }

  /// Moves the lines of the scrolling region up, or down when `count` is negative.
  mutating func scroll(_ count: Int) {
    let empty = Array(repeating: blank, count: width)
    for _ in 0..<min(abs(count), bottom - top + 1) {
      if count > 0 {
        cells.remove(at: top)
        cells.insert(empty, at: bottom)
      } else {
        cells.remove(at: bottom)
        cells.insert(empty, at: top)
      }
    }
  }
}
