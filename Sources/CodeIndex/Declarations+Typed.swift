/// Rules 2 to 4 of FORMAT.md: functions that no keyword announces.
///
///     2  public static Foo bar(int x,          types, a name, `(`, and neither `;` nor `=` behind it
///     3    async close(): Promise<void> {      an indented method: a name, `(…)`, perhaps a type, and `{` at the end
///     4  export const load = async (path) =>   a constant that is a function
extension Declarations {
  private static let statements: Set<String> = [
    "return", "await", "new", "throw", "else", "case", "if", "for", "while", "switch", "do", "yield", "in", "of",
    "delete", "typeof", "goto", "assert", "import", "using", "package",
  ]

  private static let notNames: Set<String> = [
    "if", "for", "while", "switch", "catch", "function", "return", "constructor", "do", "else", "with", "using", "lock",
    "fixed", "synchronized", "try", "sizeof", "new", "await",
  ]

  static func typedName(_ line: Line, _ start: Int) -> Range<Int>? {
    let parenthesis = firstIndex(of: UInt8(ascii: "("), in: line, from: start)
    if let parenthesis,
      let name = functionName(line, start, parenthesis) ?? methodName(line, start),
      !notNames.contains(word(line, name))
    {
      return name
    }
    guard firstIndex(of: UInt8(ascii: "="), in: line, from: start) != nil else { return nil }
    return constantName(line, start)
  }

  // MARK: Rule 2

  /// What stands before the name holds no parenthesis, so the first one of the line is the one behind the name.
  private static func functionName(_ line: Line, _ start: Int, _ parenthesis: Int) -> Range<Int>? {
    for byte in line[parenthesis...] where byte == UInt8(ascii: ";") || byte == UInt8(ascii: "=") { return nil }
    if isWord(line[start]), statements.contains(word(line, start..<wordEnd(line, start))) { return nil }
    var end = parenthesis
    while end > start, isBlank(line[end - 1]) { end -= 1 }
    var nameStart = end
    while nameStart > start, isWord(line[nameStart - 1]) { nameStart -= 1 }
    if nameStart > start, line[nameStart - 1] == UInt8(ascii: "$") { nameStart -= 1 }
    guard nameStart < end, isNameStart(line[nameStart]) else { return nil }
    var types = nameStart
    while types > start, line[types - 1] == UInt8(ascii: "*") || line[types - 1] == UInt8(ascii: "&") { types -= 1 }
    guard types > start, isBlank(line[types - 1]) else { return nil }
    for byte in line[start..<types] where !isBlank(byte) && !isTypeByte(byte) { return nil }
    return nameStart..<end
  }

  /// `[\w<>\[\],.?&*@:~$]`
  private static func isTypeByte(_ byte: UInt8) -> Bool {
    if isWord(byte) { return true }
    switch byte {
    case 0x24, 0x26, 0x2A, 0x2C, 0x2E, 0x3A, 0x3C, 0x3E, 0x3F, 0x40, 0x5B, 0x5D, 0x7E: return true
    default: return false
    }
  }

  private static func isNameStart(_ byte: UInt8) -> Bool { isLetter(byte) || byte == UInt8(ascii: "$") }

  // MARK: Rule 3

  private static func methodName(_ line: Line, _ start: Int) -> Range<Int>? {
    guard start > 0 else { return nil }
    // A modifier may turn out to be the name itself (`get() {`), so the shorter readings are tried too.
    var starts = [start]
    while let last = starts.last, let next = modifierEnd(line, last) { starts.append(next) }
    for nameStart in starts.reversed() {
      guard nameStart < line.count, isNameStart(line[nameStart]) else { continue }
      let nameEnd = wordEnd(line, nameStart + 1)
      var position = skipBlanks(line, nameEnd)
      if position < line.count, line[position] == UInt8(ascii: "<") {
        guard let close = firstIndex(of: UInt8(ascii: ">"), in: line, from: position) else { continue }
        position = close + 1
      }
      guard position < line.count, line[position] == UInt8(ascii: "("), isMethodRest(line, position + 1) else {
        continue
      }
      return nameStart..<nameEnd
    }
    return nil
  }

  /// Behind `async`, `static`, `get`, `set` and a blank, or behind a star.
  private static func modifierEnd(_ line: Line, _ start: Int) -> Int? {
    guard start < line.count else { return nil }
    if line[start] == UInt8(ascii: "*") { return skipBlanks(line, start + 1) }
    let end = wordEnd(line, start)
    guard end > start, end < line.count, isBlank(line[end]),
      ["async", "static", "get", "set"].contains(word(line, start..<end))
    else { return nil }
    return skipBlanks(line, end)
  }

  /// `(?![^;]*(?:=>|\bfunction\b))[^;]*\)\s*(?::\s*[^={]+)?\{\s*$`
  private static func isMethodRest(_ line: Line, _ start: Int) -> Bool {
    let limit = firstIndex(of: UInt8(ascii: ";"), in: line, from: start) ?? line.count
    guard !holdsFunction(line, start..<limit) else { return false }
    var brace = line.count
    while brace > start, isBlank(line[brace - 1]) { brace -= 1 }
    brace -= 1
    guard brace > start, line[brace] == UInt8(ascii: "{") else { return false }
    for close in (start..<min(limit, brace)).reversed() where line[close] == UInt8(ascii: ")") {
      if isReturnType(line, close + 1..<brace) { return true }
    }
    return false
  }

  private static func isReturnType(_ line: Line, _ range: Range<Int>) -> Bool {
    let start = skipBlanks(line, range.lowerBound)
    guard start < range.upperBound else { return true }
    guard line[start] == UInt8(ascii: ":"), start + 1 < range.upperBound else { return false }
    return !line[start..<range.upperBound].contains { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "{") }
  }

  private static func holdsFunction(_ line: Line, _ range: Range<Int>) -> Bool {
    var position = range.lowerBound
    while position < range.upperBound {
      if isWord(line[position]) {
        let end = wordEnd(line, position)
        let isWhole = position == 0 || !isWord(line[position - 1])
        if isWhole, end <= range.upperBound, word(line, position..<end) == "function" { return true }
        position = end
      } else {
        let isArrow = line[position] == UInt8(ascii: "=") && position + 1 < range.upperBound
        if isArrow, line[position + 1] == UInt8(ascii: ">") { return true }
        position += 1
      }
    }
    return false
  }

  // MARK: Rule 4

  private static func constantName(_ line: Line, _ start: Int) -> Range<Int>? {
    var position = afterWord("export", line, start) ?? start
    guard
      let afterKeyword = afterWord("const", line, position) ?? afterWord("let", line, position)
        ?? afterWord("var", line, position), afterKeyword < line.count, isNameStart(line[afterKeyword])
    else { return nil }
    let nameEnd = wordEnd(line, afterKeyword + 1)
    position = skipBlanks(line, nameEnd)
    guard let equals = equalsSign(line, position) else { return nil }
    let value = skipBlanks(line, equals + 1)
    let name = afterKeyword..<nameEnd
    if isAsync(line, value), isFunctionValue(line, skipBlanks(line, value + 5)) { return name }
    return isFunctionValue(line, value) ? name : nil
  }

  /// Behind the word and at least one blank.
  private static func afterWord(_ expected: String, _ line: Line, _ start: Int) -> Int? {
    let end = wordEnd(line, start)
    guard end - start == expected.utf8.count, end < line.count, isBlank(line[end]), word(line, start..<end) == expected
    else { return nil }
    return skipBlanks(line, end)
  }

  /// The `=` at `position`, or behind a type annotation of at least one byte.
  private static func equalsSign(_ line: Line, _ position: Int) -> Int? {
    guard position < line.count else { return nil }
    if line[position] == UInt8(ascii: "=") { return position }
    guard line[position] == UInt8(ascii: ":"),
      let equals = firstIndex(of: UInt8(ascii: "="), in: line, from: position), equals > position + 1
    else { return nil }
    return equals
  }

  private static func isAsync(_ line: Line, _ start: Int) -> Bool {
    start + 5 <= line.count && word(line, start..<start + 5) == "async"
  }

  /// `function\b|\([^)]*\)\s*(?::[^=]+)?=>|\w+\s*=>`
  private static func isFunctionValue(_ line: Line, _ start: Int) -> Bool {
    guard start < line.count else { return false }
    if line[start] == UInt8(ascii: "(") {
      guard let close = firstIndex(of: UInt8(ascii: ")"), in: line, from: start),
        let equals = equalsSign(line, skipBlanks(line, close + 1))
      else { return false }
      return equals + 1 < line.count && line[equals + 1] == UInt8(ascii: ">")
    }
    let end = wordEnd(line, start)
    guard end > start else { return false }
    if word(line, start..<end) == "function" { return true }
    let arrow = skipBlanks(line, end)
    return arrow + 1 < line.count && line[arrow] == UInt8(ascii: "=") && line[arrow + 1] == UInt8(ascii: ">")
  }
}
