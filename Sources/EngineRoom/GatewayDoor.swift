internal import Base
internal import ControlPlane
internal import ServiceLifecycle

/// What a node wants of its gateway, in the words of the control plane. `GatewayServer` is the one that serves sockets;
/// the tests of the doors script another.
protocol GatewayDoor: Service {
  /// Binds, serves, and drains on a graceful stop. Throws the one line that says why it cannot listen.
  func run() async throws
  /// Waits until it listens. Throws `CancellationError` when it never will.
  func listeningPort() async throws -> Int
  /// A copy; it never waits for a loop.
  func snapshot() -> GatewaySnapshot
  /// Other nodes that were heard lately.
  func peers() -> [Snapshot.Peer]
  /// Every connection of this node. Bounded in time: a loop that does not answer is left out.
  func sockets() async -> [SocketRecord]
  func socket(_ id: String) async -> SocketDetail?
  /// False when there is no such socket.
  func kick(_ id: String, reason: String) async -> Bool
  /// Never waits. `broadcast` has been checked. Throws `limit` when its queues are full.
  func publish(_ broadcast: Broadcast) throws(Failure) -> PublishReceipt
  /// Awaits what must have happened before this event is delivered, a few seconds at most.
  func prepare(_ broadcast: Broadcast) async
  /// Sockets in any of these rooms, each counted once. Asks the other nodes, too, for a moment.
  func audience(_ rooms: [String]) async -> Audience
  /// Publishes an event that its receivers acknowledge, and waits for them until `deadline`. `broadcast` has been
  /// checked.
  func ask(_ broadcast: Broadcast, within deadline: Duration) async -> PublishReceipt
  /// What the gateway's own `/health` answers.
  func answerHealth(with health: @escaping @Sendable () -> Health)
  /// Takes no new sockets and tells the others to move, spread over `duration`; returns when they are gone or it ends.
  func drain(over duration: Duration) async
}
