internal import CHiredis
internal import Glibc

/// The thread of one connection: connects, then sleeps in `poll` on the socket, the mailbox and the deadline timer.
/// It is the only reader, and it ends with the connection.
struct RedisThread {
  let url: RedisURL
  let options: RedisOptions
  let mailbox: ConnectionMailbox
  let onPush: (@Sendable (RedisPush) -> Void)?

  private static let readSize = 64 * 1_024
  /// Reads in one turn, so that writing and deadlines get theirs while a large reply streams in.
  private static let readsPerTurn = 16

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
      let deadline = MonotonicTime.now() + UInt64(options.connectDeadline.nanosecondsClamped)
      let socket = try RedisSocket.connect(to: url, deadline: deadline).release()
      mailbox.opened(socket)
      ready.resolve(.success([]))
      try serve(socket)
    } catch {
      mailbox.finish(error)
      ready.resolve(.failure(error))
    }
  }

  private func serve(_ socket: Int32) throws(RedisError) {
    guard var parser = ReplyParser(elementsMax: options.replyElementsMax, bytesMax: options.replyBytesMax) else {
      throw .closed("no memory is left for its reader")
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.readSize, alignment: 16)
    defer { buffer.deallocate() }
    var output: [UInt8] = []
    var written = 0
    while true {
      try write(socket, &output, &written)
      let wantsWrite = written < output.count
      let ready = wait(socket, wantsWrite: wantsWrite)
      if ready.timer { try mailbox.checkDeadlines(now: MonotonicTime.now()) }
      if ready.socket { try read(socket, &parser, buffer) }
    }
  }

  private func write(_ socket: Int32, _ output: inout [UInt8], _ written: inout Int) throws(RedisError) {
    while true {
      guard mailbox.takeOutput(&output, written: written) else { throw .closed("we closed it") }
      guard !output.isEmpty else { return }
      let sent = output.withUnsafeBytes { bytes in
        Glibc.send(socket, bytes.baseAddress.map { $0 + written }, bytes.count - written, Int32(MSG_NOSIGNAL))
      }
      if sent < 0 {
        if errno == EAGAIN || errno == EINTR { return }
        throw .closed(String(cString: strerror(errno)))
      }
      mailbox.moved(sent, now: MonotonicTime.now())
      written += sent
      guard written == output.count else { return }
      output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
      written = 0
    }
  }

  private func wait(_ socket: Int32, wantsWrite: Bool) -> (socket: Bool, timer: Bool) {
    let events = Int16(POLLIN) | (wantsWrite ? Int16(POLLOUT) : 0)
    var entries = [
      pollfd(fd: socket, events: events, revents: 0),
      pollfd(fd: mailbox.wakeUp, events: Int16(POLLIN), revents: 0),
      pollfd(fd: mailbox.timer, events: Int16(POLLIN), revents: 0),
    ]
    guard poll(&entries, 3, -1) > 0 else { return (false, false) }
    var count: UInt64 = 0
    if entries[1].revents != 0 { _ = Glibc.read(mailbox.wakeUp, &count, 8) }
    if entries[2].revents != 0 { _ = Glibc.read(mailbox.timer, &count, 8) }
    let readable = Int16(POLLIN) | Int16(POLLHUP) | Int16(POLLERR)
    return (entries[0].revents & readable != 0, entries[2].revents != 0)
  }

  private func read(
    _ socket: Int32, _ parser: inout ReplyParser, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(RedisError) {
    for _ in 0..<Self.readsPerTurn {
      let count = recv(socket, buffer.baseAddress, buffer.count, 0)
      if count < 0 {
        if errno == EAGAIN || errno == EINTR { return }
        throw .closed(String(cString: strerror(errno)))
      }
      guard count > 0 else { throw .closed("Redis hung up") }
      mailbox.moved(count, now: MonotonicTime.now())
      try parser.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      try dispatch(&parser)
      if count < buffer.count { return }
    }
  }

  private func dispatch(_ parser: inout ReplyParser) throws(RedisError) {
    var replies: [RedisValue] = []
    var violation: RedisError?
    do {
      while let reply = try parser.next() {
        if let push = push(in: reply) {
          onPush?(push)
        } else {
          if case .error(let error) = reply, ["MOVED", "ASK", "CLUSTERDOWN"].contains(error.code) {
            violation = .unsuitable("Redis at \(url) is part of a cluster, which is not supported")
            break
          }
          replies.append(reply)
        }
      }
    } catch {
      violation = error
    }
    // What came whole before the fault is still an answer.
    if !replies.isEmpty { try mailbox.deliver(replies) }
    if let violation { throw violation }
  }

  private func push(in reply: RedisValue) -> RedisPush? {
    guard onPush != nil, case .array(let elements) = reply, elements.count == 3,
      elements[0].text == "message", let channel = elements[1].text
    else { return nil }
    return RedisPush(channel: channel, payload: elements[2])
  }
}

extension Duration {
  /// Nanoseconds, within what a timer takes.
  var nanosecondsClamped: Int64 {
    let (seconds, attoseconds) = components
    return min(max(seconds, 0), 1_000_000) * 1_000_000_000 + max(attoseconds, 0) / 1_000_000_000
  }
}
