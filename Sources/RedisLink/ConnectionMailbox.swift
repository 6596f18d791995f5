internal import CHiredis
internal import Glibc
internal import Synchronization

/// What tasks and the connection thread share.
///
/// Tasks leave commands in an inbox without a lock; the first to find the thread asleep wakes it, and it writes all
/// that came with one call, reads, and resumes whoever got an answer. A command that is alone (see `Solitude`) does not
/// wake it: its task takes the state itself if that is free, writes, waits at most `Solitude.patience` for the reply
/// and reads it. If the reply does not come by then, or somebody else comes, the thread takes over.
///
///     task A                        thread                    task B
///     takes the state, writes       asleep, no interest in
///     waits: socket or wake-up      the socket's bytes
///                                                             leaves a command, wakes
///     sees the wake-up, lets go     takes the state, writes B, reads A and B
final class ConnectionMailbox: Sendable {
  private struct Life {
    var end: RedisError?
    var isClosing = false
    var isOpen = false
    var observers: [CheckedContinuation<RedisError, Never>] = []
  }

  /// What the thread is to sleep for.
  struct Wish {
    var socket: Int32
    var events: Int16
    /// For poll(2).
    var milliseconds: Int32
  }

  /// POLLRDHUP of <poll.h>, which Swift does not import: the other end has closed.
  private static let hungUp: Int16 = 0x2000
  /// While tasks serve themselves the thread does not wake for bytes, and looks for stray ones this often.
  private static let strayCheckMilliseconds: Int32 = 100

  let wakeUp: Int32
  let options: RedisOptions
  private let onPush: (@Sendable (RedisPush) -> Void)?
  private let inbox: CommandInbox
  private let state = Mutex<ConnectionState?>(nil)
  private let life = Mutex(Life())
  private let isAsleep = Atomic<Bool>(false)
  /// `Solitude.served` when the thread last looked.
  private let servedSeen = Atomic<Int>(0)

  init(options: RedisOptions, onPush: (@Sendable (RedisPush) -> Void)? = nil) throws(RedisError) {
    self.options = options
    self.onPush = onPush
    inbox = CommandInbox(options: options)
    wakeUp = sb_eventfd()
    guard wakeUp >= 0 else { throw .unreachable("no descriptors are left for a connection to Redis") }
  }

  deinit { if wakeUp >= 0 { close(wakeUp) } }

  // MARK: Tasks

  /// Queues the commands as one unit whose replies come together. Never blocks.
  func post(_ ticket: Ticket) {
    guard isOpen else { return ticket.resolve(.failure(reasonOfEnd)) }
    switch inbox.push(ticket) {
    case .full: ticket.resolve(.failure(.busy))
    case .closed: ticket.resolve(.failure(reasonOfEnd))
    case nil: wakeIfAsleep()
    }
  }

  /// Writes the commands and reads their replies on the calling thread, if nobody else is there. False: not handed
  /// over. Otherwise the ticket is resolved, or the connection thread will do it.
  func serveAlone(_ ticket: Ticket) -> Bool {
    guard onPush == nil, isAsleep.load(ordering: .relaxed), inbox.isEmpty else { return false }
    let outcome = state.withLockIfAvailable { state -> (isAccepted: Bool, isOver: Bool) in
      guard state?.isQuiet == true, state?.fault == nil, state?.solitude.permits() == true, isOpen else {
        return (false, true)
      }
      do throws(RedisError) {
        // Bytes that are there now are the answer to nothing.
        try state?.receive(nil)
      } catch {
        state?.fault = error
        return (false, false)
      }
      guard inbox.admit(ticket) else { return (false, true) }
      state?.accept(ticket)
      do throws(RedisError) {
        try state?.flush()
        if sb_wait_readable(state?.socket ?? -1, wakeUp, Solitude.patience) != 0 { try state?.receive(nil) }
      } catch {
        state?.fault = error
      }
      let isOver = state?.isQuiet == true && state?.fault == nil
      state?.solitude.ended(inTime: isOver)
      return (true, isOver)
    }
    guard let outcome else { return false }
    if !outcome.isOver { signal() }
    return outcome.isAccepted
  }

  /// Asks the thread to end the connection.
  func requestClose() {
    life.withLock { $0.isClosing = true }
    signal()
  }

  var isOpen: Bool { life.withLock { $0.isOpen && !$0.isClosing && $0.end == nil } }

  var waiting: Int { inbox.count }

  private var reasonOfEnd: RedisError { life.withLock { $0.end } ?? .closed("it is not open") }

  /// Suspends until the connection has ended, and says why.
  func ended() async -> RedisError {
    await withCheckedContinuation { continuation in
      let end: RedisError? = life.withLock { life in
        if life.end == nil { life.observers.append(continuation) }
        return life.end
      }
      if let end { continuation.resume(returning: end) }
    }
  }

  private func wakeIfAsleep() {
    guard isAsleep.load(ordering: .sequentiallyConsistent) else { return }
    if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { signal() }
  }

  private func signal() {
    var one: UInt64 = 1
    _ = Glibc.write(wakeUp, &one, 8)
  }

  // MARK: The thread

  func opened(_ socket: Int32, peer: String = "") throws(RedisError) {
    try state.withLock { state throws(RedisError) in
      state = try ConnectionState(socket: socket, peer: peer, options: options, inbox: inbox)
    }
    life.withLock { $0.isOpen = true }
  }

  /// Reads what has come, writes what was left here, and looks at the deadlines.
  func turn(isReadable: Bool) throws(RedisError) -> Wish {
    if life.withLock({ $0.isClosing }) { throw .closed("we closed it") }
    return try state.withLock { state throws(RedisError) in
      if let fault = state?.fault { throw fault }
      // Before a first command, bytes that are there already are the answer to nothing.
      if isReadable || (state?.isQuiet == true && !inbox.isEmpty) { try state?.receive(onPush) }
      state?.acceptAll()
      try state?.flush()
      let now = MonotonicTime.now()
      try state?.checkDeadlines(now: now)
      let next = state?.nextCheck ?? .max
      let milliseconds = next == .max ? -1 : Int32(clamping: (max(next, now) - now) / 1_000_000 + 1)
      var wish = Wish(socket: state?.socket ?? -1, events: Int16(POLLIN), milliseconds: milliseconds)
      if state?.wantsWrite == true { wish.events |= Int16(POLLOUT) }
      let served = state?.solitude.served ?? 0
      if state?.isQuiet == true, servedSeen.exchange(served, ordering: .relaxed) != served {
        wish.events = Self.hungUp
        wish.milliseconds = Self.strayCheckMilliseconds
      }
      return wish
    }
  }

  /// Sleeps until something is to be done; whether the socket has something to read.
  func sleep(for wish: Wish) -> Bool {
    isAsleep.store(true, ordering: .sequentiallyConsistent)
    defer { isAsleep.store(false, ordering: .relaxed) }
    // What was left before this store woke nobody.
    guard inbox.isEmpty else { return false }
    var count: UInt64 = 0
    var entries = (
      pollfd(fd: wish.socket, events: wish.events, revents: 0),
      pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)
    )
    let ready = withUnsafeMutableBytes(of: &entries) { raw in
      poll(raw.baseAddress?.assumingMemoryBound(to: pollfd.self), 2, wish.milliseconds)
    }
    guard ready > 0 else { return false }
    if entries.1.revents != 0 { _ = Glibc.read(wakeUp, &count, 8) }
    return entries.0.revents & (Int16(POLLIN) | Int16(POLLHUP) | Int16(POLLERR) | Self.hungUp) != 0
  }

  /// Ends everything: closes the socket, and every waiter hears `error`.
  func finish(_ error: RedisError) {
    let observers = life.withLock { life in
      defer { life.observers = [] }
      life.end = life.end ?? error
      return life.observers
    }
    let left = inbox.close()
    inbox.answered(left.count)
    let waiters = state.withLock { state in
      defer { state = nil }
      return state?.giveUp() ?? []
    }
    for ticket in waiters + left { ticket.resolve(.failure(error)) }
    for observer in observers { observer.resume(returning: error) }
  }
}
