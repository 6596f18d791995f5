public import RedisLink

/// What the gateway is told at its start.
public struct GatewaySettings: Sendable, Equatable {
  /// What happens to a socket whose queue is full.
  public enum SlowPolicy: String, Sendable, CaseIterable {
    /// Its oldest events go, and are counted.
    case dropOldest = "drop-oldest"
    /// It is closed with a reason, and counted.
    case disconnect
  }

  /// What becomes of events beyond the throttle's rate.
  public enum ThrottlePolicy: String, Sendable, CaseIterable {
    /// Thoughts of an agent become one event with a list, the newest update of a task stays.
    case merge
    /// The newest of an agent or a task stays.
    case newest
  }

  /// WEBSOCKET_PORT; 0: any free port.
  public var port = 3_001
  /// REDIS_URL; nil: this node alone.
  public var redis: RedisURL?
  /// SIGNALBOX_SOCKETIO_KEY: before every channel shared with other Socket.IO servers.
  public var socketIOKey = "socket.io"
  /// SIGNALBOX_NAMESPACE: before every channel and key of our own.
  public var prefix = "signalbox"
  public var connectionsMax = 100_000
  /// Of each socket.
  public var queueBytesMax = 1 << 20
  public var queueFramesMax = 4_096
  public var slowPolicy = SlowPolicy.dropOldest
  /// Deliveries of thoughts and updates a second, for a room and for a user; 0: not throttled.
  public var throttleRate = 10
  public var throttlePolicy = ThrottlePolicy.merge
  /// Events a second from one connection, and how many at once.
  public var publishRate = 100
  public var publishBurst = 200
  public var pingIntervalMilliseconds = 25_000
  public var pingTimeoutMilliseconds = 20_000
  /// Bytes of the largest packet from a client.
  public var payloadBytesMax = 1_000_000
  /// Whether permessage-deflate is negotiated.
  public var isCompressing = true
  /// How long a lost connection may come back to what it missed; 0: not at all.
  public var recoveryMinutes = 10
  /// Threads that own the sockets; 0: half of the processors.
  public var loops = 0

  public init() {}
}
