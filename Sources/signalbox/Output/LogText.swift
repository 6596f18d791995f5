internal import Base
internal import ControlPlane

/// Log records as lines for people.
enum LogText {
  /// `2026-11-20T23:14:05.221Z warning  gateway  message key=value`.
  static func line(_ record: LogRecord) -> String {
    let metadata = record.metadata.sorted { $0.key < $1.key }
      .map { " \(DisplayText($0.key))=\(quoted($0.value))" }.joined()
    return "\(Timestamp.iso8601(record.timeMilliseconds)) \(Table.pad(record.level.rawValue, 8)) "
      + "\(DisplayText(record.label)): \(DisplayText(record.message))\(metadata)"
  }

  static func level(_ text: String) throws(Failure) -> LogLevel {
    guard let level = LogLevel(rawValue: text) else {
      let names = LogLevel.allCases.map(\.rawValue)
      let near = Suggestion.clause(for: text, in: names)
      throw Failure(
        .invalid,
        "--level '\(DisplayText(text).truncated(to: 80))' must be one of \(names.joined(separator: ", "))\(near)"
      )
    }
    return level
  }

  private static func quoted(_ value: String) -> String {
    let safe = DisplayText(value).text
    return safe.isEmpty || safe.contains(" ") ? "\"\(safe)\"" : safe
  }
}
