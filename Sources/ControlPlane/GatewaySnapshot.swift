/// The gateway in `status` (CONTRACT, Commands). Counters run from the start of the node.
public struct GatewaySnapshot: Sendable, Codable, Equatable {
  /// What binds this node's sockets to those of others.
  public struct Redis: Sendable, Codable, Equatable {
    public enum State: String, Sendable, Codable {
      /// REDIS_URL is not set: this node alone.
      case embedded
      case connected
      /// Events reach the sockets of this node only.
      case away
    }

    public var state: State
    /// Milliseconds since 1970.
    public var since: Int64
    public var reason: String?
    /// Events that wait to be published to other nodes.
    public var waiting: Int
    /// Messages on the channels that nobody of ours or of Socket.IO's could have sent, since the start.
    public var malformed: UInt64

    public init(
      state: State, since: Int64 = 0, reason: String? = nil, waiting: Int = 0, malformed: UInt64 = 0
    ) {
      self.state = state
      self.since = since
      self.reason = reason
      self.waiting = waiting
      self.malformed = malformed
    }
  }

  /// Where sockets connect; 0 until it listens.
  public var port = 0
  public var connections = 0
  public var peak = 0
  /// Accepted since the start.
  public var total: UInt64 = 0
  public var users = 0
  public var rooms = 0
  /// Events from clients, and to them.
  public var inPerSecond = 0.0
  public var outPerSecond = 0.0
  /// Bytes that wait in the sockets' queues.
  public var queuedBytes = 0
  /// Sockets that cannot keep up: their queue is more than half full.
  public var slow = 0
  /// Events that the throttle held back.
  public var throttled: UInt64 = 0
  /// Those that went out inside of another one.
  public var merged: UInt64 = 0
  /// Events that a slow socket's queue lost.
  public var dropped: UInt64 = 0
  /// Sockets that were closed because they could not keep up.
  public var cut: UInt64 = 0
  /// Connections that were refused: no room, no grant, no valid handshake.
  public var refused: UInt64 = 0
  /// The most sockets this node takes.
  public var connectionsMax = 0
  /// From the publisher's packet to the send, in milliseconds.
  public var latency = LatencySummary()
  public var redis: Redis

  public init(redis: Redis = Redis(state: .embedded)) { self.redis = redis }
}
