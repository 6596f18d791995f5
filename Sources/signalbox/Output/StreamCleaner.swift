internal import Base

/// Makes a stream of bytes from outside fit for a terminal, piece by piece: lines stay lines, and every other control
/// byte is shown instead of obeyed.
struct StreamCleaner: Sendable {
  /// Bytes of a character that the next piece may complete.
  private var held: [UInt8] = []

  /// What can be shown of the stream now.
  mutating func take(_ bytes: [UInt8]) -> [UInt8] {
    let all = held + bytes
    let whole = all.count - Self.openTail(of: all)
    held = Array(all[whole...])
    return Self.safe(all[..<whole])
  }

  /// What is left at the end.
  mutating func finish() -> [UInt8] {
    defer { held = [] }
    return Self.safe(held[...])
  }

  private static func safe(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var shown: [UInt8] = []
    let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let isLast = index == lines.count - 1
      let plain = !isLast && line.last == 13 ? line.dropLast() : line
      shown += DisplayText(String(decoding: plain, as: UTF8.self)).text.utf8
      if !isLast { shown.append(10) }
    }
    return shown
  }

  /// Bytes at the end that begin a character (RFC 3629) and do not end it; also a carriage return, which with the next
  /// byte may be the end of a line.
  private static func openTail(of bytes: [UInt8]) -> Int {
    if bytes.last == 13 { return 1 }
    for (back, byte) in bytes.reversed().prefix(3).enumerated() {
      let length =
        switch byte {
        case 0xC0...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF7: 4
        default: byte & 0xC0 == 0x80 ? 0 : 1
        }
      if length > 0 { return length > back + 1 ? back + 1 : 0 }
    }
    return 0
  }
}
