internal import Base
internal import CSockets
internal import Glibc
internal import HeapModule
internal import Logging
internal import NIOHTTP1
internal import SocketProtocol
internal import Synchronization

/// One thread that owns its sessions for life: their sockets, queues, timers and rooms. Nothing in here is shared, so
/// nothing is locked; other threads post letters.
///
/// A tick:
///
///     wait          until a socket is ready, a timer is due, a letter came, or a paced flush is due
///     input         every ready socket is read once; events go to the application, which emits
///     letters       what other threads and the sequencer left; broadcasts are collected by room
///     timers        heartbeats, deadlines
///     flush         one send per client and tick (Loop+Flush)
///
/// A broadcast of a session on this very loop takes the same way as everybody's: through the sequencer and back into
/// this loop's mailbox, which costs no system call while the loop is awake. That is what makes one order per node.
final class Loop {
  static let receiveBytes = 256 << 10
  /// Letters that one tick handles before it looks at its sockets again.
  static let lettersPerTick = 8_192

  let seat: LoopSeat
  let server: LoopContext
  let options: GatewayOptions
  /// Of all sessions' heartbeats.
  let timing: HeartbeatMachine.Timing
  let poller: Poller
  let receiveBuffer: UnsafeMutableRawBufferPointer
  var sessions = SessionSlab()
  var rooms = RoomTable()
  var timers = Heap<TimerEntry>()
  /// Sessions with something in their queue that was not sent in this tick yet.
  var dirty: [Int32] = []
  var tick = TickLog()
  var scratch: [UInt8] = []
  var figures = LoopFigures()
  var now: UInt64 = 0
  var isStopping = false
  /// Of the broadcast being delivered: marks who has it already.
  var seenStamp: UInt32 = 0
  /// The session that took over the socket whose frames are being read; -1: none did.
  var movedTo: Int32 = -1
  var lastEnd = EndReason.transportClosed
  /// The `auth` of CONNECT packets whose credential or session is being looked for, by their attempt.
  var pendingAuth: [SessionID: [UInt8]] = [:]
  /// Thoughts and updates by receiver; see Loop+Throttle.
  var receivers: Throttle<ReceiverKey>
  var lastIdentity = Loop.nobody
  /// Events that clients have not acknowledged yet; see Loop+Questions.
  var questions = AckTable<AskedSocket, @Sendable (Acknowledgement) -> Void>()
  /// For those who ask for rates, and for those who look at single sockets.
  var marks = RateMarks()
  var watches = EventWatches()
  /// One of each serves all connections, because no message remembers another (RFC 7692). Made on first use.
  var inflater: Inflater?
  var deflater: Deflater?
  /// Connections that agreed to compression.
  var compressing = 0
  private var letters: [Letter] = []
  private var postponed: [Letter] = []
  private var publishedAt: UInt64 = 0

  init(seat: LoopSeat, server: LoopContext) throws(GatewayError) {
    self.seat = seat
    self.server = server
    options = server.options
    timing = HeartbeatMachine.Timing(
      intervalNanoseconds: UInt64(options.pingInterval.nanoseconds),
      timeoutNanoseconds: UInt64(options.pingTimeout.nanoseconds))
    poller = try Poller()
    receivers = Throttle(server.receiverPolicy)
    receiveBuffer = .allocate(byteCount: Self.receiveBytes, alignment: 16)
    poller.add(seat.mailbox.wakeUp, Poller.readable, tag: Self.mailboxTag)
    scratch.reserveCapacity(64 << 10)
  }

  deinit { receiveBuffer.deallocate() }

  static let mailboxTag = UInt64.max

  /// Until a stop letter; then closes everything it owns.
  func run() {
    while !isStopping {
      let mayWait = postponed.isEmpty && seat.mailbox.fallAsleep()
      let count = poller.wait(nanoseconds: mayWait ? sleepTime() : 0)
      now = MonotonicTime.now()
      var isMailbox = false
      for index in 0..<count where poller[index].tag == Self.mailboxTag { isMailbox = true }
      seat.mailbox.woke(drain: isMailbox)
      for index in 0..<count where poller[index].tag != Self.mailboxTag { ready(poller[index]) }
      readLetters()
      fireTimers()
      expireQuestions()
      releaseHeld()
      flushTick()
      publishFigures()
    }
    endAll()
  }

  private func sleepTime() -> UInt64? {
    let current = MonotonicTime.now()
    var until = timers.min?.at ?? .max
    if seat.index == 0 { until = min(until, server.dispatcher.nextDue) }
    if let due = receivers.nextDue { until = min(until, due) }
    if let due = questions.deadline { until = min(until, due) }
    if tick.hasWork { until = min(until, tick.notBefore) }
    if publishedAt != 0, figures != seat.current { until = min(until, publishedAt + Self.figuresInterval) }
    return until == .max ? nil : until > current ? until - current : 0
  }

  private func readLetters() {
    if seat.index == 0, server.dispatcher.nextDue <= now { server.dispatcher.release(now: now) }
    var batch = postponed
    postponed = []
    for letter in batch { open(letter) }
    swap(&batch, &letters)
    seat.mailbox.take(into: &batch)
    for letter in batch { open(letter) }
    swap(&batch, &letters)
  }

  /// Collects the broadcasts that wait in the mailbox right now; other letters are opened with the next tick's.
  func catchUp(_ batch: [Letter]) {
    for letter in batch {
      if case .broadcast(let broadcast) = letter { collect(broadcast) } else { postponed.append(letter) }
    }
  }

  private func open(_ letter: Letter) {
    switch letter {
    case .broadcast(let broadcast): collect(broadcast)
    case .adopt(let handover): adopt(handover)
    case .openPolling(let opening): openPolling(opening)
    case .poll(let id, let reply): poll(id, reply)
    case .post(let id, let body, let reply): post(id, body, reply)
    case .pollAborted(let id, let reply): pollAborted(id, reply)
    case .identified(let id, let attempt, let result): identified(id, attempt, result)
    case .work(let work): work(self)
    case .stop: isStopping = true
    }
  }

  // MARK: Figures

  private static let figuresInterval: UInt64 = 100_000_000

  private func publishFigures() {
    guard now &- publishedAt >= Self.figuresInterval else { return }
    publishedAt = now
    figures.sessions = sessions.count
    figures.peak = max(figures.peak, sessions.count)
    var queued = 0
    var slow = 0
    forEachQueued { session in
      queued += session.pointee.queue.heldBytes
      if isSlow(session) { slow += 1 }
    }
    figures.queuedBytes = queued
    figures.slow = slow
    if marks.isStale(now: now) { marks.forget() }
    watches.prune(now: now)
    seat.publish(figures)
  }

  /// Sessions whose queue holds something: those that wait for their socket or their GET.
  private func forEachQueued(_ body: (UnsafeMutablePointer<Session>) -> Void) {
    for slot in backlog { body(sessions[slot]) }
  }

  /// Slots that could not be sent everything.
  var backlog: Set<Int32> = []

  func forEachSession(_ body: (Int32, UnsafeMutablePointer<Session>) -> Void) {
    for slot in 0..<Int32(sessions.capacity) where sessions[slot].pointee.phase == .open { body(slot, sessions[slot]) }
  }

  /// The node stops: everything is closed, everybody who waits is answered.
  private func endAll() {
    endQuestions()
    for slot in 0..<Int32(sessions.capacity) where sessions[slot].pointee.phase != .free {
      end(slot, .serverStopped)
      if sessions[slot].pointee.phase != .free { release(slot) }
    }
    var rest: [Letter] = []
    seat.mailbox.close(&rest)
    for letter in postponed + rest { refuse(letter) }
    figures.sessions = 0
    seat.publish(figures)
    seat.hasEnded.store(true, ordering: .releasing)
  }

  private func refuse(_ letter: Letter) {
    switch letter {
    case .adopt(let handover):
      close(handover.descriptor)
      server.admission.left()
    case .openPolling(let opening): opening.reply.send(.init(status: .serviceUnavailable, isClosing: true))
    case .poll(_, let reply), .post(_, _, let reply): reply.refuse(.sessionUnknown)
    case .work(let work): work(self)
    case .pollAborted, .broadcast, .identified, .stop: break
    }
  }
}

/// What all loops of a gateway share.
struct LoopContext: Sendable {
  let options: GatewayOptions
  let sequencer: Sequencer
  let dispatcher: Dispatcher
  let recovery: RecoveryDesk?
  let receiverPolicy: ThrottlePolicy
  let errands: Errands
  let admission: Admission
  let desk: AccessDesk
  let isCredentialRequired: Bool
  let application: any SocketApplication
  let namespaces: [String]
  let adapter: any ClusterAdapter
  let hooks: HookQueue
  let users: UserCount
  let logger: Logger
  /// What monotonic milliseconds lack of those since 1970, once for all loops: the time at which a session began is
  /// the same whenever and whomever one asks, so that a list in its order does not shuffle.
  let wallClockOffset = SystemWallClock().nowMilliseconds() - Int64(MonotonicTime.now() / 1_000_000)
}

/// A session's next deadline. Entries are not removed when a deadline moves: one that fires early is looked at and
/// armed again.
struct TimerEntry: Comparable {
  var at: UInt64
  var slot: Int32
  var generation: UInt32

  static func < (left: TimerEntry, right: TimerEntry) -> Bool { left.at < right.at }
}
