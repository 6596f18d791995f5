/// Words and marks that must not be in the sources.
enum ForbiddenWords {
  /// Files that may hold an unchecked promise to the compiler, each with the sentence that makes it true. None so far.
  static let uncheckedAllowed: [String: String] = [:]

  /// Put together here, so that this file is not its own finding.
  static let markers = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]

  static func unchecked(_ file: SourceFile) -> [Finding] {
    guard uncheckedAllowed[file.path] == nil else { return [] }
    return find(["@unchecked", "nonisolated(unsafe)", "@preconcurrency", "unsafeBitCast"], in: file)
  }

  /// Ways to end the process because the world is not as hoped.
  static func crashes(_ file: SourceFile) -> [Finding] {
    find(["try!", "as!", "fatalError("], in: file) + forceUnwraps(file)
  }

  /// Comments count too: that is where markers live.
  static func leftovers(_ file: SourceFile) -> [Finding] {
    var findings: [Finding] = []
    for (index, line) in file.lines.enumerated() {
      let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
      for marker in markers where words.contains(Substring(marker)) {
        findings.append(Finding(path: file.path, line: index + 1, message: "leftover marker \(marker)"))
      }
    }
    if file.name == "Placeholder.swift" {
      findings.append(Finding(path: file.path, line: 1, message: "leftover placeholder"))
    }
    return findings
  }

  private static func find(_ words: [String], in file: SourceFile) -> [Finding] {
    let code = String(decoding: file.code.text, as: UTF8.self)
    var findings: [Finding] = []
    for (index, line) in code.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      for word in words where contains(line, word) {
        findings.append(Finding(path: file.path, line: index + 1, message: "\(word) is not allowed"))
      }
    }
    return findings
  }

  /// Not as the end of a longer word: `alias!` is a force unwrap, but no `as!`.
  private static func contains(_ line: Substring, _ word: String) -> Bool {
    line.ranges(of: word).contains { range in
      range.lowerBound == line.startIndex || !isWord(line[line.index(before: range.lowerBound)])
    }
  }

  private static func isWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }

  /// A `!` right after a value or a type, unless it begins `!=`. `try!` and `as!` are found by name.
  private static func forceUnwraps(_ file: SourceFile) -> [Finding] {
    let code = file.code
    var findings: [Finding] = []
    for position in code.text.indices.dropFirst() where code.text[position] == UInt8(ascii: "!") {
      let before = code.text[position - 1]
      let isPostfix = BodyFinder.isWordByte(before) || [41, 93, 125, 34, 63, 62].contains(before)
      let next = position + 1 < code.text.count ? code.text[position + 1] : 32
      let word = String(decoding: code.text[..<position].suffix(4), as: UTF8.self)
      guard isPostfix, next != UInt8(ascii: "="), !word.hasSuffix("try"), !word.hasSuffix(" as") else { continue }
      findings.append(Finding(path: file.path, line: code.line(at: position), message: "force unwrap"))
    }
    return findings
  }
}
