internal import Base
internal import CHiredis
internal import Glibc

/// The thread of one connection: connects, then sleeps in `poll` on the socket and the mailbox until the next deadline.
/// It ends with the connection.
struct RedisThread {
  let url: RedisURL
  let mailbox: ConnectionMailbox

  /// Starts the thread; `ready` hears once that the connection stands, or why not.
  func start(ready: Ticket) throws(RedisError) {
    guard DetachedThread.start({ run(ready: ready) }) == 0 else {
      throw .unreachable("no thread is left for a connection to Redis")
    }
  }

  private func run(ready: Ticket) {
    do {
      let deadline = MonotonicTime.now() + UInt64(mailbox.options.connectDeadline.nanosecondsClamped)
      let socket = try RedisSocket.connect(to: url, deadline: deadline).release()
      try mailbox.opened(socket, peer: "\(url)")
      ready.resolve(.success([]))
      try serve()
    } catch {
      mailbox.finish(error)
      ready.resolve(.failure(error))
    }
  }

  private func serve() throws(RedisError) {
    var isReadable = false
    while true { isReadable = mailbox.sleep(for: try mailbox.turn(isReadable: isReadable)) }
  }
}

extension Duration {
  /// Nanoseconds, within what a timer takes.
  var nanosecondsClamped: Int64 {
    let (seconds, attoseconds) = components
    return min(max(seconds, 0), 1_000_000) * 1_000_000_000 + max(attoseconds, 0) / 1_000_000_000
  }
}
