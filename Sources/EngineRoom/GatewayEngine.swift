internal import Base
internal import ControlPlane
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// The gateway of this node as a service, and in the words of the control plane.
final class GatewayEngine: Service {
  /// How often it is looked at for `/health`.
  private static let lookInterval = Duration.milliseconds(200)
  /// The same while it has neither sockets nor Redis.
  private static let calmInterval = Duration.seconds(1)
  /// Between two events that say so: a storm of connects is two lines a second to those who listen.
  private static let newsInterval = Duration.milliseconds(500)
  /// How long a list of all sockets serves those who ask: several consoles at once cost what one does.
  private static let listLife = Duration.milliseconds(200)
  /// From this share of the sockets it takes, health says so.
  private static let fullShare = 0.95
  /// Sockets that are kicked at the same time.
  private static let kicksAtOnce = 32
  /// What is left for sockets to move to another node before it stops, when it is drained.
  static let drainDuration = Duration.seconds(10)

  /// The list under way or the last one, and when it was begun.
  private struct List {
    var task: Task<[SocketRecord], Never>
    var begun: ContinuousClock.Instant
  }

  /// What differs once a socket came or went.
  private struct Tally: Equatable {
    var connections: Int
    var total: UInt64

    init(_ snapshot: GatewaySnapshot) {
      connections = snapshot.connections
      total = snapshot.total
    }
  }

  private let door: any GatewayDoor
  private let health: HealthBoard
  private let clock: any WallClock
  /// Sockets that fit into the process's open files.
  private let room: Int
  private let list = Mutex<List?>(nil)
  /// Is told, not more than once in `newsInterval`, that sockets came or went.
  private let changed: @Sendable () -> Void

  init(
    _ door: any GatewayDoor, health: HealthBoard, clock: any WallClock, openFilesMax: Int = FileLimit.current,
    changed: @escaping @Sendable () -> Void = {}
  ) {
    self.door = door
    self.changed = changed
    self.health = health
    self.clock = clock
    room = FileLimit.sockets(of: openFilesMax)
    health.set("gateway", .degraded, reason: "it does not listen yet")
    door.answerHealth { health.health }
  }

  /// Until a graceful stop, in which it drains. Throws the one line that says why it cannot listen.
  func run() async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await self.door.run()
        return true
      }
      group.addTask {
        await self.watch()
        return false
      }
      defer { group.cancelAll() }
      // Whatever ends the door ends the engine.
      while let isDoor = try await group.next(), !isDoor {}
    }
  }

  /// Waits until sockets can connect. Throws when they never will.
  func listening() async throws -> Int {
    let port = try await door.listeningPort()
    look()
    return port
  }

  private func watch() async {
    do {
      _ = try await listening()
      var told = Tally(door.snapshot())
      var toldAt = ContinuousClock.now
      while true {
        let snapshot = door.snapshot()
        look(snapshot)
        let now = Tally(snapshot)
        if now != told, ContinuousClock.now - toldAt >= Self.newsInterval {
          told = now
          toldAt = .now
          changed()
        }
        let isCalm = now == told && now.connections == 0 && snapshot.redis.state == .embedded
        try await Task.sleep(for: isCalm ? Self.calmInterval : Self.lookInterval)
      }
    } catch {
      // Cancelled, or the door has failed, which says why itself.
    }
  }

  func look() { look(door.snapshot()) }

  private func look(_ now: GatewaySnapshot) {
    let most = min(now.connectionsMax, room)
    guard Double(now.connections) < Double(most) * Self.fullShare else {
      let cause = room < now.connectionsMax ? ", which is all that its open files have room for" : ""
      return health.set("gateway", .degraded, reason: "\(now.connections) of \(most) sockets\(cause)")
    }
    guard now.redis.state != .away else {
      let reason = now.redis.reason ?? "connecting"
      let waiting = now.redis.waiting == 0 ? "" : "; \(now.redis.waiting) events wait for it"
      return health.set(
        "gateway", .degraded, reason: "Redis is away (\(reason)): events reach the sockets of this node only\(waiting)")
    }
    health.set("gateway", .ok, reason: "room for \(most) sockets")
  }

  // MARK: Figures

  func snapshot() -> GatewaySnapshot { door.snapshot() }

  func peers() -> [Snapshot.Peer] { door.peers().sorted { $0.node < $1.node } }

  // MARK: Questions

  func sockets(_ query: SocketQuery) async throws(Failure) -> SocketPage {
    try query.check()
    var page = try query.page(of: await all(), now: clock.nowMilliseconds())
    let others = peers()
    if !others.isEmpty { page.peers = others.map { .init(node: $0.node, sockets: $0.sockets) } }
    return page
  }

  /// One list for all who ask within its life.
  private func all() async -> [SocketRecord] {
    let door = door
    let task = list.withLock { list in
      let now = ContinuousClock.now
      if let list, now - list.begun < Self.listLife { return list.task }
      let task = Task { await door.sockets() }
      list = List(task: task, begun: now)
      return task
    }
    return await task.value
  }

  func socket(_ id: String) async throws(Failure) -> SocketDetail {
    try PublishRule.check(socketID: id)
    guard let detail = await door.socket(id) else { throw Self.noSuchSocket }
    return detail
  }

  func audience(_ room: String) async throws(Failure) -> Audience {
    try PublishRule.check(room: room)
    return await door.audience([room])
  }

  // MARK: Deeds

  /// Throws `notFound` when the only one there was has gone.
  func kick(_ ids: [String], by actor: String) async throws(Failure) -> KickReport {
    guard (1...PublishRule.kickedMax).contains(ids.count) else {
      throw Failure(.invalid, "name 1 to \(PublishRule.kickedMax) sockets to kick")
    }
    for id in ids { try PublishRule.check(socketID: id) }
    let door = door
    var report = KickReport(kicked: [], missing: [])
    var seen: Set<String> = []
    let wanted = ids.filter { seen.insert($0).inserted }
    for start in stride(from: 0, to: wanted.count, by: Self.kicksAtOnce) {
      let some = wanted[start..<min(start + Self.kicksAtOnce, wanted.count)]
      let gone = await withTaskGroup(of: (Int, Bool).self) { group in
        for index in some.indices {
          group.addTask { (index, await door.kick(wanted[index], reason: "kicked by an operator")) }
        }
        return await group.reduce(into: [Int: Bool]()) { $0[$1.0] = $1.1 }
      }
      for index in some.indices {
        if gone[index] == true { report.kicked.append(wanted[index]) } else { report.missing.append(wanted[index]) }
      }
    }
    list.withLock { $0 = nil }
    if report.kicked.isEmpty, wanted.count == 1 { throw Self.noSuchSocket }
    return report
  }

  func publish(_ broadcast: Broadcast) throws(Failure) -> PublishReceipt {
    try broadcast.check()
    return try door.publish(broadcast)
  }

  /// `isCounted`: the receipt says how many sockets of all nodes were in the room, which takes a moment.
  func broadcast(_ broadcast: Broadcast, isCounted: Bool) async throws(Failure) -> PublishReceipt {
    try broadcast.check()
    await door.prepare(broadcast)
    if let wait = broadcast.acknowledgeMilliseconds { return await door.ask(broadcast, within: .milliseconds(wait)) }
    let rooms = broadcast.rooms
    // Of several rooms the sequencer could only say the sum, in which some count twice.
    guard isCounted || rooms.count > 1 else { return try door.publish(broadcast) }
    let audience = await door.audience(rooms)
    var receipt = try door.publish(broadcast)
    (receipt.sockets, receipt.isComplete) = (audience.sockets, audience.isComplete)
    return receipt
  }

  func publish(_ thought: AgentThought) throws(Failure) -> PublishReceipt {
    try door.publish(thought.broadcast(now: clock.nowMilliseconds()))
  }

  func publish(_ update: TaskUpdate) throws(Failure) -> PublishReceipt {
    try door.publish(update.broadcast(now: clock.nowMilliseconds()))
  }

  /// From outside; the node's own are told (`tell`).
  func publish(_ event: ProjectEvent) async throws(Failure) -> PublishReceipt {
    try await broadcast(event.broadcast(), isCounted: false)
  }

  /// News of the node itself. Nobody asked for it, so nobody is told when it cannot be published; the gateway's health
  /// says why.
  func tell(_ event: ProjectEvent) {
    do throws(Failure) { _ = try door.publish(event.broadcast()) } catch {}
  }

  /// Before the node stops: its clients have time to find another one.
  func drain() async { await door.drain(over: Self.drainDuration) }

  private static let noSuchSocket = Failure(
    .notFound, "there is no such socket on this node", hint: "signalbox sockets list shows them")
}
