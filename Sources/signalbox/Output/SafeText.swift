/// Outside text on its way to a terminal or into a one-line message: whatever could move the cursor, reorder the line
/// or end it is made visible instead.
enum SafeText {
  /// `text` with control characters, line breaks, bidirectional overrides and invisible characters written as
  /// `\u{…}`. Longer than `limit` characters: cut, with `…`.
  static func escape(_ text: String, limit: Int = 4_096) -> String {
    var safe = ""
    var count = 0
    for scalar in text.unicodeScalars {
      guard count < limit else { return safe + "…" }
      count += 1
      if isHarmless(scalar) {
        safe.unicodeScalars.append(scalar)
      } else {
        safe += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
    return safe
  }

  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
