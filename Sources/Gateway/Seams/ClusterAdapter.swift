internal import SocketProtocol

/// Joins this node's gateway to others. Everything but the `async` calls is posted and returns at once: the callers are
/// event loops and holders of the sequencer's lock. Two implementations: `LocalAdapter` (no peers) and `RedisAdapter`.
protocol ClusterAdapter: Sendable {
  /// Called in the node's order, under the sequencer's lock. Bounded: what does not fit is counted and healed or told.
  func publish(_ broadcast: Broadcast)
  /// The first local member of a room came, the last one left. Posted in order for one room.
  func roomBecameLocal(namespace: String, room: String)
  func roomLeft(namespace: String, room: String)
  /// Keeps what a client needs to come back to another node. Written at connect, join and leave.
  func saveSession(_ record: RecoverySession)
  /// The client said goodbye or was put out: it must not come back as itself.
  func forgetSession(pid: String)
  /// What the cluster knows about a session, of any node; nil when it cannot be recovered. The broadcasts of other
  /// nodes that it missed come with it. With a cluster this is asked first, also for a session of this node: once its
  /// room's last member is gone a node hears nothing of that room. From then on the session's rooms are listened to for
  /// some seconds, in which its client joins them. A session is given out once.
  func recover(pid: String, offset: String) async -> RecoveredSession?
  /// Sends an event to the clients of all other servers, which are to acknowledge it. `heard` is called with what they
  /// say until `end` of the result, on any thread. Nil: there is nobody else.
  func ask(
    _ emission: Emission, within deadline: Duration, heard: @escaping @Sendable (ClusterAnswer) -> Void
  ) async -> ClusterQuestion?
  /// How many sockets of other nodes are members of any of these rooms.
  func audience(namespace: String, rooms: [String], within deadline: Duration) async -> ClusterAudience
  var state: ClusterState { get }
}

/// A question that other servers' clients were asked.
struct ClusterQuestion: Sendable {
  /// How many servers will say how many clients they asked.
  var servers: Int
  var end: @Sendable () -> Void
}

enum ClusterAnswer: Sendable {
  /// One server has asked so many clients.
  case asked(Int)
  case acknowledgement(Acknowledgement)
}

struct ClusterAudience: Sendable, Equatable {
  var sockets = 0
  /// Every other server has answered.
  var isComplete = true
}

/// What the cluster asks of this node. Called from the adapter's own thread or task; nothing of it blocks.
protocol ClusterDelegate: Sendable {
  /// Goes through the sequencer like a local broadcast, and is not published again.
  func deliver(_ remote: RemoteBroadcast)
  /// When this returns, the request has its place behind those that came before it; calling the result waits for what
  /// came of it.
  func begin(_ request: RemoteRequest) -> @Sendable () async -> RemoteResponse
  /// Messages of this origin were lost and could not be fetched again: recovery of what is older ends here, and the
  /// clients affected are told to resync.
  func resync(origin: String)
  /// Nothing else came from this origin up to this place: see `BroadcastHistory.advance`.
  func advance(origin: String, to sequence: UInt64)
  /// What this origin sent before this node came: see `BroadcastHistory.cut`.
  func cut(origin: String, through sequence: UInt64)
}

extension ClusterDelegate {
  func remoteRequest(_ request: RemoteRequest) async -> RemoteResponse { await begin(request)() }
}

/// A broadcast that came from another node.
struct RemoteBroadcast: Sendable {
  var emission: Emission
  /// NodeID of a node of ours, or the uid of a foreign server.
  var originID: String
  /// Nil from a foreign server: then the receiving node numbers it.
  var originSequence: UInt64?
}

/// Which sockets a remote request means.
struct SocketSelection: Sendable, Equatable {
  var namespace: String
  /// Members of any of these; empty: all.
  var rooms: [String]
  var except: [String]
}

enum RemoteRequest: Sendable {
  case join(SocketSelection, rooms: [String])
  case leave(SocketSelection, rooms: [String])
  /// `closesTransport`: the whole connection, not only the namespace.
  case disconnect(SocketSelection, closesTransport: Bool)
  case fetchSockets(SocketSelection)
  /// Rooms with members here.
  case rooms(namespace: String)
  /// Sends an event and passes on each client's acknowledgement: its first argument as JSON text, with attachments. The
  /// answer is the number of clients asked.
  case broadcastWithAcknowledgement(
    Emission, within: Duration, answer: @Sendable ([UInt8], [[UInt8]]) -> Void)
  /// How many members these rooms have here, together.
  case members(namespace: String, rooms: [String])
  /// How many sockets the namespace has here.
  case count(namespace: String)
}

enum RemoteResponse: Sendable {
  case done
  case sockets([RemoteSocket])
  case rooms([String])
  case count(Int)
}

/// One socket as `fetchSockets` of the Node adapter shows it.
struct RemoteSocket: Sendable, Equatable {
  var id: String
  var rooms: [String]
  /// JSON text of the handshake object (headers that may be shown, address, time), and of `data`.
  var handshakeJSON: [UInt8]
  var dataJSON: [UInt8]
}

/// What is kept of a Socket.IO session so that its client can come back (connection state recovery).
struct RecoverySession: Sendable, Equatable {
  /// Private id, known to the client alone.
  var pid: String
  /// The public id it keeps.
  var sid: String
  var namespace: String
  var user: String
  var rooms: [String]
  /// Milliseconds since 1970 at which it dropped; nil while connected.
  var droppedAtMilliseconds: Int64?
  /// What the throttle held back for it when it dropped.
  var held: [HeldStream] = []
}

/// A stream of an agent or a task of which a client was told nothing since `after`, whatever its offset says: the
/// throttle held it back while others went out.
struct HeldStream: Sendable, Equatable {
  static let countMax = 256

  var kind: Emission.Kind
  var rooms: [String]
  /// As a recovery offset.
  var after: String

  init(kind: Emission.Kind, rooms: [String], after: String) {
    self.kind = kind
    self.rooms = rooms
    self.after = after
  }

  /// Nil for an event that no history has.
  init?(_ item: Throttle<ReceiverKey>.Item) {
    guard let origin = item.origin, let begins = OffsetVector(String(decoding: item.offset, as: UTF8.self)),
      begins[origin.id] == origin.sequence, origin.sequence > 0
    else { return nil }
    var before = OffsetVector()
    for entry in begins.entries {
      before.advance(entry.origin, to: entry.origin == origin.id ? entry.sequence - 1 : entry.sequence)
    }
    self.init(
      kind: item.emission.kind, rooms: item.emission.rooms, after: String(decoding: before.encoded, as: UTF8.self))
  }

  /// Whether a broadcast belongs to what was held.
  func has(_ broadcast: RemoteBroadcast, _ sequence: UInt64) -> Bool {
    guard broadcast.emission.kind == kind, broadcast.emission.rooms == rooms else { return false }
    return sequence > OffsetVector(after)?[broadcast.originID] ?? 0
  }
}

/// A session found again.
struct RecoveredSession: Sendable {
  var session: RecoverySession
  /// Broadcasts of other nodes the client missed, oldest first.
  var older: [RemoteBroadcast]
  /// Per origin the number up to which `older` is complete.
  var covered: [String: UInt64]
}

/// What `status` and the header show of the cluster.
struct ClusterState: Sendable, Equatable {
  struct Peer: Sendable, Equatable {
    var node: String
    var version: String
    var lastSeenMilliseconds: Int64
    var sockets: Int
  }

  enum Link: String, Sendable, Equatable {
    /// There is no Redis to talk to.
    case none
    case connected, connecting, lost
  }

  var link = Link.none
  /// Milliseconds since 1970 at which `link` began.
  var since: Int64 = 0
  /// Why there is no connection.
  var reason: String?
  var peers: [Peer] = []
  /// Broadcasts that wait to be published.
  var pending = 0
  var published: UInt64 = 0
  var received: UInt64 = 0
  var dropped: UInt64 = 0
  var malformed: UInt64 = 0
  var healed: UInt64 = 0
  var resyncs: UInt64 = 0
}

/// A node without peers.
struct LocalAdapter: ClusterAdapter {
  func publish(_ broadcast: Broadcast) {}
  func roomBecameLocal(namespace: String, room: String) {}
  func roomLeft(namespace: String, room: String) {}
  func saveSession(_ record: RecoverySession) {}
  func forgetSession(pid: String) {}
  func recover(pid: String, offset: String) async -> RecoveredSession? { nil }
  func ask(
    _ emission: Emission, within deadline: Duration, heard: @escaping @Sendable (ClusterAnswer) -> Void
  ) async -> ClusterQuestion? { nil }
  func audience(namespace: String, rooms: [String], within deadline: Duration) async -> ClusterAudience { .init() }
  var state: ClusterState { ClusterState() }
}
