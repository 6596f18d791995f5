internal import CHiredis
internal import DequeModule
internal import Glibc
internal import Synchronization

/// What tasks and the connection thread share: commands encoded and not yet written, and who waits for which reply.
///
/// A command that finds nothing else under way is written at once by the task itself (the send never blocks), which
/// saves a thread switch and so half of the latency of a lone request. Otherwise it is appended, and the thread, woken
/// once for however many came, writes all of them with one call. Replies only ever arrive on the thread.
final class ConnectionMailbox: Sendable {
  struct Waiter {
    let ticket: Ticket
    var repliesMissing: Int
    let deadline: UInt64
    /// `State.bytesMoved` when it was handed over.
    let movedBefore: UInt64
    var replies: [RedisValue] = []
  }

  private struct State {
    var socket: Int32 = -1
    var output: [UInt8] = []
    /// Bytes the thread has taken and not yet written.
    var bytesBeingWritten = 0
    var waiters: Deque<Waiter> = []
    /// When the timer fires; 0 while it is off.
    var timerFires: UInt64 = 0
    /// Bytes sent and received so far, and when the last of them was.
    var bytesMoved: UInt64 = 0
    var lastMoved: UInt64 = 0
    var end: RedisError?
    var isClosing = false
    var observers: [CheckedContinuation<RedisError, Never>] = []
  }

  let wakeUp: Int32
  let timer: Int32
  private let options: RedisOptions
  private let state = Mutex(State())

  init(options: RedisOptions) throws(RedisError) {
    self.options = options
    wakeUp = sb_eventfd()
    timer = sb_timerfd()
    guard wakeUp >= 0, timer >= 0 else {
      if wakeUp >= 0 { close(wakeUp) }
      if timer >= 0 { close(timer) }
      throw .unreachable("no descriptors are left for a connection to Redis")
    }
  }

  deinit {
    close(wakeUp)
    close(timer)
  }

  // MARK: Tasks

  /// Queues the commands as one unit whose replies come together. Never blocks.
  func post(_ commands: [RedisCommand], ticket: Ticket, deadline: UInt64) {
    let replies = commands.reduce(0) { $0 + $1.repliesExpected }
    let size = commands.reduce(0) { $0 + $1.sizeEstimate }
    let refusal: RedisError? = state.withLock { state in
      if let end = state.end { return end }
      guard !state.isClosing, state.socket >= 0 else { return .closed("it is not open") }
      guard state.waiters.count < options.pendingMax,
        state.output.count + state.bytesBeingWritten + size <= options.outputBytesMax
      else { return .busy }
      let isQuiet = state.waiters.isEmpty && state.output.isEmpty && state.bytesBeingWritten == 0
      let wasEmpty = state.output.isEmpty
      for command in commands { command.encode(into: &state.output) }
      state.waiters.append(
        Waiter(ticket: ticket, repliesMissing: replies, deadline: deadline, movedBefore: state.bytesMoved))
      arm(&state, for: deadline)
      if isQuiet { writeAtOnce(&state) }
      if !state.output.isEmpty && (isQuiet || wasEmpty) { signal() }
      return nil
    }
    if let refusal { ticket.resolve(.failure(refusal)) }
  }

  /// Asks the thread to end the connection.
  func requestClose() {
    state.withLock { $0.isClosing = true }
    signal()
  }

  var isOpen: Bool { state.withLock { $0.end == nil && !$0.isClosing && $0.socket >= 0 } }

  var waiting: Int { state.withLock { $0.waiters.count } }

  /// Suspends until the connection has ended, and says why.
  func ended() async -> RedisError {
    await withCheckedContinuation { continuation in
      let end: RedisError? = state.withLock { state in
        if state.end == nil { state.observers.append(continuation) }
        return state.end
      }
      if let end { continuation.resume(returning: end) }
    }
  }

  private func writeAtOnce(_ state: inout State) {
    let sent = state.output.withUnsafeBytes { bytes in
      Glibc.send(state.socket, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }
    if sent > 0 {
      state.bytesMoved &+= UInt64(sent)
      state.lastMoved = MonotonicTime.now()
    }
    // An error shows again on the thread, which ends the connection.
    if sent == state.output.count {
      state.output.removeAll(keepingCapacity: state.output.capacity <= 1 << 20)
    } else if sent > 0 {
      state.output.removeFirst(sent)
    }
  }

  private func arm(_ state: inout State, for deadline: UInt64) {
    guard state.timerFires == 0 || deadline < state.timerFires else { return }
    state.timerFires = deadline
    _ = sb_timerfd_arm(timer, deadline)
  }

  private func signal() {
    var one: UInt64 = 1
    _ = Glibc.write(wakeUp, &one, 8)
  }

  // MARK: The thread

  func opened(_ socket: Int32) { state.withLock { $0.socket = socket } }

  /// Hands over what waits to be written; false when the connection is to be closed.
  func takeOutput(_ bytes: inout [UInt8], written: Int) -> Bool {
    state.withLock { state in
      state.bytesBeingWritten = bytes.count - written
      guard state.bytesBeingWritten == 0 else { return !state.isClosing }
      swap(&bytes, &state.output)
      state.bytesBeingWritten = bytes.count
      return !state.isClosing
    }
  }

  /// Gives each reply to the oldest waiter. Throws when nobody waits: then the stream is out of step.
  func deliver(_ replies: [RedisValue]) throws(RedisError) {
    var finished: [Waiter] = []
    var isOutOfStep = false
    state.withLock { state in
      for reply in replies {
        guard !state.waiters.isEmpty else {
          isOutOfStep = true
          break
        }
        state.waiters[0].replies.append(reply)
        state.waiters[0].repliesMissing -= 1
        if state.waiters[0].repliesMissing == 0 { finished.append(state.waiters.removeFirst()) }
      }
    }
    for waiter in finished { waiter.ticket.resolve(.success(waiter.replies)) }
    if isOutOfStep { throw .protocolViolation("a reply came that nobody asked for") }
  }

  /// Notes that the socket took or gave so many bytes.
  func moved(_ bytes: Int, now: UInt64) {
    state.withLock { state in
      state.bytesMoved &+= UInt64(max(0, bytes))
      state.lastMoved = now
    }
  }

  /// Nanoseconds that a byte which moves adds to the deadlines of all who wait: those of 10 MB a second.
  private static let nanosecondsPerByte: UInt64 = 100

  /// A large value must not end the connection while it arrives, neither for its own reader nor for those behind it. So
  /// a deadline grows with the bytes that moved since the command was handed over; but a stream that has stopped is
  /// given no more than a command's time, and one that drips gains nothing.
  private func limit(_ waiter: Waiter, _ state: borrowing State) -> UInt64 {
    let grown = waiter.deadline &+ (state.bytesMoved &- waiter.movedBefore) &* Self.nanosecondsPerByte
    let patience = UInt64(options.commandDeadline.nanosecondsClamped)
    return max(waiter.deadline, min(grown, state.lastMoved &+ patience))
  }

  /// Called when the timer fired: throws when a deadline has passed, else arms the timer for the next one.
  func checkDeadlines(now: UInt64) throws(RedisError) {
    let isLate = state.withLock { state -> Bool in
      state.timerFires = 0
      var next: UInt64?
      for waiter in state.waiters { next = min(next ?? .max, limit(waiter, state)) }
      guard let next else { return false }
      if next <= now { return true }
      arm(&state, for: next)
      return false
    }
    if isLate { throw .timeout }
  }

  /// Ends everything: closes the socket, and every waiter hears `error`.
  func finish(_ error: RedisError) {
    let (waiters, observers) = state.withLock { state in
      defer {
        state.waiters = []
        state.observers = []
        state.output = []
      }
      state.end = state.end ?? error
      if state.socket >= 0 { close(state.socket) }
      state.socket = -1
      return (Array(state.waiters), state.observers)
    }
    for waiter in waiters { waiter.ticket.resolve(.failure(error)) }
    for observer in observers { observer.resume(returning: error) }
  }
}
