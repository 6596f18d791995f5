public import Base

/// One JSON value as the bytes that somebody wrote (RFC 8259): checked, and passed on without being written anew. A
/// number of twenty digits, `1.0` and the order of members reach the receiver as they were sent, which no decoder and
/// encoder in between would promise.
///
/// Checking is one pass over the bytes by recursive descent with a bounded depth: every value begins with a byte that
/// tells its kind, so nothing is ever looked at twice. Strings are checked for escapes and control characters; that the
/// whole is UTF-8 is known, since it is a `String`.
public struct RawJSON: Sendable, Hashable, Codable {
  /// Bytes of one value: what a packet of 1 MB has room for beside its frame.
  public static let bytesMax = 1_000_000 - 4_096
  /// Arrays and objects inside of each other. Stock clients give up later; a scanner's stack must not.
  public static let depthMax = 64

  /// Without the blanks around it.
  public let text: String

  /// Throws `invalid` with the byte where it stops being JSON, and `limit` past `bytesMax` or `depthMax`.
  public init(_ text: String) throws(Failure) {
    guard text.utf8.count <= Self.bytesMax else {
      throw Failure(.limit, "the data is longer than \(Self.bytesMax) bytes")
    }
    var scanner = JSONScanner(Array(text.utf8))
    let range = try scanner.document()
    self.text = String(decoding: scanner.bytes[range], as: UTF8.self)
  }

  public init(from decoder: any Decoder) throws { try self.init(String(from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }

  /// The members of an object, each value as it was written. Throws as `init` does, and `invalid` for anything but an
  /// object and for a name that comes twice.
  public static func members(of bytes: [UInt8]) throws(Failure) -> [String: RawJSON] {
    guard String(validating: bytes, as: UTF8.self) != nil else { throw Failure(.invalid, "the JSON is not UTF-8") }
    var scanner = JSONScanner(bytes)
    scanner.collects = true
    let range = try scanner.document()
    guard bytes[range].first == UInt8(ascii: "{") else { throw Failure(.invalid, "the JSON is no object") }
    var members: [String: RawJSON] = [:]
    for (name, value) in scanner.members {
      guard members.updateValue(RawJSON(trusted: String(decoding: bytes[value], as: UTF8.self)), forKey: name) == nil
      else { throw Failure(.invalid, "the JSON has a member twice") }
    }
    return members
  }

  /// A string as JSON.
  public static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      default:
        if scalar.value < 0x20 {
          quoted += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
        } else {
          quoted.unicodeScalars.append(scalar)
        }
      }
    }
    return quoted + "\""
  }

  /// `text` is JSON.
  init(trusted text: String) { self.text = text }
}

/// The pass over the bytes.
private struct JSONScanner {
  let bytes: [UInt8]
  /// Whether the members of the outermost object are kept.
  var collects = false
  private(set) var members: [(name: String, value: Range<Int>)] = []
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// One value, and nothing but blanks around it.
  mutating func document() throws(Failure) -> Range<Int> {
    skipBlanks()
    let range = try value(depth: 0)
    skipBlanks()
    guard position == bytes.count else { throw wrong() }
    return range
  }

  private mutating func value(depth: Int) throws(Failure) -> Range<Int> {
    guard depth < RawJSON.depthMax else {
      throw Failure(.limit, "the JSON is nested deeper than \(RawJSON.depthMax) levels")
    }
    let start = position
    switch peek {
    case UInt8(ascii: "{"): try object(depth: depth)
    case UInt8(ascii: "["): try array(depth: depth)
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: try number()
    }
    return start..<position
  }

  private mutating func object(depth: Int) throws(Failure) {
    position += 1
    skipBlanks()
    if take("}") { return }
    repeat {
      skipBlanks()
      let name = position
      try string()
      let end = position
      skipBlanks()
      guard take(":") else { throw wrong() }
      skipBlanks()
      let value = try value(depth: depth + 1)
      if collects, depth == 0 { members.append((Self.unquoted(bytes[(name + 1)..<(end - 1)]), value)) }
      skipBlanks()
    } while take(",")
    guard take("}") else { throw wrong() }
  }

  private mutating func array(depth: Int) throws(Failure) {
    position += 1
    skipBlanks()
    if take("]") { return }
    repeat {
      skipBlanks()
      _ = try value(depth: depth + 1)
      skipBlanks()
    } while take(",")
    guard take("]") else { throw wrong() }
  }

  private mutating func string() throws(Failure) {
    guard take("\"") else { throw wrong() }
    while let byte = peek {
      position += 1
      if byte == UInt8(ascii: "\"") { return }
      guard byte >= 0x20 else {
        position -= 1
        throw wrong()
      }
      if byte == UInt8(ascii: "\\") { try escape() }
    }
    throw wrong()
  }

  private mutating func escape() throws(Failure) {
    guard let byte = peek else { throw wrong() }
    guard byte == UInt8(ascii: "u") else {
      guard "\"\\/bfnrt".utf8.contains(byte) else { throw wrong() }
      position += 1
      return
    }
    position += 1
    for _ in 0..<4 {
      guard let digit = peek, Self.isHexadecimal(digit) else { throw wrong() }
      position += 1
    }
  }

  private mutating func word(_ word: StaticString) throws(Failure) {
    for index in 0..<word.utf8CodeUnitCount {
      guard peek == word.withUTF8Buffer({ $0[index] }) else { throw wrong() }
      position += 1
    }
  }

  private mutating func number() throws(Failure) {
    _ = take("-")
    if !take("0") { try digits() }
    if take(".") { try digits() }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      try digits()
    }
  }

  private mutating func digits() throws(Failure) {
    let start = position
    while let byte = peek, (48...57).contains(byte) { position += 1 }
    guard position > start else { throw wrong() }
  }

  private mutating func skipBlanks() {
    while let byte = peek, [0x20, 0x0A, 0x0D, 0x09].contains(byte) { position += 1 }
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  private func wrong() -> Failure {
    let found = position < bytes.count ? "byte \(position + 1) is unexpected" : "it ends too early"
    return Failure(.invalid, "this is no JSON: \(found)")
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
  }

  /// A member's name. Names here are plain; one with an escape keeps it, and so is none that anybody knows.
  private static func unquoted(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
