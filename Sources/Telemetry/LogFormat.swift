public import ControlPlane
internal import Base

/// How a record becomes one line (CONTRACT, `SIGNALBOX_LOG_FORMAT`). Neither form can be broken out of: control bytes
/// are escaped, so a message from outside cannot forge a second line or reach the terminal.
public enum LogFormat: String, Sendable, CaseIterable {
  /// `2026-11-20T23:14:05.221Z WARN  gateway  message key=value`
  case text
  /// One JSON object a line, with the keys of `LogRecord` and `time` for people.
  case json

  /// The line, with its line feed.
  public func line(_ record: LogRecord) -> String {
    switch self {
    case .text: Self.text(record)
    case .json: Self.json(record)
    }
  }

  private static func text(_ record: LogRecord) -> String {
    var line = Timestamp.iso8601(record.timeMilliseconds)
    line += " \(padded(name(record.level), 5)) \(padded(DisplayText(record.label).text, 8)) "
    line += DisplayText(record.message).text
    for (key, value) in record.metadata.sorted(by: { $0.key < $1.key }) {
      line += " \(quotedIfNeeded(key))=\(quotedIfNeeded(value))"
    }
    return line + "\n"
  }

  /// Five letters at most, so that the columns stay.
  static func name(_ level: LogLevel) -> String {
    switch level {
    case .trace: "TRACE"
    case .debug: "DEBUG"
    case .info: "INFO"
    case .notice: "NOTE"
    case .warning: "WARN"
    case .error: "ERROR"
    case .critical: "CRIT"
    }
  }

  private static func quotedIfNeeded(_ text: String) -> String {
    let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x7F }
    if isPlain { return DisplayText(text).text }
    var quoted = ""
    for character in text.unicodeScalars {
      if character == "\"" || character == "\\" { quoted += "\\" }
      quoted.unicodeScalars.append(character)
    }
    return "\"\(DisplayText(quoted).text)\""
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func json(_ record: LogRecord) -> String {
    var line = "{\"time\":\"\(Timestamp.iso8601(record.timeMilliseconds))\""
    line += ",\"timeMilliseconds\":\(record.timeMilliseconds),\"level\":\"\(record.level.rawValue)\""
    line += ",\"label\":\(quoted(record.label)),\"message\":\(quoted(record.message)),\"metadata\":{"
    let pairs = record.metadata.sorted { $0.key < $1.key }
    line += pairs.map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ",")
    return line + "}}\n"
  }

  /// A JSON string (RFC 8259, section 7). U+2028, U+2029, DEL and C1 may stand raw there, but are escaped too, because
  /// such lines are also read on terminals.
  private static func quoted(_ text: String) -> String {
    var json = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: json += "\\\""
      case 0x5C: json += "\\\\"
      case 0x0A: json += "\\n"
      case 0x0D: json += "\\r"
      case 0x09: json += "\\t"
      case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069:
        let digits = String(scalar.value, radix: 16)
        json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: json.unicodeScalars.append(scalar)
      }
    }
    return json + "\""
  }
}
