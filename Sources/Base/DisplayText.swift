/// Text from outside, made safe to show: no byte of it can move a cursor, change a colour, start a new line or turn the
/// reading direction. Names, messages, program output and file names reach a terminal only in this form.
///
/// What is escaped: control characters (C0, DEL and C1, so escape sequences of both widths), line and paragraph
/// separators, and the format characters of Unicode (bidirectional overrides, zero-width spaces, tags), except the two
/// joiners that emoji and some scripts need to be readable. Invalid UTF-8 becomes U+FFFD.
public struct DisplayText: Sendable, Hashable, CustomStringConvertible {
  /// The safe text, on one line.
  public let text: String

  public init(_ raw: String) { text = Self.isPlain(raw) ? raw : Self.escaped(raw) }

  /// Bytes that need not be UTF-8.
  public init(bytes: some Collection<UInt8>) { self.init(String(decoding: bytes, as: UTF8.self)) }

  public var description: String { text }

  /// Printable ASCII alone, the usual case, is shown as it is.
  private static func isPlain(_ raw: String) -> Bool { raw.utf8.allSatisfy { (0x20...0x7E).contains($0) } }

  private static func escaped(_ raw: String) -> String {
    var safe = ""
    safe.reserveCapacity(raw.utf8.count + 16)
    for scalar in raw.unicodeScalars {
      if isHarmless(scalar) {
        safe.unicodeScalars.append(scalar)
      } else {
        safe += escape(scalar)
      }
    }
    return safe
  }

  private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E: return true
    case 0x200C, 0x200D: return true  // zero-width non-joiner and joiner
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return false
    default: return true
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar.value {
    case 0x09: "\\t"
    case 0x0A: "\\n"
    case 0x0D: "\\r"
    case 0..<0x100: "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
    default: "\\u{" + String(scalar.value, radix: 16) + "}"
    }
  }
}
