internal import Glibc

/// An extended regular expression of POSIX, matched by the C library. Back references are refused and repetition is
/// bounded, which leaves the language that a finite automaton decides: no expression can make a keystroke wait.
public final class PosixPattern {
  /// Bytes of the longest expression.
  public static let lengthMax = 200
  /// The largest count in `{n,m}`, and how many such counts one expression may have.
  public static let repetitionMax = 50
  public static let countedMax = 2

  private var compiled = regex_t()

  public init(_ source: String) throws(Failure) {
    try Self.check(source)
    let status = regcomp(&compiled, source, REG_EXTENDED | REG_NOSUB | REG_ICASE)
    guard status == 0 else {
      var buffer = [CChar](repeating: 0, count: 128)
      regerror(status, &compiled, &buffer, buffer.count)
      let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw Failure(.invalid, "re: \(text.lowercased())")
    }
  }

  deinit { regfree(&compiled) }

  public func matches(_ text: String) -> Bool { regexec(&compiled, text, 0, nil, 0) == 0 }

  private static func check(_ source: String) throws(Failure) {
    guard source.utf8.count <= lengthMax else {
      throw Failure(.limit, "re: at most \(lengthMax) bytes")
    }
    var isEscaped = false
    var counted = 0
    var number = 0
    for byte in source.utf8 {
      if isEscaped, (49...57).contains(byte) { throw Failure(.invalid, "re: back references are not accepted") }
      isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
      if byte == UInt8(ascii: "{") { counted += 1 }
      number = (48...57).contains(byte) ? min(number * 10 + Int(byte) - 48, 100_000) : 0
      if counted > countedMax || (counted > 0 && number > repetitionMax) {
        throw Failure(.limit, "re: at most \(countedMax) counts in braces, none above \(repetitionMax)")
      }
    }
  }
}
