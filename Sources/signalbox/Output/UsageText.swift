/// What the parser of arguments says about wrong usage, as one line that names the nearest right thing.
enum UsageText {
  /// `message` on one line; an option nobody knows gets the nearest setting's flag, which the parser has never seen.
  static func line(_ message: String) -> String {
    let words = message.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    var text = SafeText.escape(words, limit: 400)
    while text.hasSuffix(".") { text.removeLast() }
    let mark = "Unknown option '"
    guard !text.contains("Did you mean"), let start = text.ranges(of: mark).first?.upperBound else { return text }
    let option = String(text[start...].prefix { $0 != "'" && $0 != "=" })
    return text + Suggestion.clause(for: option, in: SettingsTable.flags)
  }
}
