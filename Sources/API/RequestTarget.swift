internal import Base
internal import Hummingbird

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

  /// The text of a segment or a field. Throws `invalid` when it is not UTF-8.
  static func decoded(_ text: Substring) throws(Failure) -> String {
    // The door has checked that every percent sign is followed by two digits and that all of it is UTF-8; a list cut at
    // a comma inside of a character is not.
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
        throw Failure(.invalid, "the request target is malformed")
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.invalid, "the request target is not UTF-8")
    }
    return decoded
  }

  /// A segment of the request's path, the first being 0; empty when there is none.
  static func segment(_ index: Int, of request: Request) throws(Failure) -> String {
    let segments = request.uri.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    return try decoded(segments.dropFirst(index).first ?? "")
  }

  /// The fields of the query. Throws `invalid` for one that is not among `known`, or given twice.
  static func fields(_ request: Request, known: [String]) throws(Failure) -> [String: String] {
    var fields: [String: String] = [:]
    for field in (request.uri.query ?? "").split(separator: "&") {
      let pieces = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = try decoded(pieces[0])
      guard known.contains(name) else {
        throw Failure(
          .invalid, "there is no such parameter here",
          hint: known.isEmpty ? nil : "accepted: \(known.joined(separator: ", "))")
      }
      let value = try decoded(pieces.count == 2 ? pieces[1] : "")
      guard fields.updateValue(value, forKey: name) == nil else {
        throw Failure(.invalid, "the parameter \(name) is given twice")
      }
    }
    return fields
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
