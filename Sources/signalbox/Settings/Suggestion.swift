/// "Did you mean": the nearest of the names that are known.
enum Suggestion {
  /// The name fewest edits away from `word`, when that is few enough to be a slip of the fingers.
  static func nearest(to word: String, in names: [String]) -> String? {
    let bytes = Array(word.lowercased().utf8.prefix(64))
    let limit = max(1, bytes.count / 3)
    let ranked = names.map { (name: $0, edits: distance(bytes, Array($0.lowercased().utf8.prefix(64)))) }
    guard let best = ranked.min(by: { $0.edits < $1.edits }), best.edits <= limit else { return nil }
    return best.name
  }

  /// ` (did you mean X?)`, or nothing.
  static func clause(for word: String, in names: [String]) -> String {
    nearest(to: word, in: names).map { " (did you mean \($0)?)" } ?? ""
  }

  /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment; Damerau 1964).
  static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for (row, byte) in left.enumerated() {
      var current = [row + 1]
      for (column, other) in right.enumerated() {
        var best = min(last[column + 1] + 1, current[column] + 1, last[column] + (byte == other ? 0 : 1))
        if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
          best = min(best, beforeLast[column - 1] + 1)
        }
        current.append(best)
      }
      (beforeLast, last) = (last, current)
    }
    return last[right.count]
  }
}
