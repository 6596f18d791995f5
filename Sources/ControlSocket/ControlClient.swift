public import Base
public import ControlPlane
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// A node's control plane over its Unix socket. Needs no task of its own; `close` it, or use `withControlClient`.
public final class ControlClient: ControlPlane {
  /// For questions and snapshots. A command has none: a bench may take minutes.
  public static let defaultDeadline = Duration.seconds(10)
  /// For connecting and greeting together.
  public static let connectDeadline = Duration.seconds(5)

  /// Bytes that may wait for a node that does not read; beyond, requests fail at once.
  static let waitingBytesMax = 2 * Frame.clientBytesMax

  /// How the node greeted.
  public let welcome: ControlWelcome
  private let channel: any Channel
  private let pending: PendingRequests

  private init(welcome: ControlWelcome, channel: any Channel, pending: PendingRequests) {
    self.welcome = welcome
    self.channel = channel
    self.pending = pending
  }

  deinit { channel.close(promise: nil) }

  /// Throws `unavailable` when no node answers, `timeout` when it does not greet within `deadline`, `denied`, `limit`
  /// or `conflict` (another protocol version, no node of ours) when it refuses, `invalid` for a path that is too long.
  public static func connect(
    path: String, hello: ControlHello, deadline: Duration = ControlClient.connectDeadline
  ) async throws(Failure) -> ControlClient {
    let address = try UnixAddress(path)
    let pending = PendingRequests()
    var greeting = ByteBuffer(bytes: ControlPreamble().bytes)
    greeting.writeBytes(try WireCodec.frame(.hello(hello) as ClientMessage))
    let channel = try await open(address, hello, deadline, pending)
    let timer = channel.eventLoop.scheduleTask(in: TimeAmount(deadline)) {
      pending.finish(Failure(.timeout, "the node at \(path) does not greet within \(describe(deadline))"))
      channel.close(promise: nil)
    }
    defer { timer.cancel() }
    channel.writeAndFlush(greeting, promise: nil)
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { pending.awaitGreeting($0) }
    } onCancel: {
      pending.finish(cancelled)
    }
    switch result {
    case .success(let welcome): return ControlClient(welcome: welcome, channel: channel, pending: pending)
    case .failure(let failure):
      channel.close(promise: nil)
      throw failure
    }
  }

  public func snapshot() async throws(Failure) -> Snapshot {
    guard case .snapshot(let snapshot) = try await request(.snapshot, deadline: Self.defaultDeadline) else {
      throw Self.unexpected
    }
    return snapshot
  }

  public func ask(_ query: Query) async throws(Failure) -> Answer {
    try await ask(query, deadline: Self.defaultDeadline)
  }

  /// With a deadline of the caller's.
  public func ask(_ query: Query, deadline: Duration) async throws(Failure) -> Answer {
    guard case .answer(let answer) = try await request(.ask(query), deadline: deadline) else { throw Self.unexpected }
    return answer
  }

  /// Waits as long as it takes; cancelling the task cancels the command in the node.
  public func perform(_ command: Command) async throws(Failure) -> Outcome {
    guard case .outcome(let outcome) = try await request(.perform(command), deadline: nil) else {
      throw Self.unexpected
    }
    return outcome
  }

  /// A round trip that asks nothing.
  public func ping(deadline: Duration = ControlClient.defaultDeadline) async throws(Failure) {
    guard case .pong = try await request(.ping, deadline: deadline) else { throw Self.unexpected }
  }

  public func events() -> AsyncStream<Event> {
    let ring = EventRing()
    let id = pending.makeID()
    guard pending.add(id, ring), send(.request(id: id, ask: .subscribe)) == nil else {
      ring.finish()
      return ring.stream()
    }
    return ring.stream { [pending, channel] in
      if pending.removeRing(id) != nil { Self.cancel(id, channel) }
    }
  }

  /// Waits until the connection is over, and says why.
  public func ended() async -> Failure { await pending.waitForEnd() }

  /// Whatever still waits fails with `unavailable`. Returns when the socket is closed.
  public func close() async {
    pending.finish(Failure(.unavailable, "the control connection was closed"))
    channel.close(promise: nil)
    // `closeFuture` never fails.
    try? await channel.closeFuture.get()
  }

  private func request(_ ask: ControlRequest, deadline: Duration?) async throws(Failure) -> ControlResponse {
    let id = pending.makeID()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if let failure = pending.add(id, continuation) { return continuation.resume(returning: .failure(failure)) }
        if let failure = send(.request(id: id, ask: ask)) { pending.resolve(id, .failure(failure)) }
        if let deadline { start(deadline, of: id) }
        // A task that was cancelled before the request was known has had its handler run already.
        if Task.isCancelled { giveUp(id, Self.cancelled) }
      }
    } onCancel: {
      giveUp(id, Self.cancelled)
    }
    let response = try result.get()
    if case .failure(let failure) = response { throw failure }
    return response
  }

  private func start(_ deadline: Duration, of id: UInt64) {
    let failure = Failure(.timeout, "the node has not answered within \(Self.describe(deadline))")
    let timer = channel.eventLoop.scheduleTask(in: TimeAmount(deadline)) { [weak self] in
      self?.giveUp(id, failure)
      return
    }
    pending.set(deadline: timer, for: id)
  }

  private func giveUp(_ id: UInt64, _ failure: Failure) {
    if pending.resolve(id, .failure(failure)) { Self.cancel(id, channel) }
  }

  /// Nil when it is on its way.
  private func send(_ message: ClientMessage) -> Failure? {
    guard channel.isWritable else { return Failure(.unavailable, "the node does not read its control socket") }
    do throws(Failure) {
      channel.writeAndFlush(ByteBuffer(bytes: try WireCodec.frame(message)), promise: nil)
      return nil
    } catch {
      return error
    }
  }

  private static func cancel(_ id: UInt64, _ channel: any Channel) {
    // A message of this size can always be written; to a node that does not read, it would only pile up.
    guard channel.isWritable, let frame = try? WireCodec.frame(ClientMessage.request(id: 0, ask: .cancel(id: id)))
    else { return }
    channel.writeAndFlush(ByteBuffer(bytes: frame), promise: nil)
  }

  private static let cancelled = Failure(.unavailable, "cancelled before the node answered")
  private static let unexpected = Failure(.internal, "the node answered something that was not asked")

  private static func describe(_ duration: Duration) -> String {
    Quantity.describe(milliseconds: Int64(duration.milliseconds))
  }
}

extension ControlClient {
  private static func open(
    _ address: UnixAddress, _ hello: ControlHello, _ deadline: Duration, _ pending: PendingRequests
  ) async throws(Failure) -> any Channel {
    do {
      return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(TimeAmount(deadline))
        .channelOption(.writeBufferWaterMark, value: .init(low: waitingBytesMax / 2, high: waitingBytesMax))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.setCloseOnExec()
            try channel.pipeline.syncOperations.addHandler(
              ClientHandler(
                pending: pending, path: address.path, version: hello.version, clock: SystemWallClock()))
          }
        }
        .connect(unixDomainSocketPath: address.path).get()
    } catch let error as IOError {
      throw failure(SystemError(error.errnoCode), address.path)
    } catch {
      throw Failure(.unavailable, "no node answers at \(address.path)", hint: "signalbox start")
    }
  }

  private static func failure(_ error: SystemError, _ path: String) -> Failure {
    switch error.code {
    case EACCES, EPERM:
      Failure(.denied, "this user may not use the control socket \(path)", hint: "run as the node's user")
    case EAGAIN: Failure(.unavailable, "the node at \(path) has too many clients waiting")
    case ENOENT, ECONNREFUSED, ENOTDIR:
      Failure(.unavailable, "no node answers at \(path)", hint: "signalbox start")
    default: Failure(.unavailable, "no node answers at \(path): \(error.text)", hint: "signalbox start")
    }
  }
}

/// Connects, runs `body`, and closes whatever happens.
public func withControlClient<Value>(
  path: String, hello: ControlHello, deadline: Duration = ControlClient.connectDeadline,
  isolation: isolated (any Actor)? = #isolation,
  _ body: (ControlClient) async throws(Failure) -> Value
) async throws(Failure) -> Value {
  let client = try await ControlClient.connect(path: path, hello: hello, deadline: deadline)
  let result: Result<Value, Failure>
  do throws(Failure) {
    result = .success(try await body(client))
  } catch {
    result = .failure(error)
  }
  await client.close()
  return try result.get()
}
