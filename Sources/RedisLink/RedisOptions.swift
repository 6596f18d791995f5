/// Bounds and deadlines of one connection. Every one of them ends in an error, never in waiting.
public struct RedisOptions: Sendable {
  /// Name resolution aside, the time to connect and shake hands.
  public var connectDeadline: Duration = .seconds(1)
  /// From the moment a command is handed over to its whole reply. While bytes move it grows by the time that 10 MB a
  /// second need, for everybody who waits; when they stop, it is the longest silence.
  public var commandDeadline: Duration = .milliseconds(50)
  /// Commands that wait for a reply on one connection.
  public var pendingMax = 16_384
  /// Bytes handed over and not yet taken by the kernel.
  public var outputBytesMax = 64 << 20
  /// Bytes of one reply, whatever it is made of.
  public var replyBytesMax = 80 << 20
  /// Elements of one array in a reply.
  public var replyElementsMax = 262_144
  /// How Redis lists this connection (CLIENT SETNAME): no spaces.
  public var clientName = "signalbox"

  public init() {}
}

/// What Redis sends without being asked, on a subscribed connection.
public struct RedisPush: Sendable, Equatable {
  public let channel: String
  /// A message's bytes; for `__redis__:invalidate` the keys, or null when the whole data set is gone.
  public let payload: RedisValue
}
