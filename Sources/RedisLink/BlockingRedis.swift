internal import CHiredis

/// hiredis as a plain C program uses it: one blocking connection, one request at a time. The peer of `signalbox bench`;
/// nothing in a node uses it.
public struct BlockingRedis: ~Copyable {
  private let context: UnsafeMutablePointer<redisContext>

  /// A server without a password on a Unix socket; each answer may take a second.
  public init(path: String) throws(RedisError) {
    guard let context = sb_blocking_connect(path) else { throw .unreachable("no Redis answers at \(path)") }
    self.context = context
  }

  deinit { redisFree(context) }

  /// GETs a key that is there, and returns the bytes of its value.
  public borrowing func get(_ key: String) throws(RedisError) -> Int {
    let length = sb_blocking_get(context, key, key.utf8.count)
    guard length >= 0 else { throw .closed("a blocking GET failed") }
    return Int(length)
  }
}
