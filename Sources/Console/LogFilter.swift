internal import Base
internal import ControlPlane

/// What the log's `/` was told, in the grammar of `RowFilter`. Fields are `level`, `engine`, `message` and the keys of
/// a record's metadata; a regular expression sees the line as `y` copies it, without its time.
struct LogFilter {
  private static let language = RowFilter<LogRecord>.Language(
    [
      RowField("level", any: { record, fits in fits(record.level.word) || fits(record.level.rawValue) }),
      RowField("engine") { $0.label }, RowField("message") { $0.message },
      // Without a name: words are looked for in the metadata too.
      RowField("", any: { record, fits in record.metadata.contains { fits("\($0.key)=\($0.value)") } }),
    ], line: { $0.plainLine },
    other: { record, name in
      switch name {
      case "label", "room": record.label
      case "msg": record.message
      default: record.metadata.first { $0.key.lowercased() == name }?.value
      }
    })

  private let filter: RowFilter<LogRecord>

  /// As it was typed; the pane's title shows it.
  var source: String { filter.source }

  /// Nil for text that asks for nothing; throws `invalid` or `limit` for what is no filter.
  static func parse(_ source: String) throws(Failure) -> LogFilter? {
    try RowFilter.parse(source, language).map { LogFilter(filter: $0) }
  }

  func matches(_ record: LogRecord) -> Bool { filter.matches(record) }
}

extension LogRecord {
  /// The record as one line without its time: what a regular expression sees and `y` copies.
  var plainLine: String {
    let fields = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    return "\(level.word) \(label) \(message)\(fields)"
  }
}

extension LogLevel {
  /// At most five letters, as the log's column shows it.
  var word: String {
    switch self {
    case .trace: "TRACE"
    case .debug: "DEBUG"
    case .info: "INFO"
    case .notice: "NOTE"
    case .warning: "WARN"
    case .error: "ERROR"
    case .critical: "CRIT"
    }
  }

  /// What people type: `warn` and `err` as well as the full words.
  init?(typed text: String) {
    let word = text.lowercased()
    let aliases = ["warn": LogLevel.warning, "err": .error, "crit": .critical, "note": .notice, "all": .trace]
    guard let level = LogLevel(rawValue: word) ?? aliases[word] else { return nil }
    self = level
  }
}
