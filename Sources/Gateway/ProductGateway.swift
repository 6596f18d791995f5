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
        loops: options.loopCount, node: node.id.rawValue, history: BroadcastLog(), policy: policy,
        isRecovering: options.isRecovering, hook: hook, adapter: adapter ?? LocalAdapter())
      try self.init(
        options: options, authenticator: authenticator, application: RoomApplication(), parts: parts, logger: logger)
    } catch {
      throw Failure(.unavailable, "the gateway could not be made: \(error)")
    }
    inlet.connect(self)
  }
}
