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
    if Self.isDirectional(scalar.value) { return escape("\\u" + hex(scalar.value, digits: 4)) }
    if scalar.value == 0x2028 || scalar.value == 0x2029 { return takeControl(0x0A) }
    if (0x1F1E6...0x1F1FF).contains(scalar.value) { return takeFlagLetter(scalar.value) }
    if scalar.properties.isDefaultIgnorableCodePoint { return }
    switch scalar.properties.generalCategory {
    case .unassigned, .surrogate: write("\u{FFFD}", width: 1)
    case .format, .control: escape("\\u" + hex(scalar.value, digits: 4))
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
    case 0x09:
      for _ in 0..<(tabStop - width % tabStop) { write(" ", width: 1) }
    case 0x0A where repertoire == .ascii: escape("\\n")
    case 0x0D where repertoire == .ascii: escape("\\r")
    case _ where repertoire == .ascii || value > 0x7F: escape("\\x" + hex(value, digits: 2))
    case 0x7F: write("\u{2421}", width: 1)
    default: write(Unicode.Scalar(0x2400 + value) ?? "\u{FFFD}", width: 1)
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

  private mutating func escape(_ visible: String) {
    text += visible
    width += visible.utf8.count
    base = nil
    isJoined = false
  }

  /// Characters that reorder or re-align the text around them: U+061C, U+200E, U+200F, U+202A-202E, U+2066-2069.
  private static func isDirectional(_ value: UInt32) -> Bool {
    switch value {
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  private static func isPictograph(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value > 0x2000 && scalar.properties.isEmoji
  }

  private func hex(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
