/// One sample line: `name{label="value",…} number`, byte by byte.
struct PrometheusSampleParser {
  struct Refusal: Error {
    var message: String
  }

  private let bytes: [UInt8]
  private var position = 0

  static func parse(_ line: String) throws(Refusal) -> PrometheusText.Sample {
    var parser = PrometheusSampleParser(bytes: Array(line.utf8))
    return try parser.sample()
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  static func isMetricName(_ name: String) -> Bool { isName(name, allowsColon: true) }

  /// Digits with an optional fraction and exponent, or one of `NaN`, `+Inf`, `-Inf`.
  static func number(_ text: String) -> Double? {
    switch text {
    case "NaN": return .nan
    case "+Inf": return .infinity
    case "-Inf": return -.infinity
    default:
      guard text.utf8.allSatisfy({ (48...57).contains($0) || [43, 45, 46, 101].contains($0) }) else { return nil }
      return Double(text)
    }
  }

  /// Undoes `\\`, `\n` and, in label values, `\"`; nil for any other escape.
  static func unescaped(_ text: String, quotes: Bool) -> String? {
    var result = ""
    var isEscaped = false
    for scalar in text.unicodeScalars {
      guard isEscaped else {
        if scalar == "\\" { isEscaped = true } else { result.unicodeScalars.append(scalar) }
        continue
      }
      isEscaped = false
      switch scalar {
      case "\\": result += "\\"
      case "n": result += "\n"
      case "\"" where quotes: result += "\""
      default: return nil
      }
    }
    return isEscaped ? nil : result
  }

  private mutating func sample() throws(Refusal) -> PrometheusText.Sample {
    let name = text { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: " ") }
    guard Self.isMetricName(name) else { throw Refusal(message: "wrong metric name") }
    var labels: [String: String] = [:]
    if take("{") { labels = try readLabels() }
    guard take(" ") else { throw Refusal(message: "no single space before the value") }
    guard let value = Self.number(text { _ in false }) else { throw Refusal(message: "wrong number") }
    return PrometheusText.Sample(name: name, labels: labels, value: value)
  }

  private mutating func readLabels() throws(Refusal) -> [String: String] {
    var labels: [String: String] = [:]
    var previous = ""
    repeat {
      let name = text { $0 == UInt8(ascii: "=") }
      guard Self.isName(name, allowsColon: false), !name.hasPrefix("__") else {
        throw Refusal(message: "wrong label name")
      }
      guard name == "le" || previous < name else { throw Refusal(message: "label names twice or out of order") }
      guard take("="), take("\"") else { throw Refusal(message: "label value is not quoted") }
      guard let value = Self.unescaped(quotedText(), quotes: true) else { throw Refusal(message: "wrong escape") }
      guard take("\"") else { throw Refusal(message: "label value does not end") }
      labels[name] = value
      previous = name
    } while take(",")
    guard take("}") else { throw Refusal(message: "labels do not end") }
    return labels
  }

  /// Up to the quote that is not escaped.
  private mutating func quotedText() -> String {
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    position = min(position, bytes.count)
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func text(until isEnd: (UInt8) -> Bool) -> String {
    let start = position
    while position < bytes.count, !isEnd(bytes[position]) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private static func isName(_ name: String, allowsColon: Bool) -> Bool {
    guard let first = name.utf8.first, !(48...57).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
      (65...90).contains(byte) || (97...122).contains(byte) || (48...57).contains(byte) || byte == 95
        || (allowsColon && byte == 58)
    }
  }
}
