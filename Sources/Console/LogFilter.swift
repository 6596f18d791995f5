internal import Base
internal import ControlPlane

/// What `/` was told, in the grammar of CONSOLE's keys: text that the line must contain, `re:` a regular expression,
/// `field=value` one field of the record (`level`, `engine`, `message`, or a key of its metadata), and `!` in front of
/// any of them for the lines that do not match. Letter case never matters.
struct LogFilter {
  private enum Test {
    case contains([UInt8])
    case pattern(PosixPattern)
    case field(name: String, value: [UInt8])
  }

  /// As it was typed; the pane's title shows it.
  let source: String
  private let test: Test
  private let isInverted: Bool

  /// Nil for text that asks for nothing; throws `invalid` or `limit` for a regular expression that cannot be used.
  static func parse(_ source: String) throws(Failure) -> LogFilter? {
    var rest = Substring(source)
    let isInverted = rest.hasPrefix("!")
    if isInverted { rest.removeFirst() }
    guard !rest.isEmpty else { return nil }
    return LogFilter(source: source, test: try test(rest), isInverted: isInverted)
  }

  private static func test(_ text: Substring) throws(Failure) -> Test {
    if text.hasPrefix("re:") { return .pattern(try PosixPattern(String(text.dropFirst(3)))) }
    if let equals = text.firstIndex(of: "="), isFieldName(text[..<equals]) {
      let value = text[text.index(after: equals)...]
      return .field(name: text[..<equals].lowercased(), value: folded(String(value)))
    }
    return .contains(folded(String(text)))
  }

  func matches(_ record: LogRecord) -> Bool { isHit(record) != isInverted }

  private func isHit(_ record: LogRecord) -> Bool {
    switch test {
    case .contains(let wanted):
      Self.holds(record.message, wanted) || Self.holds(record.label, wanted)
        || Self.holds(record.level.word, wanted)
        || record.metadata.contains { Self.holds("\($0.key)=\($0.value)", wanted) }
    case .pattern(let pattern):
      pattern.matches(record.plainLine)
    case .field(let name, let value):
      Self.field(name, of: record).map { Self.holds($0, value) } ?? false
    }
  }

  private static func field(_ name: String, of record: LogRecord) -> String? {
    switch name {
    case "level": "\(record.level.rawValue) \(record.level.word)"
    case "engine", "label", "room": record.label
    case "message", "msg": record.message
    default: record.metadata.first { $0.key.lowercased() == name }?.value
    }
  }

  private static func isFieldName(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, (first | 32) >= 97, (first | 32) <= 122 else { return false }
    return text.utf8.allSatisfy { byte in
      ((byte | 32) >= 97 && (byte | 32) <= 122) || (48...57).contains(byte) || [45, 46, 95].contains(byte)
    }
  }

  /// Letters of ASCII in lower case; other bytes as they are.
  private static func folded(_ text: String) -> [UInt8] { text.utf8.map(fold) }

  private static func fold(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 32 : byte }

  private static func holds(_ text: String, _ wanted: [UInt8]) -> Bool {
    guard let first = wanted.first else { return true }
    let bytes = Array(text.utf8)
    guard bytes.count >= wanted.count else { return false }
    for start in 0...(bytes.count - wanted.count) where fold(bytes[start]) == first {
      var length = 1
      while length < wanted.count, fold(bytes[start + length]) == wanted[length] { length += 1 }
      if length == wanted.count { return true }
    }
    return false
  }
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
