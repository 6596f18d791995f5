internal import Logging

/// Turns metadata into bounded text and hides what its key calls a credential. Types that hold secrets hide themselves
/// (`Secret`); this catches the ones that arrived as plain strings.
enum LogRedaction {
  /// A key is hidden when one of its words is in this list; `apiKey`, `api_key` and `x-api-key` all have the word
  /// `key`.
  static let hiddenWords: Set<String> = [
    "token", "authorization", "secret", "password", "passwd", "passphrase", "key", "apikey", "credential",
    "credentials", "cookie", "jwt", "bearer",
  ]
  static let placeholder = "[redacted]"
  static let messageBytesMax = 8_192
  static let valueBytesMax = 2_048
  static let entriesMax = 32
  /// Dictionaries and arrays within each other.
  static let depthMax = 8

  static func flatten(_ metadata: Logger.Metadata) -> [String: String] {
    var flat: [String: String] = [:]
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }).prefix(entriesMax) {
      flat[clipped(key, 128)] = clipped(text(key: key, value, depth: 0), valueBytesMax)
    }
    return flat
  }

  static func isHidden(_ key: String) -> Bool {
    words(key).contains { word in
      hiddenWords.contains(word)
        || ["token", "secret", "password", "apikey"].contains { word.hasSuffix($0) || word.hasPrefix($0) }
    }
  }

  static func clipped(_ text: String, _ bytesMax: Int) -> String {
    guard text.utf8.count > bytesMax else { return text }
    var end = text.utf8.index(text.startIndex, offsetBy: bytesMax)
    while end > text.startIndex, text.utf8[end] & 0xC0 == 0x80 { end = text.utf8.index(before: end) }
    return String(text.unicodeScalars[..<end]) + "…"
  }

  private static func text(key: String, _ value: Logger.Metadata.Value, depth: Int) -> String {
    if isHidden(key) { return placeholder }
    return text(value, depth: depth)
  }

  private static func text(_ value: Logger.Metadata.Value, depth: Int) -> String {
    guard depth < depthMax else { return "…" }
    switch value {
    case .string(let string): return string
    case .stringConvertible(let convertible): return convertible.description
    case .array(let elements):
      return "[" + elements.prefix(entriesMax).map { text($0, depth: depth + 1) }.joined(separator: ", ") + "]"
    case .dictionary(let pairs):
      let sorted = pairs.sorted { $0.key < $1.key }.prefix(entriesMax)
      return "{" + sorted.map { "\($0): \(text(key: $0, $1, depth: depth + 1))" }.joined(separator: ", ") + "}"
    }
  }

  /// `apiKey` → api, key; `API_KEY` → api, key; `x-api-key` → x, api, key.
  private static func words(_ key: String) -> [String] {
    var words: [String] = []
    var word = ""
    var previousIsLower = false
    for character in key {
      let startsWord = !character.isLetter && !character.isNumber || (character.isUppercase && previousIsLower)
      if startsWord, !word.isEmpty {
        words.append(word.lowercased())
        word = ""
      }
      if character.isLetter || character.isNumber { word.append(character) }
      previousIsLower = character.isLowercase
    }
    if !word.isEmpty { words.append(word.lowercased()) }
    return words
  }
}
