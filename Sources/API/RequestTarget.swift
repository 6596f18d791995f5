/// The request target: what of it is served, and what of it is logged.
enum RequestTarget {
  static let loggedBytesMax = 256
  private static let secretNames: Set<String> = ["token", "access_token"]

  /// Whether `target` is a path (RFC 9112, 3.2.1) whose percent-encoding is sound: two hexadecimal digits each, valid
  /// UTF-8, no NUL. Of an absolute target only the path arrives here; its host counts for nothing, `Host` does.
  static func isServed(_ target: String) -> Bool {
    guard target.utf8.first == UInt8(ascii: "/") else { return false }
    var decoded: [UInt8] = []
    var bytes = target.utf8.makeIterator()
    while let byte = bytes.next() {
      if byte == UInt8(ascii: "#") { return false }
      guard byte == UInt8(ascii: "%") else {
        decoded.append(byte)
        continue
      }
      guard let high = bytes.next().flatMap(digit), let low = bytes.next().flatMap(digit) else { return false }
      decoded.append(high << 4 | low)
    }
    return !decoded.contains(0) && String(validating: decoded, as: UTF8.self) != nil
  }

  /// For the log: visible ASCII only, bounded, and the value of `token` replaced, whatever the case of its name.
  static func redacted(_ target: String) -> String {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var text = String(parts[0])
    if parts.count == 2 {
      let fields = parts[1].split(separator: "&", omittingEmptySubsequences: false).map(redactedField)
      text += "?" + fields.joined(separator: "&")
    }
    let shown = text.utf8.prefix(loggedBytesMax).map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: shown, as: UTF8.self)
  }

  private static func redactedField(_ field: Substring) -> String {
    let name = field.prefix { $0 != "=" }
    // A name that is itself encoded could be `token` too.
    let isSecret = secretNames.contains(name.lowercased()) || name.contains("%")
    return isSecret ? "\(name)=redacted" : String(field)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }
}
