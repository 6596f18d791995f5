/// A reply of RESP2.
public enum RedisValue: Equatable, Sendable {
  case null
  case integer(Int64)
  /// A bulk string.
  case bytes([UInt8])
  /// A simple string, such as `OK`.
  case status(String)
  case error(RedisServerError)
  case array([RedisValue])

  /// The text of a bulk or simple string; invalid UTF-8 is repaired.
  public var text: String? {
    switch self {
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  /// An integer reply, or a string of decimal digits.
  public var integer: Int64? {
    if case .integer(let value) = self { return value }
    return text.flatMap { Int64($0) }
  }

  public var bytes: [UInt8]? {
    if case .bytes(let bytes) = self { return bytes }
    return nil
  }

  public var elements: [RedisValue]? {
    if case .array(let elements) = self { return elements }
    return nil
  }
}
