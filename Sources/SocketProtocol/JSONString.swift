/// JSON strings (RFC 8259 section 7) as text, and text as JSON strings.
public enum JSONString {
  /// The text of a string that the scanner found; `range` includes the quotes. Nil when it is not a string. A lone
  /// surrogate becomes U+FFFD.
  public static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String? {
    guard range.count >= 2, bytes[range.lowerBound] == 0x22 else { return nil }
    let inner = range.lowerBound + 1..<range.upperBound - 1
    var unescaped: [UInt8] = []
    unescaped.reserveCapacity(inner.count)
    var position = inner.lowerBound
    while position < inner.upperBound {
      let byte = bytes[position]
      if byte != 0x5C {
        unescaped.append(byte)
        position += 1
      } else {
        guard let scalar = scalar(bytes, &position, end: inner.upperBound) else { return nil }
        unescaped.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
    return String(decoding: unescaped, as: UTF8.self)
  }

  /// Whether the string at `range` is `text`, without building it when it has no escapes. `text` needs none.
  public static func equals(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard range.count >= count + 2, bytes[range.lowerBound] == 0x22 else { return false }
    var hasEscape = false
    for position in range where bytes[position] == 0x5C { hasEscape = true }
    if hasEscape { return self.text(bytes, range) == text.description }
    guard range.count == count + 2 else { return false }
    for offset in 0..<count where bytes[range.lowerBound + 1 + offset] != text.utf8Start[offset] { return false }
    return true
  }

  /// Appends `text` with quotes and escapes, as `JSON.stringify` does.
  public static func append(_ text: String, to output: inout [UInt8]) {
    output.append(0x22)
    for byte in text.utf8 {
      switch byte {
      case 0x22, 0x5C: output += [0x5C, byte]
      case 0x08: output += [0x5C, 0x62]
      case 0x09: output += [0x5C, 0x74]
      case 0x0A: output += [0x5C, 0x6E]
      case 0x0C: output += [0x5C, 0x66]
      case 0x0D: output += [0x5C, 0x72]
      case 0..<0x20:
        output += [0x5C, 0x75, 0x30, 0x30, 0x30 + (byte >> 4), digits[Int(byte & 15)]]
      default: output.append(byte)
      }
    }
    output.append(0x22)
  }

  static func hexDigit(_ byte: UInt8) -> UInt16? {
    switch byte {
    case 0x30...0x39: UInt16(byte - 0x30)
    case 0x41...0x46: UInt16(byte - 0x41 + 10)
    case 0x61...0x66: UInt16(byte - 0x61 + 10)
    default: nil
    }
  }

  private static let digits = Array("0123456789abcdef".utf8)

  /// The character of the escape at `position`, which is moved behind it, and behind a second half of a pair.
  private static func scalar(_ bytes: Span<UInt8>, _ position: inout Int, end: Int) -> Unicode.Scalar? {
    guard position + 1 < end else { return nil }
    let byte = bytes[position + 1]
    if byte != 0x75 {
      position += 2
      return simple(byte)
    }
    guard let first = unit(bytes, position, end: end) else { return nil }
    position += 6
    if UTF16.isLeadSurrogate(first), let second = unit(bytes, position, end: end), UTF16.isTrailSurrogate(second) {
      position += 6
      return UTF16.decode(UTF16.EncodedScalar([first, second]))
    }
    return Unicode.Scalar(first) ?? "\u{FFFD}"
  }

  private static func simple(_ byte: UInt8) -> Unicode.Scalar? {
    switch byte {
    case 0x22, 0x5C, 0x2F: Unicode.Scalar(byte)
    case 0x62: "\u{8}"
    case 0x66: "\u{C}"
    case 0x6E: "\n"
    case 0x72: "\r"
    case 0x74: "\t"
    default: nil
    }
  }

  /// The number of the `\uXXXX` at `position`, if there is one.
  private static func unit(_ bytes: Span<UInt8>, _ position: Int, end: Int) -> UInt16? {
    guard position + 6 <= end, bytes[position] == 0x5C, bytes[position + 1] == 0x75 else { return nil }
    var unit: UInt16 = 0
    for offset in 2..<6 {
      guard let digit = hexDigit(bytes[position + offset]) else { return nil }
      unit = unit << 4 | digit
    }
    return unit
  }
}
