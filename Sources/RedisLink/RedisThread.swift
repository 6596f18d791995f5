internal import CHiredis
internal import Glibc

/// The thread of one connection: connects, then sleeps in `poll` on the socket and the mailbox until the next deadline.
/// It ends with the connection.
struct RedisThread {
  let url: RedisURL
  let mailbox: ConnectionMailbox

  /// Starts the thread; `ready` hears once that the connection stands, or why not.
  func start(ready: Ticket) throws(RedisError) {
    let box = Unmanaged.passRetained(Box { run(ready: ready) })
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 512 * 1_024)
    let status = pthread_create(
      &thread, &attributes,
      { raw in
        guard let raw else { return nil }
        Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    pthread_attr_destroy(&attributes)
    guard status == 0 else {
      box.release()
      throw .unreachable("no thread is left for a connection to Redis")
    }
  }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
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
