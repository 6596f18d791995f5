internal import Base

/// What the parser of arguments says about wrong usage, as one line that names the nearest right thing.
enum UsageText {
  /// `message` on one line. The parser has never seen the settings' flags, and guesses no verb of a verb
  /// (`innerVerbs`): what it calls unknown or unexpected gets the nearest of those.
  static func line(_ message: String, innerVerbs: [String] = []) -> String {
    let words = message.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    var text = DisplayText(words).truncated(to: 400).text
    while text.hasSuffix(".") { text.removeLast() }
    guard !text.contains("Did you mean") else { return text }
    for (mark, names) in [("Unknown option '", SettingsTable.flags), ("Unexpected argument '", innerVerbs)] {
      guard let start = text.ranges(of: mark).first?.upperBound else { continue }
      let word = String(text[start...].prefix { $0 != "'" && $0 != "=" })
      let all = mark.hasPrefix("Unexpected") && !names.isEmpty ? "; one of \(names.joined(separator: ", "))" : ""
      return text + all + Suggestion.clause(for: word, in: names)
    }
    return text
  }
}
