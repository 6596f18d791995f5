/// Cuts a Go source into the tokens that `GoSource` tells apart. Numbers, characters and operators are marks that mean
/// nothing to it; comments and the insides of texts are never taken for code. Semicolons that Go inserts at line ends
/// are left out: no rule about imports needs them.
struct GoTokens {
  enum Token: Equatable {
    case name(String)
    /// A string literal's value.
    case text(String)
    case mark(String)
    case end
  }

  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var lineStart = 0
  /// Where the last token began.
  private(set) var place = GoSource.Place(line: 1, column: 1)
  private(set) var directives: [(name: String, place: GoSource.Place)] = []

  private static let directivesMax = 100

  init(_ text: String) {
    bytes = Array(text.utf8)
    // A byte order mark at the beginning is ignored.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  mutating func next() -> Token {
    skipBlanks()
    place = here
    guard position < bytes.count else { return .end }
    let byte = bytes[position]
    switch byte {
    case UInt8(ascii: "\""): return interpretedText()
    case UInt8(ascii: "`"): return rawText()
    case UInt8(ascii: "'"): return character()
    case let byte where Self.isLetter(byte): return .name(take { Self.isLetter($0) || Self.isDigit($0) })
    case let byte where Self.isDigit(byte):
      // `1.e` and `0x_f`: a number takes the dot with it, so that it is no selector.
      _ = take { Self.isLetter($0) || Self.isDigit($0) || $0 == UInt8(ascii: ".") }
      return .mark("0")
    default:
      position += 1
      return .mark(String(UnicodeScalar(byte)))
    }
  }

  private var here: GoSource.Place { GoSource.Place(line: line, column: position - lineStart + 1) }

  private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (65...90).contains(byte) || (97...122).contains(byte) || byte == 95 || byte >= 0x80
  }

  private mutating func take(while isIn: (UInt8) -> Bool) -> String {
    let start = position
    while position < bytes.count, isIn(bytes[position]) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private func follows(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { bytes[position...].starts(with: $0) }
  }

  private mutating func step() {
    if bytes[position] == 10 {
      line += 1
      lineStart = position + 1
    }
    position += 1
  }

  private mutating func skipBlanks() {
    while position < bytes.count {
      if [32, 9, 13, 10].contains(bytes[position]) {
        step()
      } else if follows("//") {
        lineComment()
      } else if follows("/*") {
        position += 2
        while position < bytes.count, !follows("*/") { step() }
        position = min(position + 2, bytes.count)
      } else {
        return
      }
    }
  }

  private mutating func lineComment() {
    let start = here
    let text = take { $0 != 10 }.dropFirst(2)
    guard text.hasPrefix("go:linkname") || text.hasPrefix("go:cgo_"), directives.count < Self.directivesMax else {
      return
    }
    directives.append((String(text.prefix { $0 != " " && $0 != "\t" }), start))
  }

  private mutating func rawText() -> Token {
    position += 1
    var value: [UInt8] = []
    while position < bytes.count, bytes[position] != UInt8(ascii: "`") {
      // Carriage returns in raw texts are dropped.
      if bytes[position] != 13 { value.append(bytes[position]) }
      step()
    }
    position = min(position + 1, bytes.count)
    return .text(String(decoding: value, as: UTF8.self))
  }

  /// Ends at the closing mark or, where the source is wrong, at the line's end.
  private mutating func interpretedText() -> Token {
    position += 1
    var value: [UInt8] = []
    while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != 10 {
      if bytes[position] == UInt8(ascii: "\\") {
        value += escape()
      } else {
        value.append(bytes[position])
        position += 1
      }
    }
    if position < bytes.count, bytes[position] != 10 { position += 1 }
    return .text(String(decoding: value, as: UTF8.self))
  }

  private mutating func character() -> Token {
    position += 1
    while position < bytes.count, bytes[position] != UInt8(ascii: "'"), bytes[position] != 10 {
      position += bytes[position] == UInt8(ascii: "\\") && position + 1 < bytes.count ? 2 : 1
    }
    if position < bytes.count, bytes[position] != 10 { position += 1 }
    return .mark("'")
  }

  /// One escape sequence: a letter, three octal digits, or two, four or eight hexadecimal ones.
  private mutating func escape() -> [UInt8] {
    position += 1
    guard position < bytes.count else { return [] }
    let kind = bytes[position]
    if (48...55).contains(kind) { return number(digits: 3, radix: 8).map { [UInt8(truncatingIfNeeded: $0)] } ?? [] }
    position += 1
    switch kind {
    case UInt8(ascii: "x"): return number(digits: 2, radix: 16).map { [UInt8(truncatingIfNeeded: $0)] } ?? []
    case UInt8(ascii: "u"): return scalar(number(digits: 4, radix: 16))
    case UInt8(ascii: "U"): return scalar(number(digits: 8, radix: 16))
    case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): return [kind]
    // Control characters, of which no path has any.
    default: return [kind == 10 ? 32 : 7]
    }
  }

  private mutating func number(digits: Int, radix: Int) -> UInt32? {
    let end = min(position + digits, bytes.count)
    defer { position = end }
    return UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: radix)
  }

  private func scalar(_ number: UInt32?) -> [UInt8] {
    guard let number, let scalar = UnicodeScalar(number) else { return [] }
    return Array(String(Character(scalar)).utf8)
  }
}
