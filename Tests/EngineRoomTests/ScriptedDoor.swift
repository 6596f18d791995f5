import Base
import ControlPlane
import ServiceLifecycle
import Synchronization

@testable import EngineRoom

/// A gateway that only says what a test wrote: what the doors make of it is tested without sockets.
final class ScriptedDoor: GatewayDoor {
  struct Script {
    var snapshot = GatewaySnapshot()
    var peers: [Snapshot.Peer] = []
    var sockets: [SocketRecord] = []
    var failure: Failure?
    /// The most kicks that were under way at once.
    var kicksAtOnce = 0
    var kicksUnderWay = 0
    var kicked: [String] = []
    var published: [Broadcast] = []
    var prepared: [String] = []
    var lists = 0
    var isFull = false
    var drained: Duration?
    var health: (@Sendable () -> Health)?
  }

  let script = Mutex(Script())

  func run() async throws {
    if let failure = script.withLock({ $0.failure }) { throw failure }
    try await gracefulShutdown()
  }

  func listeningPort() async throws -> Int {
    if script.withLock({ $0.failure }) != nil { throw CancellationError() }
    return 3_001
  }

  func snapshot() -> GatewaySnapshot { script.withLock { $0.snapshot } }
  func peers() -> [Snapshot.Peer] { script.withLock { $0.peers } }

  func sockets() async -> [SocketRecord] {
    script.withLock {
      $0.lists += 1
      return $0.sockets
    }
  }

  func socket(_ id: String) async -> SocketDetail? {
    script.withLock { $0.sockets.first { $0.id == id } }.map { SocketDetail(socket: $0, rooms: $0.rooms) }
  }

  func kick(_ id: String, reason: String) async -> Bool {
    script.withLock {
      $0.kicksUnderWay += 1
      $0.kicksAtOnce = max($0.kicksAtOnce, $0.kicksUnderWay)
    }
    await Task.yield()
    return script.withLock { script in
      script.kicksUnderWay -= 1
      guard let index = script.sockets.firstIndex(where: { $0.id == id }) else { return false }
      script.sockets.remove(at: index)
      script.kicked.append(id)
      return true
    }
  }

  func publish(_ broadcast: Broadcast) throws(Failure) -> PublishReceipt {
    if script.withLock({ $0.isFull }) { throw Failure(.limit, "the gateway's queues are full", isRetriable: true) }
    script.withLock { $0.published.append(broadcast) }
    return PublishReceipt(room: broadcast.room, event: broadcast.event, sockets: 2)
  }

  func prepare(_ broadcast: Broadcast) async { script.withLock { $0.prepared.append(broadcast.event) } }

  func audience(_ rooms: [String]) async -> Audience { Audience(room: rooms.first ?? "", sockets: 7) }

  func ask(_ broadcast: Broadcast, within deadline: Duration) async -> PublishReceipt {
    script.withLock { $0.published.append(broadcast) }
    return PublishReceipt(room: broadcast.room, event: broadcast.event, sockets: 2, acknowledged: 1)
  }

  func answerHealth(with health: @escaping @Sendable () -> Health) { script.withLock { $0.health = health } }

  func drain(over duration: Duration) async { script.withLock { $0.drained = duration } }
}
