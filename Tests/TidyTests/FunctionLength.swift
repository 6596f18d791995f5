/// Finds the bodies of functions, initialisers, subscripts and computed properties, and measures each from its first
/// keyword to its closing brace.
enum FunctionLength {
  static let linesMax = 60

  static func findings(_ file: SourceFile) -> [Finding] {
    let code = file.code
    var finder = BodyFinder(text: code.text)
    return finder.bodies().compactMap { body in
      let first = code.line(at: body.start)
      let lines = code.line(at: body.end) - first + 1
      guard lines > linesMax else { return nil }
      return Finding(path: file.path, line: first, message: "\(body.keyword) of \(lines) lines; at most \(linesMax)")
    }
  }
}

struct BodyFinder {
  struct Body: Equatable {
    var keyword: String
    var start: Int
    var end: Int
  }

  private static let opening: Set<String> = ["func", "init", "deinit", "subscript", "var"]
  /// A declaration before any brace: the one before had no body.
  private static let declarations: Set<String> = [
    "func", "init", "deinit", "subscript", "var", "let", "case", "struct", "class", "enum", "extension", "protocol",
    "actor", "typealias", "associatedtype", "import",
  ]

  private let text: [UInt8]

  init(text: [UInt8]) { self.text = text }

  mutating func bodies() -> [Body] {
    var bodies: [Body] = []
    var position = 0
    while position < text.count {
      guard Self.isWordByte(text[position]) else {
        position += 1
        continue
      }
      let word = self.word(at: position)
      let isMember = position > 0 && text[position - 1] == UInt8(ascii: ".")
      if Self.opening.contains(word), !isMember, let brace = openingBrace(after: position, word) {
        bodies.append(Body(keyword: word, start: position, end: closingBrace(from: brace)))
      }
      position += word.utf8.count
    }
    return bodies
  }

  private func word(at position: Int) -> String {
    String(decoding: text[position...].prefix { Self.isWordByte($0) }, as: UTF8.self)
  }

  /// The brace that begins the body, if the declaration has one.
  private func openingBrace(after start: Int, _ keyword: String) -> Int? {
    var position = start + keyword.utf8.count
    var depth = 0
    while position < text.count {
      let byte = text[position]
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "{") where depth == 0: return position
      case UInt8(ascii: "}") where depth == 0: return nil
      case UInt8(ascii: "=") where depth == 0 && keyword == "var": return nil
      case 10 where depth == 0 && keyword == "var": return nil
      default: break
      }
      if depth < 0 { return nil }
      guard Self.isWordByte(byte) else {
        position += 1
        continue
      }
      let word = self.word(at: position)
      if depth == 0, Self.declarations.contains(word) { return nil }
      position += word.utf8.count
    }
    return nil
  }

  private func closingBrace(from brace: Int) -> Int {
    var depth = 0
    for position in brace..<text.count {
      if text[position] == UInt8(ascii: "{") { depth += 1 }
      if text[position] == UInt8(ascii: "}") { depth -= 1 }
      if depth == 0 { return position }
    }
    return text.count
  }

  static func isWordByte(_ byte: UInt8) -> Bool {
    (65...90).contains(byte) || (97...122).contains(byte) || (48...57).contains(byte) || byte == 95
  }
}
