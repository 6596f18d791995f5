internal import CHiredis
internal import DequeModule
internal import Glibc

/// An open socket, what is to be written to it, and who waits for which reply. One thread at a time has it: the
/// connection's own, or for a moment a task whose command is the only one (see `ConnectionMailbox`).
struct ConnectionState: ~Copyable {
  private struct Waiter {
    let ticket: Ticket
    var repliesMissing: Int
    /// `bytesMoved` when it was handed over.
    let movedBefore: UInt64
    var replies: [RedisValue] = []
  }

  private static let readSize = 64 * 1_024
  /// Reads in one turn, so that writing and deadlines get theirs while a large reply streams in.
  private static let readsPerTurn = 16
  /// Nanoseconds that a byte which moves adds to the deadlines of all who wait: those of 10 MB a second.
  private static let nanosecondsPerByte: UInt64 = 100

  let socket: Int32
  /// For error messages.
  private let peer: String
  private let inbox: CommandInbox
  private let patience: UInt64
  private var parser: ReplyParser
  private let buffer: UnsafeMutableRawBufferPointer
  private var output: [UInt8] = []
  private var written = 0
  private var waiters: Deque<Waiter> = []
  /// When deadlines are to be looked at; no later than the earliest of them.
  private(set) var nextCheck = UInt64.max
  /// Bytes sent and received so far, and when the last of them was.
  private var bytesMoved: UInt64 = 0
  private var lastMoved: UInt64 = 0
  var solitude = Solitude()
  /// Why the thread is to end the connection, when a task found out first.
  var fault: RedisError?

  /// Owns the socket from here on. Throws when no memory is left.
  init(socket: Int32, peer: String = "", options: RedisOptions, inbox: CommandInbox) throws(RedisError) {
    guard let parser = ReplyParser(elementsMax: options.replyElementsMax, bytesMax: options.replyBytesMax) else {
      close(socket)
      throw .closed("no memory is left for its reader")
    }
    self.socket = socket
    self.peer = peer
    self.inbox = inbox
    self.parser = parser
    patience = UInt64(options.commandDeadline.nanosecondsClamped)
    buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.readSize, alignment: 16)
  }

  deinit {
    buffer.deallocate()
    close(socket)
  }

  var isQuiet: Bool { waiters.isEmpty && output.isEmpty }

  var wantsWrite: Bool { !output.isEmpty }

  // MARK: Out

  /// Encodes the commands of an admitted ticket.
  mutating func accept(_ ticket: Ticket) {
    let before = output.count
    var replies = 0
    for command in ticket.commands {
      command.encode(into: &output)
      replies += command.repliesExpected
    }
    inbox.sent(ticket.sizeEstimate - (output.count - before))
    waiters.append(Waiter(ticket: ticket, repliesMissing: replies, movedBefore: bytesMoved))
    nextCheck = min(nextCheck, ticket.deadline)
  }

  mutating func acceptAll() {
    guard !inbox.isEmpty else { return }
    for ticket in inbox.take() { accept(ticket) }
    solitude.saw(waiters.count)
  }

  /// Writes what the kernel takes without waiting.
  mutating func flush() throws(RedisError) {
    while written < output.count {
      let sent = output.withUnsafeBytes { bytes in
        Glibc.send(socket, bytes.baseAddress.map { $0 + written }, bytes.count - written, Int32(MSG_NOSIGNAL))
      }
      if sent < 0 {
        if errno == EAGAIN { return compact() }
        if errno == EINTR { continue }
        throw .closed(String(cString: strerror(errno)))
      }
      inbox.sent(sent)
      moved(sent, now: MonotonicTime.now())
      written += sent
    }
    output.removeAll(keepingCapacity: output.capacity <= 1 << 20)
    written = 0
  }

  private mutating func compact() {
    guard written > 1 << 20 else { return }
    output.removeFirst(written)
    written = 0
  }

  // MARK: In

  /// Reads what has come and gives each reply to the oldest waiter.
  mutating func receive(_ onPush: ((RedisPush) -> Void)?) throws(RedisError) {
    for _ in 0..<Self.readsPerTurn {
      let count = recv(socket, buffer.baseAddress, buffer.count, 0)
      if count < 0 {
        if errno == EAGAIN || errno == EINTR { return }
        throw .closed(String(cString: strerror(errno)))
      }
      guard count > 0 else { throw .closed("Redis hung up") }
      moved(count, now: MonotonicTime.now())
      try parser.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      // What came whole before a fault is still an answer.
      while let reply = try parser.next() { try dispatch(reply, onPush) }
      if count < buffer.count { return }
    }
  }

  private mutating func dispatch(_ reply: RedisValue, _ onPush: ((RedisPush) -> Void)?) throws(RedisError) {
    if let onPush, case .array(let elements) = reply, elements.count == 3, elements[0].text == "message",
      let channel = elements[1].text
    {
      return onPush(RedisPush(channel: channel, payload: elements[2]))
    }
    if case .error(let error) = reply, ["MOVED", "ASK", "CLUSTERDOWN"].contains(error.code) {
      throw .unsuitable("Redis at \(peer) is part of a cluster, which is not supported")
    }
    guard !waiters.isEmpty else { throw .protocolViolation("a reply came that nobody asked for") }
    waiters[0].replies.append(reply)
    waiters[0].repliesMissing -= 1
    guard waiters[0].repliesMissing == 0 else { return }
    let waiter = waiters.removeFirst()
    inbox.answered(1)
    waiter.ticket.resolve(.success(waiter.replies))
  }

  // MARK: Deadlines

  /// Notes that the socket took or gave so many bytes.
  mutating func moved(_ bytes: Int, now: UInt64) {
    bytesMoved &+= UInt64(max(0, bytes))
    lastMoved = now
  }

  /// A large value must not end the connection while it arrives, neither for its own reader nor for those behind it. So
  /// a deadline grows with the bytes that moved since the command was handed over; but a stream that has stopped is
  /// given no more than a command's time, and one that drips gains nothing.
  private func limit(_ waiter: Waiter) -> UInt64 {
    let grown = waiter.ticket.deadline &+ (bytesMoved &- waiter.movedBefore) &* Self.nanosecondsPerByte
    return max(waiter.ticket.deadline, min(grown, lastMoved &+ patience))
  }

  /// Throws when a deadline has passed, else says to `nextCheck` when the next one does.
  mutating func checkDeadlines(now: UInt64) throws(RedisError) {
    guard !waiters.isEmpty else { return nextCheck = .max }
    guard now >= nextCheck else { return }
    var next = UInt64.max
    for waiter in waiters { next = min(next, limit(waiter)) }
    if next <= now { throw .timeout }
    nextCheck = next
  }

  /// Those who wait, for the last time.
  mutating func giveUp() -> [Ticket] {
    defer { waiters = [] }
    inbox.answered(waiters.count)
    return waiters.map(\.ticket)
  }
}
