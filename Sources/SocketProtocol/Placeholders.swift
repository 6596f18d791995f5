/// Where binary arguments are in the JSON of a binary packet: `{"_placeholder":true,"num":0}` stands for the first
/// attachment. They are passed on as they came, their order of keys included; here they are only checked.
public enum Placeholders {
  /// Appends the placeholder of attachment `number`, as the reference encoder writes it.
  public static func append(_ number: Int, to output: inout [UInt8]) {
    output.append(contentsOf: "{\"_placeholder\":true,\"num\":\(number)}".utf8)
  }

  /// Throws when an object with `"_placeholder":true` does not name one of the attachments. `json` is valid, and no
  /// deeper than `JSONScanner.depthMax`.
  ///
  /// One pass: what is known of every open bracket is one bit in each of two integers.
  static func check(_ json: Span<UInt8>, attachments: Int) throws(SocketProtocolError) {
    var position = 0
    var isPlaceholder: UInt128 = 0
    var hasNumber: UInt128 = 0
    while position < json.count {
      switch json[position] {
      case 0x7B, 0x5B:
        isPlaceholder <<= 1
        hasNumber <<= 1
        position += 1
      case 0x7D, 0x5D:
        guard isPlaceholder & ~hasNumber & 1 == 0 else { throw .placeholder }
        isPlaceholder >>= 1
        hasNumber >>= 1
        position += 1
      case 0x22:
        let start = position
        position = stringEnd(json, from: start)
        guard let value = memberValue(json, behind: position) else { continue }
        if JSONString.equals(json, start..<position, "_placeholder") {
          isPlaceholder = isPlaceholder & ~1 | (json[value] == 0x74 ? 1 : 0)
        } else if JSONString.equals(json, start..<position, "num") {
          hasNumber = hasNumber & ~1 | (names(json, at: value, below: attachments) ? 1 : 0)
        }
      default: position += 1
      }
    }
  }

  private static func stringEnd(_ json: Span<UInt8>, from start: Int) -> Int {
    var position = start + 1
    while position < json.count, json[position] != 0x22 { position += json[position] == 0x5C ? 2 : 1 }
    return min(position + 1, json.count)
  }

  /// Where the value begins, when the string that ends at `end` is a key.
  private static func memberValue(_ json: Span<UInt8>, behind end: Int) -> Int? {
    guard let colon = solid(json, from: end), json[colon] == 0x3A else { return nil }
    return solid(json, from: colon + 1)
  }

  private static func solid(_ json: Span<UInt8>, from start: Int) -> Int? {
    var position = start
    while position < json.count, [0x20, 0x0A, 0x0D, 0x09].contains(json[position]) { position += 1 }
    return position < json.count ? position : nil
  }

  /// Whether the value is a whole number below `count`.
  private static func names(_ json: Span<UInt8>, at start: Int, below count: Int) -> Bool {
    var position = start
    var number = 0
    while position < json.count, json[position] &- 0x30 <= 9 {
      number = number * 10 + Int(json[position] &- 0x30)
      guard number < count else { return false }
      position += 1
    }
    guard position > start, position < json.count else { return false }
    return ![0x2E, 0x45, 0x65].contains(json[position])
  }
}
