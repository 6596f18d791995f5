internal import Access
public import Base
internal import Logging
public import ServiceLifecycle
internal import Synchronization

/// The gateway of a node: binds, serves Socket.IO and raw WebSockets, drains on a graceful shutdown.
///
///     acceptor thread -> HTTPFront (NIO: requests, checks, polling) -> Loop threads (sessions, rooms, sends)
///                                                 AccessDesk, HookQueue (tasks of `run`)
public final class GatewayServer: Service {
  let options: GatewayOptions
  let context: LoopContext
  let seats: [LoopSeat]
  let admission: Admission
  let front: HTTPFront
  private let authenticator: Authenticator
  private let acceptor = Mutex<Acceptor?>(nil)
  private let waitsForPort = Mutex<[CheckedContinuation<Int?, Never>]>([])
  private let hasEnded = Atomic(false)
  let rates = GatewayRates()
  let users = UserCount()
  let logger: Logger

  /// Who else needs to know of the parts: made by `make`.
  init(
    options: GatewayOptions, authenticator: Authenticator, application: any SocketApplication,
    parts: GatewayParts, logger: Logger
  ) throws(GatewayError) {
    self.options = options
    self.authenticator = authenticator
    self.logger = logger
    admission = Admission(connectionsMax: options.connectionsMax)
    seats = parts.seats
    let desk = AccessDesk(authenticator)
    context = LoopContext(
      options: options, sequencer: parts.sequencer, dispatcher: parts.dispatcher, recovery: parts.recovery,
      receiverPolicy: parts.receiverPolicy, errands: Errands(),
      admission: admission, desk: desk,
      isCredentialRequired: !options.isOpenToAll && authenticator.isCredentialRequired, application: application,
      namespaces: application.namespaces, adapter: parts.adapter, hooks: parts.hooks, users: users, logger: logger)
    front = HTTPFront(
      options: options, authenticator: authenticator, desk: desk, admission: admission, loops: seats, logger: logger)
  }

  /// Binds. From then on clients can connect, and wait until `run` serves them. Throws `unavailable` with the kernel's
  /// reason. Doing it again does nothing.
  public func listen() throws(Failure) {
    do throws(GatewayError) {
      try acceptor.withLock { (acceptor) throws(GatewayError) in
        if acceptor == nil { acceptor = try Acceptor(options: options, admission: admission) }
      }
    } catch {
      guard case .system(let attempt, let reason) = error else { throw Failure(.internal, "the gateway has stopped") }
      throw Failure(.unavailable, "gateway: \(attempt): \(reason)", hint: "WEBSOCKET_PORT names another port")
    }
  }

  /// Until a graceful shutdown (drains) or cancellation (closes everything).
  public func run() async throws {
    defer {
      hasEnded.store(true, ordering: .releasing)
      tellPort(nil)
    }
    try listen()
    guard let acceptor = acceptor.withLock({ $0 }) else { return }
    do throws(GatewayError) {
      for seat in seats { try startLoop(seat) }
      let front = self.front
      try acceptor.start { front.take($0, peer: $1, isPolite503: $2) }
    } catch {
      throw Failure(.unavailable, "the gateway could not start its threads")
    }
    tellPort(acceptor.port)
    logger.info("gateway listens", metadata: ["port": "\(acceptor.port)", "loops": "\(seats.count)"])
    await withDiscardingTaskGroup { group in
      group.addTask { await self.context.desk.run() }
      group.addTask { await self.context.hooks.run() }
      group.addTask { await self.context.errands.run() }
      if let desk = context.recovery { group.addTask { await desk.sweep(on: ContinuousClock()) } }
      if let redis = context.adapter as? RedisAdapter { group.addTask { await redis.run() } }
      await waitForEnd()
      await stop(acceptor)
      group.cancelAll()
    }
  }

  private func startLoop(_ seat: LoopSeat) throws(GatewayError) {
    let context = self.context
    let logger = self.logger
    try LoopThread.start(name: "gateway-\(seat.index)") {
      do throws(GatewayError) {
        try Loop(seat: seat, server: context).run()
      } catch {
        logger.error("a gateway loop could not start", metadata: ["error": "\(error)"])
        seat.hasEnded.store(true, ordering: .releasing)
      }
    }
  }

  private func waitForEnd() async {
    let (ends, end) = AsyncStream<Void>.makeStream()
    await withGracefulShutdownHandler {
      await withTaskCancellationHandler {
        for await _ in ends { return }
      } onCancel: {
        end.finish()
      }
    } onGracefulShutdown: {
      end.finish()
    }
  }

  private func stop(_ acceptor: Acceptor) async {
    await drain(over: Task.isCancelled ? .zero : options.drainDuration)
    acceptor.stop()
    for seat in seats { seat.mailbox.post(.stop) }
    let deadline = ContinuousClock.now + .seconds(5)
    while seats.contains(where: { !$0.hasEnded.load(ordering: .acquiring) }), ContinuousClock.now < deadline {
      await pause(.milliseconds(2))
    }
    await front.shutDown()
    context.desk.close()
    context.hooks.close()
    context.errands.close()
  }

  /// Takes no new sockets and tells the others to move, spread over `duration`; returns when they are gone or it is
  /// over.
  public func drain(over duration: Duration) async {
    admission.isDraining.store(true, ordering: .relaxed)
    let nanoseconds = UInt64(max(0, duration.nanoseconds))
    guard nanoseconds > 0 else { return }
    for seat in seats { seat.mailbox.post(.work { $0.drain(over: nanoseconds) }) }
    let deadline = ContinuousClock.now + duration + .milliseconds(500)
    while ContinuousClock.now < deadline, seats.contains(where: { $0.current.sessions > 0 }) {
      await pause(.milliseconds(20))
    }
  }

  func pause(_ duration: Duration) async {
    // Cancelled: the caller looks at its deadline and goes on.
    try? await Task.sleep(for: duration)
    if Task.isCancelled { await Task.yield() }
  }

  // MARK: The port

  var port: Int { acceptor.withLock { $0?.port ?? 0 } }

  /// Waits until it listens. Throws `CancellationError` when it never will.
  public func listeningPort() async throws -> Int {
    if let port = acceptor.withLock({ $0?.port }) { return port }
    let port = await withCheckedContinuation { continuation in
      waitsForPort.withLock { $0.append(continuation) }
      // It may have been bound, or have ended, since the look above; nobody would tell it a second time.
      if let port = acceptor.withLock({ $0?.port }) {
        tellPort(port)
      } else if hasEnded.load(ordering: .acquiring) {
        tellPort(nil)
      }
    }
    guard let port else { throw CancellationError() }
    return port
  }

  private func tellPort(_ port: Int?) {
    let waiting = waitsForPort.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
    for continuation in waiting { continuation.resume(returning: port) }
  }
}

/// What must exist before the server: the loops' mailboxes, and the order they are fed in.
struct GatewayParts: Sendable {
  let seats: [LoopSeat]
  let sequencer: Sequencer
  let adapter: any ClusterAdapter
  let hooks: HookQueue
  let dispatcher: Dispatcher
  let recovery: RecoveryDesk?
  let receiverPolicy: ThrottlePolicy

  init(
    loops: Int, node: String, history: any BroadcastHistory, policy: ThrottlePolicy,
    recovering: RecoveryStore.Limits?,
    hook: HookQueue.Hook? = nil, adapter: any ClusterAdapter = LocalAdapter()
  ) throws(GatewayError) {
    var seats: [LoopSeat] = []
    for index in 0..<min(max(1, loops), 255) { seats.append(try LoopSeat(index: index)) }
    self.seats = seats
    self.adapter = adapter
    sequencer = Sequencer(node: node, mailboxes: seats.map(\.mailbox), adapter: adapter, history: history)
    hooks = HookQueue(hook)
    var receivers = ThrottlePolicy.user
    receivers.deliveriesPerSecond = policy.deliveriesPerSecond
    receivers.excess = policy.excess
    receiverPolicy = receivers
    dispatcher = Dispatcher(sequencer: sequencer, policy: policy, clockwork: seats[0].mailbox)
    recovery = recovering.map {
      RecoveryDesk(adapter: adapter, isCluster: !(adapter is LocalAdapter), limits: $0, clock: SystemWallClock())
    }
  }
}
