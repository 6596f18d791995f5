public import Access
public import Base
public import Logging
public import RedisLink

/// What a node says of itself to its gateway.
public struct GatewayNode: Sendable {
  public var id: NodeID
  public var version: String
  /// REDIS_URL; nil: this node alone.
  public var redis: RedisURL?
  /// SIGNALBOX_SOCKETIO_KEY and SIGNALBOX_NAMESPACE.
  public var socketIOKey = "socket.io"
  public var prefix = "signalbox"
  /// Deliveries of thoughts and updates a second for one room; 0: not throttled.
  public var throttleRate = 10
  /// Keep only the newest thought of an agent instead of merging them.
  public var keepsNewest = false

  public init(id: NodeID, version: String, redis: RedisURL? = nil) {
    self.id = id
    self.version = version
    self.redis = redis
  }
}

extension GatewayServer {
  /// The product's gateway. `beforeDelivery` is awaited (at most five seconds) for `file-changed` before it is
  /// delivered: room, event and its data as JSON text. Throws `unavailable` when the machine has no descriptors left.
  public convenience init(
    options: GatewayOptions, node: GatewayNode, authenticator: Authenticator, logger: Logger,
    beforeDelivery: (@Sendable (_ room: String, _ event: String, _ json: String) async -> Void)? = nil
  ) throws(Failure) {
    let inlet = ClusterInlet()
    let adapter = node.redis.map { url -> RedisAdapter in
      var adapter = RedisAdapterOptions(url: url, node: node.id.rawValue, version: node.version)
      adapter.socketIOKey = node.socketIOKey
      adapter.prefix = node.prefix
      adapter.outbox.logAgeNanoseconds = options.historyNanoseconds
      adapter.keepMilliseconds = Int64(options.historyNanoseconds / 1_000_000)
      return RedisAdapter(adapter, delegate: inlet, logger: logger)
    }
    var policy = ThrottlePolicy.room
    policy.deliveriesPerSecond = node.throttleRate > 0 ? node.throttleRate : nil
    policy.excess = node.keepsNewest ? .latest : .merge
    let hook = beforeDelivery.map { hook -> HookQueue.Hook in
      { emission in
        let json = EventJSON(emission.arguments)?.argument(0).map { String(decoding: $0, as: UTF8.self) }
        await hook(emission.rooms.first ?? "", emission.event, json ?? "null")
      }
    }
    do throws(GatewayError) {
      let parts = try GatewayParts(
        loops: options.loopCount, node: node.id.rawValue, history: BroadcastLog(options.history), policy: policy,
        recovering: options.recoveryLimits, hook: hook, adapter: adapter ?? LocalAdapter())
      try self.init(
        options: options, authenticator: authenticator, application: RoomApplication(), parts: parts, logger: logger)
    } catch {
      throw Failure(.unavailable, "the gateway could not be made: \(error)")
    }
    inlet.connect(self)
  }
}

/// What follows from how long a client may stay away. Bytes and numbers bound all of it whatever the time.
extension GatewayOptions {
  /// Broadcasts are kept longer than sessions: who comes back in the last moment misses what was sent when it left.
  var historyNanoseconds: UInt64 { UInt64((recoveryDuration + .seconds(300)).nanoseconds) }

  var history: BroadcastLog.Limits {
    var limits = BroadcastLog.Limits()
    limits.ageNanoseconds = historyNanoseconds
    return limits
  }

  var recoveryLimits: RecoveryStore.Limits? {
    guard isRecovering else { return nil }
    var limits = RecoveryStore.Limits()
    limits.lifeNanoseconds = UInt64((recoveryDuration + .seconds(60)).nanoseconds)
    return limits
  }
}
