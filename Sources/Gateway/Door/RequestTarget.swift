/// Path and query of a request (RFC 3986). Bounded by the head's limit; a name that comes twice keeps its first value.
struct RequestTarget: Sendable, Equatable {
  let path: String
  private let query: [(name: String, value: String)]

  /// Nil when a percent sign stands for no byte or the bytes are not UTF-8.
  init?(_ target: String) {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, first.hasPrefix("/"), let path = Self.decoded(first, plusIsBlank: false) else {
      return nil
    }
    self.path = path
    var query: [(String, String)] = []
    for pair in (parts.count > 1 ? parts[1] : "").split(separator: "&").prefix(64) {
      let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decoded(halves[0], plusIsBlank: true),
        let value = Self.decoded(halves.count > 1 ? halves[1] : "", plusIsBlank: true)
      else { return nil }
      query.append((name, value))
    }
    self.query = query
  }

  subscript(name: String) -> String? { query.first { $0.name == name }?.value }

  static func == (left: RequestTarget, right: RequestTarget) -> Bool {
    left.path == right.path && left.query.elementsEqual(right.query) { $0 == $1 }
  }

  private static func decoded(_ text: Substring, plusIsBlank: Bool) -> String? {
    guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(text) }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "+"), plusIsBlank {
        bytes.append(UInt8(ascii: " "))
      } else if byte == UInt8(ascii: "%") {
        guard let high = rest.popFirst().flatMap(nibble), let low = rest.popFirst().flatMap(nibble) else { return nil }
        bytes.append(high << 4 | low)
      } else {
        bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func nibble(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }
}
