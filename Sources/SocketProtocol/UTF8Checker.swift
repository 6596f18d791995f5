/// Incremental check of UTF-8 that fails at the first byte which no valid text can have at its place, so that a text
/// message can be refused before its end has arrived (RFC 6455 section 8.1, Autobahn 6.4).
///
/// The well-formed sequences are those of table 3-7 of the Unicode standard. What may follow depends only on the lead
/// byte and on how many bytes are missing, which gives eight states:
///
///     start      00..7F -> start       C2..DF -> last       E0 -> afterE0     E1..EC, EE, EF -> two
///                ED     -> afterED     F0     -> afterF0    F1..F3 -> three   F4     -> afterF4
///     last       80..BF -> start
///     two        80..BF -> last
///     three      80..BF -> two
///     afterE0    A0..BF -> last        shorter forms exist for less
///     afterED    80..9F -> last        more would be a UTF-16 surrogate
///     afterF0    90..BF -> two         shorter forms exist for less
///     afterF4    80..8F -> two         more would be above U+10FFFF
///
/// Text is mostly ASCII, and eight ASCII bytes are accepted with one comparison.
public struct UTF8Checker: Sendable, Equatable {
  private enum State: UInt8 {
    case start, last, two, three, afterE0, afterED, afterF0, afterF4
  }

  private var state: State = .start

  public init() {}

  /// True when the text so far does not end in the middle of a character.
  public var isAtBoundary: Bool { state == .start }

  /// Whether `bytes` may come next. After a refusal the checker is of no more use.
  public mutating func accepts(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    while position < bytes.count {
      if state == .start {
        while position &+ 8 <= bytes.count {
          let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
          guard word & 0x8080_8080_8080_8080 == 0 else { break }
          position &+= 8
        }
        if position == bytes.count { return true }
      }
      guard let next = Self.next(state, bytes[position]) else { return false }
      state = next
      position &+= 1
    }
    return true
  }

  /// Whether `bytes` are a whole text.
  public static func isText(_ bytes: Span<UInt8>) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var checker = UTF8Checker()
      return checker.accepts(bytes) && checker.isAtBoundary
    }
  }

  private static func next(_ state: State, _ byte: UInt8) -> State? {
    switch (state, byte) {
    case (.start, _): lead(byte)
    case (.last, 0x80...0xBF): .start
    case (.two, 0x80...0xBF), (.afterE0, 0xA0...0xBF), (.afterED, 0x80...0x9F): .last
    case (.three, 0x80...0xBF), (.afterF0, 0x90...0xBF), (.afterF4, 0x80...0x8F): .two
    default: nil
    }
  }

  private static func lead(_ byte: UInt8) -> State? {
    switch byte {
    case 0x00...0x7F: .start
    case 0xC2...0xDF: .last
    case 0xE0: .afterE0
    case 0xE1...0xEC, 0xEE, 0xEF: .two
    case 0xED: .afterED
    case 0xF0: .afterF0
    case 0xF1...0xF3: .three
    case 0xF4: .afterF4
    default: nil
    }
  }
}
