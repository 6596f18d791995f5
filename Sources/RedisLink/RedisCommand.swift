/// One command with its arguments, binary safe. It is encoded only once, straight into the connection's output.
public struct RedisCommand: Sendable {
  public enum Argument: Sendable, ExpressibleByStringLiteral {
    case text(String)
    case bytes([UInt8])
    case integer(Int64)

    public init(stringLiteral value: String) { self = .text(value) }
  }

  public var arguments: [Argument]

  public init(_ verb: String, _ arguments: Argument...) {
    self.arguments = [.text(verb)] + arguments
  }

  public init(_ verb: String, arguments: [Argument]) {
    self.arguments = [.text(verb)] + arguments
  }

  /// Bytes of output this command may take, for the bound on what waits.
  var sizeEstimate: Int {
    arguments.reduce(16) { total, argument in
      switch argument {
      case .text(let text): total + text.utf8.count + 16
      case .bytes(let bytes): total + bytes.count + 16
      case .integer: total + 32
      }
    }
  }

  /// (P)SUBSCRIBE and (P)UNSUBSCRIBE answer once for each channel.
  var repliesExpected: Int {
    guard case .text(let verb) = arguments[0] else { return 1 }
    return verb.hasSuffix("SUBSCRIBE") ? max(1, arguments.count - 1) : 1
  }

  /// Appends the array of bulk strings of RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/).
  func encode(into output: inout [UInt8]) {
    output.append(UInt8(ascii: "*"))
    Self.appendDecimal(arguments.count, to: &output)
    Self.appendLineEnd(to: &output)
    for argument in arguments {
      switch argument {
      case .text(let text): Self.appendBulk(text.utf8, count: text.utf8.count, to: &output)
      case .bytes(let bytes): Self.appendBulk(bytes, count: bytes.count, to: &output)
      case .integer(let value):
        let digits = String(value).utf8
        Self.appendBulk(digits, count: digits.count, to: &output)
      }
    }
  }

  private static func appendBulk(_ bytes: some Sequence<UInt8>, count: Int, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "$"))
    appendDecimal(count, to: &output)
    appendLineEnd(to: &output)
    output.append(contentsOf: bytes)
    appendLineEnd(to: &output)
  }

  private static func appendLineEnd(to output: inout [UInt8]) {
    output.append(13)
    output.append(10)
  }

  private static func appendDecimal(_ value: Int, to output: inout [UInt8]) {
    var divisor = 1
    while value / divisor >= 10 { divisor *= 10 }
    var rest = value
    while divisor > 0 {
      output.append(48 + UInt8(rest / divisor))
      rest %= divisor
      divisor /= 10
    }
  }
}
