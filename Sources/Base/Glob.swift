/// The one pattern language of signalbox: `*` any run of characters, `?` one character, `[a-z]` and `[!a-z]` a set,
/// `\` takes the next character as itself. Grants, cache patterns and ignore rules all use it.
///
/// Matching is the two-pointer algorithm with one backtrack point (Robert A. van Engelen, "Fast String Matching with
/// Wildcards"): when a character fails after a `*`, only the last `*` needs to take one character more, so a match
/// costs at most text x pattern steps. No pattern can make it exponential.
public struct Glob: Sendable, Hashable, Codable, CustomStringConvertible {
  private enum Token: Sendable, Hashable {
    case anyRun
    case one
    case literal(UInt8)
    case set(ranges: [ClosedRange<UInt8>], isNegated: Bool)
  }

  public let pattern: String
  private let tokens: [Token]

  /// Throws `invalid` for an unclosed set, an empty set or a trailing backslash.
  public init(_ pattern: String) throws(Failure) {
    self.pattern = pattern
    tokens = try Self.parse(Array(pattern.utf8), pattern)
  }

  /// Whether the whole of `text` fits. Bytes are compared, so `?` means one byte of UTF-8.
  public func matches(_ text: String) -> Bool { matches(Array(text.utf8)) }

  public func matches(_ text: [UInt8]) -> Bool {
    var position = 0
    var token = 0
    var resumeToken = -1
    var resumePosition = 0
    while position < text.count {
      if token < tokens.count, tokens[token] == .anyRun {
        resumeToken = token
        resumePosition = position
        token += 1
      } else if token < tokens.count, fits(tokens[token], text[position]) {
        token += 1
        position += 1
      } else if resumeToken >= 0 {
        resumePosition += 1
        position = resumePosition
        token = resumeToken + 1
      } else {
        return false
      }
    }
    while token < tokens.count, tokens[token] == .anyRun { token += 1 }
    return token == tokens.count
  }

  private func fits(_ token: Token, _ byte: UInt8) -> Bool {
    switch token {
    case .anyRun: false
    case .one: true
    case .literal(let expected): expected == byte
    case .set(let ranges, let isNegated): ranges.contains { $0.contains(byte) } != isNegated
    }
  }

  private static func parse(_ bytes: [UInt8], _ pattern: String) throws(Failure) -> [Token] {
    var tokens: [Token] = []
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "*"):
        if tokens.last != .anyRun { tokens.append(.anyRun) }
        index += 1
      case UInt8(ascii: "?"):
        tokens.append(.one)
        index += 1
      case UInt8(ascii: "["):
        let (token, next) = try set(bytes, from: index + 1, pattern)
        tokens.append(token)
        index = next
      case UInt8(ascii: "\\"):
        guard index + 1 < bytes.count else { throw Failure(.invalid, "pattern ends in a single backslash") }
        tokens.append(.literal(bytes[index + 1]))
        index += 2
      default:
        tokens.append(.literal(bytes[index]))
        index += 1
      }
    }
    return tokens
  }

  private static func set(_ bytes: [UInt8], from start: Int, _ pattern: String) throws(Failure) -> (Token, Int) {
    var index = start
    var isNegated = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "!") || bytes[index] == UInt8(ascii: "^") {
      isNegated = true
      index += 1
    }
    var ranges: [ClosedRange<UInt8>] = []
    while index < bytes.count, bytes[index] != UInt8(ascii: "]") || ranges.isEmpty {
      let (low, afterLow) = member(bytes, at: index)
      let isRange =
        afterLow + 1 < bytes.count && bytes[afterLow] == UInt8(ascii: "-") && bytes[afterLow + 1] != UInt8(ascii: "]")
      let (high, next) = isRange ? member(bytes, at: afterLow + 1) : (low, afterLow)
      guard low <= high else { throw Failure(.invalid, "pattern has a set whose range runs backwards") }
      ranges.append(low...high)
      index = next
    }
    guard index < bytes.count else { throw Failure(.invalid, "pattern has a set with no closing bracket") }
    return (.set(ranges: ranges, isNegated: isNegated), index + 1)
  }

  /// One byte of a set, a backslash before it taken away, and where the next begins.
  private static func member(_ bytes: [UInt8], at index: Int) -> (UInt8, Int) {
    let isEscaped = bytes[index] == UInt8(ascii: "\\") && index + 1 < bytes.count
    return isEscaped ? (bytes[index + 1], index + 2) : (bytes[index], index + 1)
  }

  public init(from decoder: any Decoder) throws { try self.init(String(from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try pattern.encode(to: encoder) }
  public var description: String { pattern }
}
