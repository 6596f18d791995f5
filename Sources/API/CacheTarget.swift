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
    namespace = try RequestTarget.decoded(segments.count > 3 ? segments[3] : "")
    key = try RequestTarget.decoded(segments.count > 4 ? segments[4] : "")
    var seen: Set<String> = []
    for field in (request.uri.query ?? "").split(separator: "&") {
      let pieces = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = try RequestTarget.decoded(pieces[0])
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
    for item in value.split(separator: ",", omittingEmptySubsequences: false) {
      items.append(try RequestTarget.decoded(item))
    }
    if name == "tags" { tags = items } else { dependsOn = items }
  }
}
