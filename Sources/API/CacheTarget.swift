internal import Base
internal import ControlPlane
internal import Hummingbird

/// What a cache route's target says. Read from the raw bytes: a key is one percent-encoded segment, in which `%2F` is a
/// character of the key, and a `%2C` in a list is a character of an item.
struct CacheTarget {
  let namespace: String
  /// Empty when the route has none.
  let key: String
  private(set) var timeToLiveMilliseconds: Int64?
  private(set) var tags: [String] = []
  private(set) var dependsOn: [String] = []

  private static let secondsMax: Int64 = 365 * 86_400

  /// `takesOptions`: `ttl`, `tags` and `dependsOn` may follow. Throws `invalid`.
  init(_ request: Request, takesOptions: Bool = false) throws(Failure) {
    let segments = request.uri.path.split(separator: "/", omittingEmptySubsequences: false)
    namespace = try Self.decoded(segments.count > 3 ? segments[3] : "")
    key = try Self.decoded(segments.count > 4 ? segments[4] : "")
    var seen: Set<String> = []
    for field in (request.uri.query ?? "").split(separator: "&") {
      let pieces = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = try Self.decoded(pieces[0])
      guard takesOptions, ["ttl", "tags", "dependsOn"].contains(name) else {
        throw Failure(
          .invalid, "there is no such parameter here", hint: takesOptions ? "accepted: ttl, tags, dependsOn" : nil)
      }
      guard seen.insert(name).inserted else { throw Failure(.invalid, "the parameter \(name) is given twice") }
      try take(name, pieces.count == 2 ? pieces[1] : "")
    }
  }

  private mutating func take(_ name: String, _ value: Substring) throws(Failure) {
    if name == "ttl" {
      guard value.utf8.allSatisfy({ (48...57).contains($0) }), let seconds = Int64(value),
        (1...Self.secondsMax).contains(seconds)
      else { throw Failure(.invalid, "ttl is out of range", hint: "whole seconds, 1 to \(Self.secondsMax)") }
      timeToLiveMilliseconds = seconds * 1_000
      return
    }
    var items: [String] = []
    for item in value.split(separator: ",", omittingEmptySubsequences: false) { items.append(try Self.decoded(item)) }
    if name == "tags" { tags = items } else { dependsOn = items }
  }

  private static func decoded(_ text: Substring) throws(Failure) -> String {
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
}
