internal import Access
internal import Base
internal import ControlPlane
internal import Gateway
internal import Logging

/// The gateway that serves real sockets, in the words of the control plane.
struct ServedGateway: GatewayDoor {
  private let server: GatewayServer

  init(
    _ settings: GatewaySettings, host: String, node: NodeID, authenticator: Authenticator, logger: Logger,
    beforeDelivery: FileChangeHook = FileChangeHook()
  ) throws(Failure) {
    var described = GatewayNode(id: node, version: Version.current, redis: settings.redis)
    described.socketIOKey = settings.socketIOKey
    described.prefix = settings.prefix
    described.throttleRate = settings.throttleRate
    described.keepsNewest = settings.throttlePolicy == .newest
    server = try GatewayServer(
      options: Self.options(settings, host: host), node: described, authenticator: authenticator, logger: logger,
      beforeDelivery: { room, _, json in await beforeDelivery.call(room, json) })
  }

  private static func options(_ settings: GatewaySettings, host: String) -> GatewayOptions {
    var options = GatewayOptions()
    options.host = host
    options.port = settings.port
    options.loops = settings.loops
    options.connectionsMax = min(settings.connectionsMax, FileLimit.sockets(of: FileLimit.current))
    options.queueBytesMax = settings.queueBytesMax
    options.queueFramesMax = settings.queueFramesMax
    options.slowPolicy = settings.slowPolicy == .disconnect ? .disconnect : .dropOldest
    options.publishRate = settings.publishRate
    options.publishBurst = settings.publishBurst
    options.pingInterval = .milliseconds(settings.pingIntervalMilliseconds)
    options.pingTimeout = .milliseconds(settings.pingTimeoutMilliseconds)
    options.payloadBytesMax = settings.payloadBytesMax
    options.isCompressing = settings.isCompressing
    options.isRecovering = settings.recoveryMinutes > 0
    options.recoveryDuration = .seconds(60 * settings.recoveryMinutes)
    return options
  }

  func run() async throws { try await server.run() }
  func listeningPort() async throws -> Int { try await server.listeningPort() }
  func snapshot() -> GatewaySnapshot { server.snapshot() }
  func peers() -> [Snapshot.Peer] { server.peers() }
  func sockets() async -> [SocketRecord] { await server.sockets() }
  func socket(_ id: String) async -> SocketDetail? { await server.socket(id) }
  func kick(_ id: String, reason: String) async -> Bool { await server.kick(id, reason: reason) }
  func drain(over duration: Duration) async { await server.drain(over: duration) }

  func audience(_ rooms: [String]) async -> Audience { await server.audience(ofCluster: rooms) }

  func prepare(_ broadcast: Broadcast) async {
    await server.prepare(rooms: broadcast.rooms, event: broadcast.event, json: broadcast.data?.text)
  }

  func answerHealth(with health: @escaping @Sendable () -> Health) { server.answerHealth(with: health) }

  func ask(_ broadcast: Broadcast, within deadline: Duration) async -> PublishReceipt {
    let answers = await server.ask(
      rooms: broadcast.rooms, event: broadcast.event, json: broadcast.data?.text, within: deadline)
    var receipt = receipt(of: broadcast, sockets: answers.asked)
    (receipt.acknowledged, receipt.isComplete) = (answers.answers.count, answers.isComplete)
    return receipt
  }

  func publish(_ broadcast: Broadcast) throws(Failure) -> PublishReceipt {
    let published = server.publish(
      rooms: broadcast.rooms, event: broadcast.event, json: broadcast.data?.text, priority: broadcast.priority)
    guard published.outcome != .dropped else {
      throw Failure(.limit, "the gateway's queues are full: the event is lost", isRetriable: true)
    }
    var receipt = receipt(of: broadcast, sockets: published.localMembers)
    receipt.isHeld = published.outcome == .held
    return receipt
  }

  private func receipt(of broadcast: Broadcast, sockets: Int) -> PublishReceipt {
    var receipt = PublishReceipt(
      room: broadcast.room, event: broadcast.event, sockets: sockets,
      reach: server.isApart ? .localOnly : .everywhere)
    receipt.moreRooms = broadcast.moreRooms
    return receipt
  }
}
