/// Cuts a text into the pieces that are found and shown: 40 lines each, the next one 30 lines further.
///
/// Fixed windows, and not functions: cutting at declarations was measured and found nothing better, a window always
/// fits a screen, and it needs no parser. The ten lines of overlap keep what stands at a border together in one of
/// the two. What the window lacks, the names around it, is given separately: the names declared in it, and the
/// declarations that enclose its first line.
enum Chunker {
  /// Changes with anything that changes what is stored for a text: records of another version are made anew.
  static let version: UInt32 = 1

  static let linesPerChunk = 40
  static let step = 30
  /// A chunk with fewer blank-separated words says nothing.
  private static let wordsMin = 3

  struct Chunk: Equatable {
    /// Counted from 0.
    var lines: Range<Int>
    /// Declared in these lines, in order, joined by blanks.
    var names: String
    /// Declarations that enclose the first line, outermost first, joined by blanks.
    var enclosing: String
    /// What the chunk is called: the first name declared in it, else the innermost around it; empty when there is none.
    var symbol: String
  }

  struct Named: Equatable {
    var line: Int
    var indent: Int
    var name: String
  }

  /// Chunks of a text whose lines were found before.
  static func chunks(of text: UnsafeBufferPointer<UInt8>, _ lines: LineWords, isTyped: Bool) -> [Chunk] {
    let declared = declarations(text, lines, isTyped: isTyped)
    var chunks: [Chunk] = []
    var start = 0
    while start < lines.count {
      let end = min(start + linesPerChunk, lines.count)
      if hasWords(text[Int(lines.lineBytes[start])..<Int(lines.lineBytes[end])]) {
        chunks.append(chunk(start..<end, declared, indent: firstIndent(text, lines, start..<end)))
      }
      if end == lines.count { break }
      start += step
    }
    return chunks
  }

  static func declarations(
    _ text: UnsafeBufferPointer<UInt8>, _ lines: LineWords, isTyped: Bool
  ) -> [Named] {
    var declared: [Named] = []
    for index in 0..<lines.count {
      let line = line(index, text, lines)
      guard let found = Declarations.declaration(in: line, isTyped: isTyped) else { continue }
      declared.append(Named(line: index, indent: found.indent, name: Declarations.word(line, found.name)))
    }
    return declared
  }

  /// The bytes of a line without its end (`\n` or `\r\n`).
  static func line(_ index: Int, _ text: UnsafeBufferPointer<UInt8>, _ lines: LineWords) -> Declarations.Line {
    let start = Int(lines.lineBytes[index])
    var end = Int(lines.lineBytes[index + 1])
    if end > start, text[end - 1] == UInt8(ascii: "\n") { end -= 1 }
    if end > start, text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return Declarations.Line(rebasing: text[start..<end])
  }

  private static func chunk(_ lines: Range<Int>, _ declared: [Named], indent: Int) -> Chunk {
    // The declarations are in the order of their lines.
    let first = firstIndex(declared, from: lines.lowerBound)
    var end = first
    while end < declared.count, declared[end].line < lines.upperBound { end += 1 }
    var enclosing: [String] = []
    var indent = indent
    for outer in declared[..<first].reversed() where outer.indent < indent {
      enclosing.append(outer.name)
      indent = outer.indent
      if indent == 0 { break }
    }
    return Chunk(
      lines: lines, names: declared[first..<end].map(\.name).joined(separator: " "),
      enclosing: enclosing.reversed().joined(separator: " "),
      symbol: first < end ? declared[first].name : enclosing.first ?? "")
  }

  private static func firstIndex(_ declared: [Named], from line: Int) -> Int {
    var low = 0
    var high = declared.count
    while low < high {
      let middle = (low + high) / 2
      if declared[middle].line < line { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The indent of the first line that is not blank.
  private static func firstIndent(
    _ text: UnsafeBufferPointer<UInt8>, _ lines: LineWords, _ range: Range<Int>
  ) -> Int {
    for index in range {
      let line = line(index, text, lines)
      if Declarations.contentStart(line) != nil { return Declarations.indent(of: line) }
    }
    return 0
  }

  private static func hasWords(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    var words = 0
    var isInWord = false
    for byte in text {
      let isBlank = Declarations.isBlank(byte)
      if !isBlank, !isInWord { words += 1 }
      if words >= wordsMin { return true }
      isInWord = !isBlank
    }
    return false
  }
}
