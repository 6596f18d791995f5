/// Swift text in which comments and the inside of string literals are blanked out, so that rules see code and nothing
/// else. Line breaks stay, and so does the code within `\( )`.
struct SwiftCode {
  /// One of the places a scanner can be in; interpolations nest.
  private enum Place: Equatable {
    /// `parentheses` counts those opened inside an interpolation; nil at the outermost level.
    case code(parentheses: Int?)
    case string(quotes: Int, hashes: Int)
    case lineComment
    case blockComment(depth: Int)
  }

  let text: [UInt8]

  init(_ source: String) {
    var scanner = Scanner(bytes: Array(source.utf8))
    text = scanner.blanked()
  }

  /// The number of the line, from 1, that holds a position.
  func line(at position: Int) -> Int { text[..<min(position, text.count)].reduce(1) { $0 + ($1 == 10 ? 1 : 0) } }

  private struct Scanner {
    let bytes: [UInt8]
    var position = 0
    var output: [UInt8] = []
    var places: [Place] = [.code(parentheses: nil)]

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func blanked() -> [UInt8] {
      output.reserveCapacity(bytes.count)
      while position < bytes.count {
        switch places.last ?? .code(parentheses: nil) {
        case .code(let parentheses): code(parentheses)
        case .string(let quotes, let hashes): string(quotes, hashes)
        case .lineComment:
          if bytes[position] == 10 { places.removeLast() }
          skip(1)
        case .blockComment(let depth): blockComment(depth)
        }
      }
      return output
    }

    func starts(_ word: String, at offset: Int = 0) -> Bool { bytes[(position + offset)...].starts(with: word.utf8) }

    mutating func keep(_ count: Int) {
      output += bytes[position..<min(position + count, bytes.count)]
      position += count
    }

    mutating func skip(_ count: Int) {
      for byte in bytes[position..<min(position + count, bytes.count)] { output.append(byte == 10 ? 10 : 32) }
      position += count
    }

    mutating func replaceTop(_ place: Place) { places[places.count - 1] = place }

    mutating func code(_ parentheses: Int?) {
      if starts("//") {
        places.append(.lineComment)
        return skip(2)
      }
      if starts("/*") {
        places.append(.blockComment(depth: 1))
        return skip(2)
      }
      var hashes = 0
      while position + hashes < bytes.count, bytes[position + hashes] == UInt8(ascii: "#") { hashes += 1 }
      if position + hashes < bytes.count, starts("\"", at: hashes) {
        let quotes = starts("\"\"\"", at: hashes) ? 3 : 1
        places.append(.string(quotes: quotes, hashes: hashes))
        return keep(hashes + quotes)
      }
      if let parentheses {
        let byte = bytes[position]
        if byte == UInt8(ascii: "(") { replaceTop(.code(parentheses: parentheses + 1)) }
        if byte == UInt8(ascii: ")") {
          if parentheses == 0 { places.removeLast() } else { replaceTop(.code(parentheses: parentheses - 1)) }
        }
      }
      keep(1)
    }

    mutating func string(_ quotes: Int, _ hashes: Int) {
      let marks = String(repeating: "#", count: hashes)
      if starts(String(repeating: "\"", count: quotes) + marks) {
        places.removeLast()
        return keep(quotes + hashes)
      }
      if starts("\\" + marks + "(") {
        places.append(.code(parentheses: 0))
        skip(1 + hashes)
        return keep(1)
      }
      skip(starts("\\" + marks) ? 2 + hashes : 1)
    }

    mutating func blockComment(_ depth: Int) {
      if starts("/*") {
        replaceTop(.blockComment(depth: depth + 1))
        skip(2)
      } else if starts("*/") {
        if depth == 1 { places.removeLast() } else { replaceTop(.blockComment(depth: depth - 1)) }
        skip(2)
      } else {
        skip(1)
      }
    }
  }
}
