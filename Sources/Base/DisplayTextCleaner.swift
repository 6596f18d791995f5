/// Turns scalars of unknown origin into cells, one by one: the machine inside `DisplayText`.
struct DisplayTextCleaner {
  let repertoire: DisplayText.Repertoire
  let tabStop: Int
  private(set) var text = ""
  private(set) var width = 0
  /// The last spacing scalar, which marks and joiners refer to; nil when nothing may attach to what was written.
  private var base: Unicode.Scalar?
  private var marks = 0
  private var isJoined = false

  init(repertoire: DisplayText.Repertoire, tabStop: Int) {
    self.repertoire = repertoire
    self.tabStop = tabStop
  }

  mutating func take(_ scalar: Unicode.Scalar) {
    if scalar.value >= 0x20, scalar.value < 0x7F { return write(scalar, width: 1) }
    if scalar.value < 0xA0 { return takeControl(scalar.value) }
    if scalar.value == 0x200D {
      isJoined = base.map(Self.isPictograph) ?? false
      return
    }
    if Self.isShaper(scalar) { return }
    if (0x1F1E6...0x1F1FF).contains(scalar.value) { return takeFlagLetter(scalar.value) }
    if scalar.properties.isDefaultIgnorableCodePoint { return escape(scalar.value) }
    switch scalar.properties.generalCategory {
    case .unassigned, .surrogate: write("\u{FFFD}", width: 1)
    case .format, .control, .lineSeparator, .paragraphSeparator: escape(scalar.value)
    default: takeVisible(scalar)
    }
  }

  private mutating func takeVisible(_ scalar: Unicode.Scalar) {
    let width = CharacterWidth.of(scalar)
    if width == 0 { return takeMark(scalar) }
    if let base, scalar.properties.isEmojiModifier, base.properties.isEmojiModifierBase { return }
    if isJoined, Self.isPictograph(scalar) {
      isJoined = false
      return
    }
    write(scalar, width: width)
  }

  private mutating func takeMark(_ mark: Unicode.Scalar) {
    // In ASCII the letter alone says more than a row of question marks.
    if repertoire == .ascii { return }
    if base == nil { write("\u{25CC}", width: 1) }
    guard marks < DisplayText.marksMax else { return }
    marks += 1
    text.unicodeScalars.append(mark)
  }

  private mutating func takeControl(_ value: UInt32) {
    switch value {
    case 0x09: for _ in 0..<(tabStop - width % tabStop) { write(" ", width: 1) }
    case 0x0A: show("\\n")
    case 0x0D: show("\\r")
    default: escape(value)
    }
    base = nil
  }

  /// Terminals draw a pair of regional indicators in two or four cells; the letters themselves are always two.
  private mutating func takeFlagLetter(_ value: UInt32) {
    write(Unicode.Scalar(0x41 + value - 0x1F1E6) ?? "\u{FFFD}", width: 1)
  }

  private mutating func write(_ scalar: Unicode.Scalar, width: Int) {
    if repertoire == .ascii, !scalar.isASCII {
      text += AsciiForm.of(DisplayText.Cell(cluster: String(Character(scalar)), width: width))
    } else {
      text.unicodeScalars.append(scalar)
    }
    self.width += width
    base = scalar
    marks = 0
    isJoined = false
  }

  /// `\x1b`, or `\u{202e}` from 256 on.
  private mutating func escape(_ value: UInt32) {
    let digits = String(value, radix: 16)
    show(value > 0xFF ? "\\u{\(digits)}" : "\\x\(value < 16 ? "0" : "")\(digits)")
  }

  private mutating func show(_ visible: String) {
    text += visible
    width += visible.utf8.count
    base = nil
    isJoined = false
  }

  /// Characters that only say how their neighbours are drawn: U+200C, U+034F and the variation selectors.
  private static func isShaper(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value == 0x200C || scalar.value == 0x034F || scalar.properties.isVariationSelector
  }

  private static func isPictograph(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value > 0x2000 && scalar.properties.isEmoji
  }
}
