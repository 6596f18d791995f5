/// One connection to Redis, for one life: it never reconnects, so nobody can mistake a new one for the old. A thread of
/// its own serves it; any number of tasks share it, and whatever waits goes out in one write.
///
/// Any timeout, malformed or unexpected reply ends it: after that, an answer could belong to another question. Dropping
/// the last reference closes it.
public final class RedisConnection: Sendable {
  /// Redis' number for this connection, unique within one run of the server.
  public let clientID: Int64
  /// The run of the server: new at every start of Redis.
  public let serverRun: String
  public let url: RedisURL
  private let mailbox: ConnectionMailbox
  private let options: RedisOptions

  private init(clientID: Int64, serverRun: String, url: RedisURL, _ mailbox: ConnectionMailbox, _ options: RedisOptions)
  {
    self.clientID = clientID
    self.serverRun = serverRun
    self.url = url
    self.mailbox = mailbox
    self.options = options
  }

  deinit { mailbox.requestClose() }

  /// Connects, authenticates, selects the database, and refuses servers older than 6.2, clusters and a server that is
  /// still loading. `onPush` makes it a connection for subscriptions; it is called on the connection's thread.
  public static func open(
    _ url: RedisURL, options: RedisOptions = .init(), onPush: (@Sendable (RedisPush) -> Void)? = nil
  ) async throws(RedisError) -> RedisConnection {
    let mailbox = try ConnectionMailbox(options: options, onPush: onPush)
    let thread = RedisThread(url: url, mailbox: mailbox)
    let ready = Ticket()
    do {
      try thread.start(ready: ready)
      _ = try await redeem(ready) {}
      return try await Handshake(url: url, options: options).perform(on: mailbox) { clientID, serverRun in
        RedisConnection(clientID: clientID, serverRun: serverRun, url: url, mailbox, options)
      }
    } catch {
      mailbox.requestClose()
      throw error
    }
  }

  /// Sends one command. An error reply throws `server`.
  public func send(_ command: RedisCommand, deadline: Duration? = nil) async throws(RedisError) -> RedisValue {
    let replies = try await send([command], deadline: deadline)
    guard let reply = replies.first else { throw .protocolViolation("no reply") }
    if case .error(let error) = reply { throw .server(error) }
    return reply
  }

  /// Sends commands back to back and waits for all; error replies stand in their places.
  public func send(_ commands: [RedisCommand], deadline: Duration? = nil) async throws(RedisError) -> [RedisValue] {
    guard !commands.isEmpty else { return [] }
    return try await Self.exchange(commands, on: mailbox, deadline ?? options.commandDeadline)
  }

  /// Hands a command over without waiting for its reply, such as a PUBLISH on a hot path. False when the connection
  /// is closed or full; otherwise the same deadline holds, and passing it ends the connection.
  @discardableResult
  public func post(_ command: RedisCommand) -> Bool {
    guard mailbox.isOpen, mailbox.waiting < options.pendingMax else { return false }
    let deadline = MonotonicTime.now() + UInt64(options.commandDeadline.nanosecondsClamped)
    mailbox.post(Ticket([command], deadline: deadline))
    return true
  }

  public var isOpen: Bool { mailbox.isOpen }

  /// Commands that wait for their reply.
  public var waiting: Int { mailbox.waiting }

  /// Suspends until the connection is over, and says why.
  public func ended() async -> RedisError { await mailbox.ended() }

  /// Ends it; whoever waits hears `closed`.
  public func close() { mailbox.requestClose() }

  static func exchange(
    _ commands: [RedisCommand], on mailbox: ConnectionMailbox, _ deadline: Duration
  ) async throws(RedisError) -> [RedisValue] {
    let ticket = Ticket(commands, deadline: MonotonicTime.now() + UInt64(deadline.nanosecondsClamped))
    guard !Task.isCancelled else { throw .cancelled }
    guard mailbox.serveAlone(ticket) else { return try await redeem(ticket) { mailbox.post(ticket) } }
    if let replies = ticket.replies { return try replies.get() }
    return try await redeem(ticket) {}
  }

  private static func redeem(_ ticket: Ticket, start: () -> Void) async throws(RedisError) -> [RedisValue] {
    let replies = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        if ticket.wait(continuation) { start() }
      }
    } onCancel: {
      ticket.resolve(.failure(.cancelled))
    }
    return try replies.get()
  }
}
