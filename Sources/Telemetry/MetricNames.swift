/// What Prometheus accepts as names ("Metric names and labels" of its data model), and how anything else is made to
/// fit: a wrong name must not take the whole page down, because a scraper refuses the page as one.
enum MetricNames {
  static let nameBytesMax = 200
  static let labelValueBytesMax = 200

  /// `[a-zA-Z_:][a-zA-Z0-9_:]*`, every other byte an underscore.
  static func metric(_ raw: String) -> String { normalised(raw, allowsColon: true) }

  /// `[a-zA-Z_][a-zA-Z0-9_]*`. Two leading underscores and `le` belong to Prometheus itself, so they get a prefix.
  static func label(_ raw: String) -> String {
    let name = normalised(raw, allowsColon: false)
    return name.hasPrefix("__") || name == "le" ? "label_" + name : name
  }

  /// Labels by name, in order; the first of two that normalise to one name wins.
  static func labels(_ raw: [(String, String)]) -> [(name: String, value: String)] {
    var values: [String: String] = [:]
    for (name, value) in raw {
      let name = label(name)
      if values[name] == nil { values[name] = bounded(value) }
    }
    return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// `a="x",b="y"`: the identity of a series and also what is printed between the braces.
  static func series(_ labels: [(name: String, value: String)]) -> String {
    labels.map { "\($0.name)=\"\(escapedValue($0.value))\"" }.joined(separator: ",")
  }

  /// Label values escape backslash, quote and line feed.
  static func escapedValue(_ value: String) -> String { escaped(value, quotes: true) }

  /// Help texts escape backslash and line feed only.
  static func escapedHelp(_ text: String) -> String { escaped(text, quotes: false) }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func bounded(_ value: String) -> String {
    value.utf8.count <= labelValueBytesMax
      ? value : String(decoding: value.utf8.prefix(labelValueBytesMax), as: UTF8.self)
  }

  private static func normalised(_ raw: String, allowsColon: Bool) -> String {
    var bytes: [UInt8] = []
    for byte in raw.utf8.prefix(nameBytesMax) {
      bytes.append(isAllowed(byte) || (allowsColon && byte == UInt8(ascii: ":")) ? byte : UInt8(ascii: "_"))
    }
    if bytes.first.map({ (48...57).contains($0) }) ?? true { bytes.insert(UInt8(ascii: "_"), at: 0) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    (65...90).contains(byte) || (97...122).contains(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "_")
  }
}
