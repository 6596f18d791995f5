/// Text that is safe to put on a screen: the one type through which outside bytes (names, messages, program output)
/// reach a terminal.
///
/// A terminal obeys what it is sent, so a file name may move the cursor, set the title, reorder a line or hang the
/// parser. `DisplayText` is made once, where the text comes in, and from then on holds printable cells only:
///
/// - control characters are shown as `\n`, `\x1b`, `\x9b`; invalid UTF-8 becomes `�`;
/// - a tab becomes spaces up to the next eighth cell; `lines(of:)` splits at line ends instead of showing them;
/// - bidirectional overrides, embeddings, isolates and marks are shown as `\u{202e}`: they reorder what surrounds them.
///   So are all other invisible characters, but those that only choose how their neighbours are drawn (joiners,
///   variation selectors): these are dropped.
///
/// A cell is one character of width 1 or 2 and at most `marksMax` combining marks. This is the model every terminal
/// implements, and it is deliberately coarser than grapheme clusters: terminals disagree about the width of joined
/// emoji, so a joined sequence is shown as its first emoji, a skin tone is dropped and a flag is shown as its two
/// letters. A mark with nothing to stand on gets a dotted circle. Hence no text, however hostile, changes a cell
/// outside its own, and joining two texts never merges their cells.
public struct DisplayText: Hashable, Sendable {
  /// Which characters the terminal at hand can show.
  public enum Repertoire: Sendable {
    case unicode
    /// Only 0x20 to 0x7E. Other characters become a look-alike where there is one, else `?` for each cell.
    case ascii
  }

  /// One character cell, or two when `width` is 2.
  public struct Cell: Hashable, Sendable {
    public let cluster: String
    /// 1 or 2.
    public let width: Int

    /// `cluster` must have come out of a `DisplayText`.
    public init(cluster: String, width: Int) {
      self.cluster = cluster
      self.width = width
    }
  }

  public enum Alignment: Sendable {
    case left, right, center
  }

  /// Combining marks kept for one character; more are dropped. Three fit every living script.
  public static let marksMax = 3
  private static let tabStop = 8

  /// The safe text itself.
  public let text: String
  /// Terminal cells of the whole text.
  public let width: Int

  /// Makes outside text safe.
  public init(_ outside: String, repertoire: Repertoire = .unicode) {
    if let plain = Self.plain(outside) {
      self.init(trusted: outside, width: plain)
      return
    }
    var cleaner = DisplayTextCleaner(repertoire: repertoire, tabStop: Self.tabStop)
    for scalar in outside.unicodeScalars { cleaner.take(scalar) }
    self.init(trusted: cleaner.text, width: cleaner.width)
  }

  /// Makes outside bytes safe; what is not UTF-8 becomes `�`.
  public init(bytes: some Collection<UInt8>, repertoire: Repertoire = .unicode) {
    self.init(String(decoding: bytes, as: UTF8.self), repertoire: repertoire)
  }

  /// The text as it can be shown with `repertoire`.
  public init(_ text: DisplayText, repertoire: Repertoire) {
    if repertoire == .unicode || text.width == text.text.utf8.count {
      self = text
      return
    }
    self = text.cells.reduce(into: DisplayText.empty) { $0 += DisplayText(ascii: $1) }
  }

  private init(trusted string: String, width: Int) {
    self.text = string
    self.width = width
  }

  private init(ascii cell: Cell) {
    self.init(trusted: AsciiForm.of(cell), width: cell.width)
  }

  public static let empty = DisplayText(trusted: "", width: 0)

  public var isEmpty: Bool { width == 0 }

  /// The safe lines of a text of several lines, at most `max` of them; the line ends (LF, CRLF, CR) are not part of
  /// them.
  public static func lines(of outside: String, max: Int, repertoire: Repertoire = .unicode) -> [DisplayText] {
    outside.split(maxSplits: max, omittingEmptySubsequences: false, whereSeparator: \.isNewline).prefix(max)
      .map { DisplayText(String($0), repertoire: repertoire) }
  }

  /// The width when the text is printable ASCII only, which most text is; else nil.
  private static func plain(_ text: String) -> Int? {
    var count = 0
    for byte in text.utf8 {
      guard byte >= 0x20, byte < 0x7F else { return nil }
      count += 1
    }
    return count
  }
}

// MARK: - Cells

extension DisplayText {
  /// The cells from left to right.
  public var cells: Cells { Cells(scalars: text.unicodeScalars) }

  public struct Cells: Sequence, IteratorProtocol, Sendable {
    fileprivate var scalars: String.UnicodeScalarView
    private var index: String.Index

    fileprivate init(scalars: String.UnicodeScalarView) {
      self.scalars = scalars
      index = scalars.startIndex
    }

    public mutating func next() -> Cell? {
      guard index < scalars.endIndex else { return nil }
      let start = index
      let width = CharacterWidth.of(scalars[index])
      scalars.formIndex(after: &index)
      while index < scalars.endIndex, CharacterWidth.of(scalars[index]) == 0 { scalars.formIndex(after: &index) }
      return Cell(cluster: String(scalars[start..<index]), width: width)
    }
  }

  /// The text from cell `first` on, at most `count` cells: what shows when a list is scrolled sideways. Half of a wide
  /// character at either edge becomes a space.
  public func slice(from first: Int, count: Int) -> DisplayText {
    guard count > 0 else { return .empty }
    var result = DisplayText.empty
    var column = 0
    for cell in cells {
      let start = column
      column += cell.width
      if column <= first { continue }
      if start >= first + count { break }
      let isWhole = start >= first && column <= first + count
      result += isWhole ? DisplayText(trusted: cell.cluster, width: cell.width) : " "
    }
    return result
  }

  /// At most `limit` cells; what was cut is shown by `…` (`~` in ASCII).
  public func truncated(to limit: Int, repertoire: Repertoire = .unicode) -> DisplayText {
    guard width > limit else { return self }
    guard limit > 0 else { return .empty }
    var kept = DisplayText.empty
    for cell in cells {
      guard kept.width + cell.width <= limit - 1 else { break }
      kept += DisplayText(trusted: cell.cluster, width: cell.width)
    }
    let sign: DisplayText = repertoire == .ascii ? "~" : "…"
    return kept + sign
  }

  /// At least `count` cells: spaces are added on the side away from `alignment`.
  public func padded(to count: Int, _ alignment: Alignment = .left) -> DisplayText {
    let missing = count - width
    guard missing > 0 else { return self }
    let before =
      switch alignment {
      case .left: 0
      case .right: missing
      case .center: missing / 2
      }
    return .spaces(before) + self + .spaces(missing - before)
  }

  /// Exactly `count` cells: truncated or padded.
  public func fitted(
    to count: Int, _ alignment: Alignment = .left, repertoire: Repertoire = .unicode
  ) -> DisplayText {
    truncated(to: count, repertoire: repertoire).padded(to: count, alignment)
  }

  public static func spaces(_ count: Int) -> DisplayText { DisplayText(" ").repeated(count) }

  public func repeated(_ count: Int) -> DisplayText {
    guard count > 0 else { return .empty }
    return DisplayText(trusted: String(repeating: text, count: count), width: width * count)
  }

  public static func + (left: DisplayText, right: DisplayText) -> DisplayText {
    DisplayText(trusted: left.text + right.text, width: left.width + right.width)
  }

  public static func += (left: inout DisplayText, right: DisplayText) { left = left + right }
}

extension Sequence<DisplayText> {
  public func joined(separator: DisplayText = .empty) -> DisplayText {
    var result = DisplayText.empty
    var isFirst = true
    for text in self {
      if !isFirst { result += separator }
      result += text
      isFirst = false
    }
    return result
  }
}

// MARK: - Our own literals

extension DisplayText: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, CustomStringConvertible {
  public init(stringLiteral value: String) { self.init(value, repertoire: .unicode) }

  public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.text }

  /// What is interpolated is outside text, made safe piece by piece, so that no piece can combine with our own words.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = DisplayText.empty

    public init(literalCapacity: Int, interpolationCount: Int) {}

    public mutating func appendLiteral(_ literal: String) { text += DisplayText(literal) }

    public mutating func appendInterpolation(_ safe: DisplayText) { text += safe }

    public mutating func appendInterpolation<Value>(_ outside: Value) { text += DisplayText("\(outside)" as String) }
  }

  public var description: String { text }
}
