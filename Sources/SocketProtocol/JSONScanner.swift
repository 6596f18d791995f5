/// Checks JSON (RFC 8259) and finds where values begin and end, without building them.
///
/// The arguments of an event are passed on as the bytes that came, so all that is needed of them is the certainty that
/// they are JSON, and the ranges of an array's elements or an object's members. A scanner holds a position; the bytes
/// are given to every call, and all ranges are offsets in them:
///
///     var scanner = JSONScanner()
///     try scanner.enterArray(bytes)                          [ "message" , {"a":[1]} ]
///     while let element = try scanner.nextElement(bytes)       ^^^^^^^^^   ^^^^^^^^^
///     try scanner.finish(bytes)
///
/// A value inside is skipped by one loop and not by recursion: one bit per open bracket says whether it is an array or
/// an object, and 128 of them are one integer. What is deeper is refused, which also protects whoever parses the value
/// later. Strings are searched eight bytes at a time for the three kinds of byte that matter (quote, backslash,
/// control). Whether they are UTF-8 is checked before, with the rest of the message. Lone surrogates in escapes are
/// allowed, as section 8.2 does.
public struct JSONScanner: Sendable {
  public static let depthMax = 128

  public private(set) var position: Int
  /// Whether the array or object entered has given an element.
  private var hasElement = false

  public init(at position: Int = 0) { self.position = position }

  /// Throws when `bytes` are not one value with white space around it. Returns the value's range.
  @discardableResult
  public static func validate(_ bytes: Span<UInt8>) throws(JSONError) -> Range<Int> {
    var scanner = JSONScanner()
    let range = try scanner.skipValue(bytes)
    try scanner.finish(bytes)
    return range
  }

  // MARK: One level

  public mutating func enterArray(_ bytes: Span<UInt8>) throws(JSONError) { try enter(bytes, 0x5B) }

  public mutating func enterObject(_ bytes: Span<UInt8>) throws(JSONError) { try enter(bytes, 0x7B) }

  /// The next element of the array entered, or nil behind its end.
  public mutating func nextElement(_ bytes: Span<UInt8>) throws(JSONError) -> Range<Int>? {
    guard try advances(bytes, until: 0x5D) else { return nil }
    return try skipValue(bytes)
  }

  /// The next member of the object entered, or nil behind its end. The key's range includes the quotes.
  public mutating func nextMember(_ bytes: Span<UInt8>) throws(JSONError) -> (key: Range<Int>, value: Range<Int>)? {
    guard try advances(bytes, until: 0x7D) else { return nil }
    let key = try member(bytes)
    return (key, try skipValue(bytes))
  }

  /// Only white space may be left.
  public mutating func finish(_ bytes: Span<UInt8>) throws(JSONError) {
    skipSpace(bytes)
    guard position == bytes.count else { throw .trailingBytes }
  }

  private mutating func enter(_ bytes: Span<UInt8>, _ bracket: UInt8) throws(JSONError) {
    skipSpace(bytes)
    guard position < bytes.count else { throw .endsEarly }
    guard bytes[position] == bracket else { throw .unexpectedByte }
    position += 1
    hasElement = false
  }

  private mutating func advances(_ bytes: Span<UInt8>, until bracket: UInt8) throws(JSONError) -> Bool {
    skipSpace(bytes)
    guard position < bytes.count else { throw .endsEarly }
    if bytes[position] == bracket {
      position += 1
      hasElement = true
      return false
    }
    if hasElement {
      guard bytes[position] == 0x2C else { throw .unexpectedByte }
      position += 1
    }
    hasElement = true
    return true
  }

  // MARK: Values

  /// Skips white space and the value behind it, and returns the value's range.
  public mutating func skipValue(_ bytes: Span<UInt8>) throws(JSONError) -> Range<Int> {
    skipSpace(bytes)
    let start = position
    var depth = 0
    var isObject: UInt128 = 0
    while true {
      guard position < bytes.count else { throw .endsEarly }
      let byte = bytes[position]
      if byte == 0x7B || byte == 0x5B {
        guard depth < Self.depthMax else { throw .tooDeep }
        position &+= 1
        skipSpace(bytes)
        guard position < bytes.count else { throw .endsEarly }
        // `{` and `}`, like `[` and `]`, are two apart.
        if bytes[position] != byte &+ 2 {
          depth &+= 1
          isObject = isObject << 1 | (byte == 0x7B ? 1 : 0)
          if byte == 0x7B { _ = try member(bytes) }
          continue
        }
        position &+= 1
      } else {
        try scalar(bytes, byte)
      }
      if try closes(bytes, &depth, &isObject) { return start..<position }
    }
  }

  /// Behind a value: closes what ends here, and steps over the comma to the next value. True when all is closed.
  private mutating func closes(
    _ bytes: Span<UInt8>, _ depth: inout Int, _ isObject: inout UInt128
  ) throws(JSONError) -> Bool {
    while depth > 0 {
      skipSpace(bytes)
      guard position < bytes.count else { throw .endsEarly }
      let inObject = isObject & 1 == 1
      let byte = bytes[position]
      position &+= 1
      if byte == 0x2C {
        if inObject { _ = try member(bytes) }
        skipSpace(bytes)
        return false
      }
      guard byte == (inObject ? 0x7D : 0x5D) else { throw .unexpectedByte }
      depth &-= 1
      isObject >>= 1
    }
    return true
  }

  /// A key, the colon and the space around them. Returns the key's range with its quotes.
  private mutating func member(_ bytes: Span<UInt8>) throws(JSONError) -> Range<Int> {
    skipSpace(bytes)
    guard position < bytes.count else { throw .endsEarly }
    guard bytes[position] == 0x22 else { throw .unexpectedByte }
    let start = position
    try string(bytes)
    let key = start..<position
    skipSpace(bytes)
    guard position < bytes.count else { throw .endsEarly }
    guard bytes[position] == 0x3A else { throw .unexpectedByte }
    position &+= 1
    skipSpace(bytes)
    return key
  }

  private mutating func scalar(_ bytes: Span<UInt8>, _ byte: UInt8) throws(JSONError) {
    switch byte {
    case 0x22: try string(bytes)
    case 0x2D, 0x30...0x39: try number(bytes)
    case 0x74: try word(bytes, "true")
    case 0x66: try word(bytes, "false")
    case 0x6E: try word(bytes, "null")
    default: throw .unexpectedByte
    }
  }

  private mutating func word(_ bytes: Span<UInt8>, _ word: StaticString) throws(JSONError) {
    let count = word.utf8CodeUnitCount
    guard bytes.count &- position >= count else { throw .endsEarly }
    for offset in 0..<count where bytes[position &+ offset] != word.utf8Start[offset] { throw .unexpectedByte }
    position &+= count
  }

  /// Section 6: no leading zeros, no bare point, at least one digit in the exponent.
  private mutating func number(_ bytes: Span<UInt8>) throws(JSONError) {
    if bytes[position] == 0x2D { position &+= 1 }
    guard position < bytes.count else { throw .endsEarly }
    if bytes[position] == 0x30 { position &+= 1 } else { try digits(bytes) }
    if position < bytes.count, bytes[position] == 0x2E {
      position &+= 1
      try digits(bytes)
    }
    if position < bytes.count, bytes[position] | 0x20 == 0x65 {
      position &+= 1
      if position < bytes.count, bytes[position] == 0x2B || bytes[position] == 0x2D { position &+= 1 }
      try digits(bytes)
    }
  }

  private mutating func digits(_ bytes: Span<UInt8>) throws(JSONError) {
    let start = position
    while position < bytes.count, bytes[position] &- 0x30 <= 9 { position &+= 1 }
    guard position > start else { throw position < bytes.count ? .unexpectedByte : .endsEarly }
  }

  /// From the opening quote to behind the closing one.
  private mutating func string(_ bytes: Span<UInt8>) throws(JSONError) {
    position &+= 1
    while true {
      skipPlain(bytes)
      guard position < bytes.count else { throw .endsEarly }
      switch bytes[position] {
      case 0x22:
        position &+= 1
        return
      case 0x5C: try escape(bytes)
      case 0..<0x20: throw .controlCharacter
      default: position &+= 1
      }
    }
  }

  /// Moves over whole words of eight bytes in which no byte is a quote, a backslash or a control. In each line a byte's
  /// highest bit is set by a match; a false match needs a true one in a lower byte, so the test for none is exact.
  private mutating func skipPlain(_ bytes: Span<UInt8>) {
    let ones: UInt64 = 0x0101_0101_0101_0101
    bytes.withUnsafeBytes { raw in
      while position &+ 8 <= raw.count {
        let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let found =
          (quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- ones &* 0x20) & ~word
        guard found & (ones &* 0x80) == 0 else { return }
        position &+= 8
      }
    }
  }

  private mutating func escape(_ bytes: Span<UInt8>) throws(JSONError) {
    position &+= 1
    guard position < bytes.count else { throw .endsEarly }
    switch bytes[position] {
    case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: position &+= 1
    case 0x75:
      for offset in 1...4 {
        guard position &+ offset < bytes.count else { throw .endsEarly }
        guard JSONString.hexDigit(bytes[position &+ offset]) != nil else { throw .escape }
      }
      position &+= 5
    default: throw .escape
    }
  }

  private mutating func skipSpace(_ bytes: Span<UInt8>) {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position &+= 1
      default: return
      }
    }
  }
}

/// Why bytes are not the JSON that was expected.
public enum JSONError: Error, Equatable, Sendable {
  case endsEarly
  case unexpectedByte
  case controlCharacter
  case escape
  case tooDeep
  case trailingBytes

  public var reason: StaticString {
    switch self {
    case .endsEarly: "the JSON ends early"
    case .unexpectedByte: "the JSON has a byte that cannot stand there"
    case .controlCharacter: "a JSON string has a control character"
    case .escape: "a JSON string has an unknown escape"
    case .tooDeep: "the JSON is nested too deeply"
    case .trailingBytes: "there is more behind the JSON"
    }
  }
}
