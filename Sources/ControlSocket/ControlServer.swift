public import Base
public import ControlPlane
internal import Glibc
public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle

/// The node's end of the control socket: every client gets a door of its own from the doorkeeper, and one that is slow,
/// stopped or malicious costs the node a bounded amount of memory and no time.
public final class ControlServer: Service {
  /// Where it listens and what it allows.
  public struct Configuration: Sendable {
    public var path: String
    /// Group id whose members may attach (file mode 0660); nil: the owner alone (0600).
    public var group: UInt32?
    /// Clients at once.
    public var clientsMax = 256
    /// Requests of one client at once; its next message waits unread.
    public var requestsMax = 32
    /// Event streams of one client at once.
    public var subscriptionsMax = 8
    /// Events kept for a subscription whose client is behind.
    public var eventsMax = EventRing.defaultCapacity
    /// From connecting to a whole hello.
    public var handshakeDeadline = Duration.seconds(5)
    /// How long a client may leave bytes unread.
    public var stallDeadline = Duration.seconds(30)
    /// How long requests in flight may take once the node stops.
    public var stopDeadline = Duration.seconds(2)
    /// How long a refused client gets to read why.
    public var lingerDeadline = Duration.seconds(1)
    /// The user who may attach beside root.
    var nodeUser: UInt32 = geteuid()

    public init(path: String, group: UInt32? = nil) {
      self.path = path
      self.group = group
    }
  }

  let configuration: Configuration
  let doorkeeper: any Doorkeeper
  let welcome: @Sendable () -> ControlWelcome
  let policy: PeerPolicy
  let counters = ControlCounters()
  let log: ThrottledLog
  let logger: Logger
  let registry: SessionRegistry
  private let socket = ListeningSlot()

  /// `welcome` is asked for each greeting; it must not wait.
  public init(
    configuration: Configuration, doorkeeper: any Doorkeeper, welcome: @escaping @Sendable () -> ControlWelcome,
    logger: Logger
  ) {
    self.configuration = configuration
    self.doorkeeper = doorkeeper
    self.welcome = welcome
    self.logger = logger
    log = ThrottledLog(logger)
    registry = SessionRegistry(connectionsMax: configuration.clientsMax * 2)
    policy = PeerPolicy(nodeUser: configuration.nodeUser, group: configuration.group)
  }

  public var statistics: ControlStatistics { counters.current }

  /// Makes the socket. From then on clients can connect, and wait until `run` greets them. Doing it again does nothing.
  /// Throws `conflict` when a node answers at the path or something else is there, `invalid`, `denied` or `notFound`
  /// for a path that cannot be used. May take two seconds while another node starts at the same path.
  public func listen() async throws(Failure) {
    guard !socket.isUsed else { return }
    socket.put(try await ListeningSocket(path: configuration.path, group: configuration.group))
  }

  /// Serves until the task is cancelled (clients are cut) or a graceful shutdown begins (no new clients or requests;
  /// requests in flight have `stopDeadline`). Removes the file. Throws what `listen` throws.
  public func run() async throws {
    try await listen()
    guard let listening = socket.take(), let descriptor = listening.takeDescriptor() else {
      throw Failure(.internal, "the control socket was run twice")
    }
    defer { listening.removeFile() }
    let channel = try await accepting(descriptor)
    logger.debug("control socket listens", metadata: ["path": "\(configuration.path)"])
    try await withGracefulShutdownHandler {
      try await withTaskCancellationHandler {
        try await channel.executeThenClose { clients in
          try await serve(clients)
        }
      } onCancel: {
        listening.removeFile()
        registry.closeAll()
      }
    } onGracefulShutdown: {
      listening.removeFile()
      self.registry.drain(deadline: self.configuration.stopDeadline)
      channel.channel.close(promise: nil)
    }
  }

  private func serve(_ clients: NIOAsyncChannelInboundStream<ControlSession>) async throws {
    try await withThrowingDiscardingTaskGroup { group in
      for try await session in clients {
        group.addTask { await session.run() }
      }
    }
  }

  /// Accepted connections do not read until their session has taken them over.
  private func accepting(_ descriptor: Int32) async throws -> NIOAsyncChannel<ControlSession, Never> {
    try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 256 << 10))
      .bind(descriptor) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.setCloseOnExec()
          let session = ControlSession(channel: channel, server: self)
          try channel.pipeline.syncOperations.addHandler(
            StalledReaderGuard(deadline: self.configuration.stallDeadline) { session.didStall() })
          self.registry.add(session)
          return session
        }
      }
  }
}
