/// Ranks names against what was typed, as the palette shows them. Every typed letter must occur in order; letters at
/// the beginning of a word and letters that follow each other count more, late beginnings and long names less. The
/// match is found greedily from the left, once from each possible beginning, which is exact enough for names of a few
/// words and costs at most length x length steps.
enum FuzzyMatch {
  /// Typed letters beyond this are ignored.
  static let patternMax = 64

  /// Nil when `text` does not contain the letters of `pattern` in order; larger is better.
  static func score(_ pattern: String, in text: String) -> Int? {
    let wanted = Array(pattern.lowercased().utf8.filter { $0 != UInt8(ascii: " ") }.prefix(patternMax))
    guard !wanted.isEmpty else { return 0 }
    let bytes = Array(text.lowercased().utf8)
    var best: Int?
    for start in bytes.indices where bytes[start] == wanted[0] {
      guard let score = greedy(wanted, in: bytes, from: start) else { break }
      best = max(best ?? .min, score)
    }
    return best
  }

  private static func greedy(_ wanted: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    var score = -start - bytes.count / 8
    var position = start
    var previous = -2
    for letter in wanted {
      guard let found = bytes[position...].firstIndex(of: letter) else { return nil }
      if found == previous + 1 { score += 8 }
      if found == 0 || !isLetter(bytes[found - 1]) { score += 10 }
      score -= found - position
      previous = found
      position = found + 1
    }
    return score
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (97...122).contains(byte) || (48...57).contains(byte) || byte >= 128
  }
}
