public import Base

/// The name of one entry. Names are never patterns: `*`, `?` and `[` in them mean themselves.
public struct CacheKey: Hashable, Sendable {
  public let namespace: CacheNamespace
  public let name: String
  /// Of both parts, seeded anew in every process so that nobody can aim collisions at it.
  let hash: UInt64

  /// What is accepted, for messages.
  public static let rule = "1 to \(CacheLimits.keyBytes) bytes of UTF-8 without control characters"

  public init(_ namespace: CacheNamespace, _ name: String) throws(Failure) {
    guard CacheText.isPlain(name, bytesMax: CacheLimits.keyBytes) else {
      throw Failure(.invalid, "this is not a cache key", hint: "a key is \(Self.rule)")
    }
    self.init(unchecked: name, namespace)
  }

  init(unchecked name: String, _ namespace: CacheNamespace) {
    self.namespace = namespace
    self.name = name
    var hasher = Hasher()
    hasher.combine(namespace.seed)
    hasher.combine(name)
    hash = UInt64(bitPattern: Int64(hasher.finalize()))
  }

  public static func == (left: CacheKey, right: CacheKey) -> Bool {
    left.hash == right.hash && left.name == right.name && left.namespace == right.namespace
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}

/// What keys, tags and content types have in common.
enum CacheText {
  /// Not empty, not too long, and no control characters: C0, DEL, C1, line and paragraph separators.
  static func isPlain(_ text: String, bytesMax: Int) -> Bool {
    var count = 0
    var previous: UInt8 = 0
    var beforePrevious: UInt8 = 0
    for byte in text.utf8 {
      count += 1
      if byte < 32 || byte == 127 || count > bytesMax { return false }
      if previous == 0xC2, (0x80...0x9F).contains(byte) { return false }
      if beforePrevious == 0xE2, previous == 0x80, byte == 0xA8 || byte == 0xA9 { return false }
      beforePrevious = previous
      previous = byte
    }
    return count > 0
  }
}
