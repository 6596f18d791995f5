internal import Base

/// The name of some content: a git blob, tree or commit id (20 bytes of SHA-1, or 32 of SHA-256).
///
/// Files outside git get the id git would give them, so the same content is one record wherever it comes from.
struct ObjectID: Hashable, Sendable, CustomStringConvertible {
  /// Zeros behind the bytes of a short id.
  private(set) var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  /// 20 or 32.
  private(set) var count: UInt8

  /// Nil unless there are 20 or 32 bytes.
  init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 20 || bytes.count == 32 else { return nil }
    count = UInt8(bytes.count)
    withUnsafeMutableBytes(of: &words) { target in
      for (index, byte) in bytes.enumerated() { target[index] = byte }
    }
  }

  /// Nil unless the text is 40 or 64 hexadecimal digits.
  init?(hex: some StringProtocol) {
    let digits = hex.utf8.map { Self.value($0) }
    guard digits.count == 40 || digits.count == 64, !digits.contains(16) else { return nil }
    self.init(bytes: stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
  }

  var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0.prefix(Int(count))) } }

  var description: String { Digest.hex(bytes) }

  static func == (left: ObjectID, right: ObjectID) -> Bool { left.words == right.words && left.count == right.count }

  /// The bytes are a hash already; eight of them are enough.
  func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

  private static func value(_ digit: UInt8) -> UInt8 {
    switch digit {
    case 48...57: digit - 48
    case 97...102: digit - 87
    case 65...70: digit - 55
    default: 16
    }
  }
}
