public import Base
internal import CHiredis
internal import Glibc

/// Gets, one after the other, on a blocking connection of hiredis itself: what a bench compares the link with. Nothing
/// of a node uses it.
public enum PlainLoop {
  /// Nanoseconds of each of `count` GETs of `key`, over a Unix socket. Blocks the calling thread meanwhile.
  public static func times(socket path: String, key: String, count: Int) throws(Failure) -> [UInt64] {
    let limit = timeval(tv_sec: 1, tv_usec: 0)
    guard let context = redisConnectUnixWithTimeout(path, limit) else { throw failure }
    defer { redisFree(context) }
    guard context.pointee.err == 0, redisSetTimeout(context, limit) == REDIS_OK else { throw failure }
    let words: [UnsafeMutablePointer<CChar>?] = [strdup("GET"), strdup(key)]
    defer { for word in words { free(word) } }
    var pointers: [UnsafePointer<CChar>?] = words.map { UnsafePointer($0) }
    var lengths = [3, key.utf8.count]
    var times: [UInt64] = []
    times.reserveCapacity(count)
    for _ in 0..<count {
      let start = nanoseconds()
      guard let reply = redisCommandArgv(context, 2, &pointers, &lengths) else { throw failure }
      freeReplyObject(reply)
      times.append(nanoseconds() - start)
    }
    return times
  }

  private static var failure: Failure { Failure(.unavailable, "the Redis of the bench does not answer") }

  private static func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
