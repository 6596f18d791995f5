internal import Glibc

/// Names that source lines declare, found one line at a time and without a parser: the same rule for every language.
///
/// FORMAT.md, "Names declared in a line", gives four regular expressions; this is a scanner by hand that accepts what
/// they accept, about thirty times faster than a regex engine. Rule 1 looks for a keyword (`func`, `class`, `impl` …)
/// behind anything that looks like modifiers, and takes the identifier behind it. Languages whose functions have no
/// keyword (Java, C, TypeScript methods) get three more rules, in `Declarations+Typed.swift`.
///
/// A name is a hint for ranking and for showing, so a wrong one costs little; comments and long lines are skipped.
enum Declarations {
  typealias Line = UnsafeBufferPointer<UInt8>

  struct Declaration: Equatable {
    /// Width of the leading blanks, tab stops every four columns.
    var indent: Int
    /// Bytes of the line that are the name.
    var name: Range<Int>
  }

  /// Longer lines are data or minified.
  static let lineMax = 300
  private static let tabStop = 4

  /// The name a line declares. `line` has no line end; `isTyped` adds the rules for languages without keywords.
  static func declaration(in line: Line, isTyped: Bool) -> Declaration? {
    guard line.count <= lineMax, let start = contentStart(line), !isComment(line, start) else { return nil }
    if let name = keywordName(line, start) { return Declaration(indent: indent(of: line), name: name) }
    guard isTyped, let name = typedName(line, start) else { return nil }
    return Declaration(indent: indent(of: line), name: name)
  }

  /// Width of the leading blanks.
  static func indent(of line: Line) -> Int {
    var width = 0
    for byte in line {
      if byte == tab { width += tabStop - width % tabStop } else if isBlank(byte) { width += 1 } else { break }
    }
    return width
  }

  /// Where the first byte that is not blank is; nil for a blank line.
  static func contentStart(_ line: Line) -> Int? { line.firstIndex { !isBlank($0) } }

  private static func isComment(_ line: Line, _ start: Int) -> Bool {
    switch line[start] {
    case UInt8(ascii: "*"), UInt8(ascii: "#"): true
    case UInt8(ascii: "/"):
      start + 1 < line.count && (line[start + 1] == UInt8(ascii: "/") || line[start + 1] == UInt8(ascii: "*"))
    default: false
    }
  }

  // MARK: Rule 1

  private static let keywords: [StaticString] = [
    "func", "fun", "def", "class", "struct", "enum", "protocol", "extension", "actor", "interface", "type", "fn",
    "trait", "impl", "mod", "function", "module", "namespace", "macro_rules!",
  ]

  /// The earliest keyword behind a blank wins over one at the start, as in the expression: `class func make` is `make`.
  private static func keywordName(_ line: Line, _ start: Int) -> Range<Int>? {
    var position = start
    while position < line.count {
      let byte = line[position]
      guard isModifier(byte) || isBlank(byte) else { break }
      position += 1
      if isBlank(byte), let name = name(afterKeywordAt: position, line) { return name }
      if isBlank(byte), byte != space { break }
    }
    return name(afterKeywordAt: start, line)
  }

  private static func name(afterKeywordAt position: Int, _ line: Line) -> Range<Int>? {
    guard position < line.count, let length = keywordLength(line, position) else { return nil }
    let afterBlanks = skipBlanks(line, position + length)
    guard afterBlanks > position + length, afterBlanks < line.count else { return nil }
    var nameStart = afterBlanks
    if line[afterBlanks] == UInt8(ascii: "(") {
      guard let close = firstIndex(of: UInt8(ascii: ")"), in: line, from: afterBlanks) else { return nil }
      nameStart = skipBlanks(line, close + 1)
    }
    guard nameStart < line.count, isLetter(line[nameStart]) else { return nil }
    return nameStart..<wordEnd(line, nameStart)
  }

  /// Only a keyword that a blank follows counts, so at most one can fit.
  private static func keywordLength(_ line: Line, _ position: Int) -> Int? {
    guard let base = line.baseAddress else { return nil }
    for keyword in keywords {
      let end = position + keyword.utf8CodeUnitCount
      guard keyword.utf8Start[0] == line[position], end < line.count, isBlank(line[end]),
        memcmp(keyword.utf8Start, base + position, keyword.utf8CodeUnitCount) == 0
      else { continue }
      return keyword.utf8CodeUnitCount
    }
    return nil
  }

  /// `[\w@(),.:*&<>\[\]"' ]` without the blank.
  private static func isModifier(_ byte: UInt8) -> Bool {
    if isWord(byte) { return true }
    switch byte {
    case 0x22, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2C, 0x2E, 0x3A, 0x3C, 0x3E, 0x40, 0x5B, 0x5D: return true
    default: return false
    }
  }

  // MARK: Bytes

  static let space = UInt8(ascii: " ")
  private static let tab = UInt8(ascii: "\t")

  static func isBlank(_ byte: UInt8) -> Bool { byte == space || (byte >= 9 && byte <= 13) }

  static func isLetter(_ byte: UInt8) -> Bool {
    (byte | 32 >= UInt8(ascii: "a") && byte | 32 <= UInt8(ascii: "z")) || byte == UInt8(ascii: "_")
  }

  static func isWord(_ byte: UInt8) -> Bool { isLetter(byte) || (byte >= 48 && byte <= 57) }

  static func wordEnd(_ line: Line, _ start: Int) -> Int {
    var end = start
    while end < line.count, isWord(line[end]) { end += 1 }
    return end
  }

  static func skipBlanks(_ line: Line, _ start: Int) -> Int {
    var position = start
    while position < line.count, isBlank(line[position]) { position += 1 }
    return position
  }

  static func firstIndex(of byte: UInt8, in line: Line, from start: Int) -> Int? {
    var position = start
    while position < line.count {
      if line[position] == byte { return position }
      position += 1
    }
    return nil
  }

  static func word(_ line: Line, _ range: Range<Int>) -> String {
    String(decoding: line[range], as: UTF8.self)
  }
}
