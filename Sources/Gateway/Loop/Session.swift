internal import Access
internal import Base
internal import ControlPlane
internal import SocketProtocol

/// One client, from its Engine.IO handshake (or raw upgrade) to its end. Owned by one loop; a struct in a slab, so an
/// idle client costs its stride and what its rooms take, and a fan-out touches no reference count.
struct Session {
  enum Phase: UInt8 {
    case free
    case open
    /// A WebSocket that wants to take over a polling session; `target` is that session's slot.
    case probing
    /// Everything was said; waits for the other end to close.
    case lingering
  }

  enum Transport: UInt8 { case polling, webSocket }

  var id: SessionID
  var generation: UInt32 = 0
  var descriptor: Int32 = -1
  var phase = Phase.free
  var kind = SessionKind.socketIO
  /// Its transports, and who may poll.
  var engine = EngineSessionMachine(beginsWithWebSocket: false)
  var isDirty = false
  var wantsWrite = false
  /// Long messages to it may be compressed.
  var compresses = false
  /// `closeBy` is its turn to leave a draining node.
  var isDraining = false
  /// Of a probing WebSocket: the session it wants. Of a session: the probing WebSocket.
  var partner: Int32 = -1

  // What the fan-out of one tick has already given to it; see Loop+Flush.
  var settledTick: UInt32 = 0
  var settledUpTo: Int32 = 0
  var markTick: UInt32 = 0
  var marks: Int32 = 0
  var seen: UInt32 = 0

  // Monotonic nanoseconds; 0: none.
  var armedAt: UInt64 = 0
  /// Nil while nobody is pinged: before the handshake and after the end.
  var heartbeat: HeartbeatMachine?
  /// The end of whatever it is in: connecting, probing, draining or lingering.
  var closeBy: UInt64 = 0
  var expiresAt: UInt64 = 0
  var roundTrip: UInt32 = 0

  var parser: WebSocketFrameParser
  /// A header or control frame that is not complete.
  var input: [UInt8] = []
  /// The parts of a message that came.
  var message: [UInt8] = []
  var decoder = SocketIODecoder()
  var queue = OutputQueue()
  var waitingGet: HTTPReply?
  var sockets: [NamespaceSocket] = []
  var identity: Identity
  /// Shared with the user's other connections; nil for those who do not say who they are.
  var user: UserSeat?
  var bucket = TokenBucket()
  /// Publications of its own that wait for a hook.
  var hooksWaiting: Int32 = 0
  var eventsIn: UInt32 = 0
  var eventsOut: UInt32 = 0
  var bytesIn: UInt64 = 0
  var bytesOut: UInt64 = 0
  var dropped: UInt32 = 0
  /// Its queue had no room for an event since it was last empty.
  var isLosing = false
  var connectedAt: UInt64 = 0
  var activeAt: UInt64 = 0

  var transport: Transport { engine.isWebSocket ? .webSocket : .polling }

  /// Whether the bytes of a room may be sent to it as they are.
  var takesSharedFrames: Bool {
    phase == .open && transport == .webSocket && kind == .socketIO && queue.isEmpty
  }

  var nextDeadline: UInt64 {
    var next = heartbeat?.deadline ?? .max
    if closeBy != 0 { next = min(next, closeBy) }
    if expiresAt != 0 { next = min(next, expiresAt) }
    return next
  }
}

/// A session's place in one namespace.
struct NamespaceSocket {
  /// A room of this loop, and this session's place among its members.
  struct Membership {
    var room: Int32
    var position: Int32
  }

  enum State: UInt8 {
    /// Its credential is being checked.
    case checking
    case connected
  }

  var namespace: Int32
  var state: State
  /// Its public id; also the name of a room it alone is in.
  var id: SessionID
  /// The private id by which it may come back; nil when recovery is off.
  var pid: SessionID?
  var rooms: [Membership] = []
}

/// Who a client is. Shared by all sessions of which the same is known; immutable.
final class Identity: Sendable {
  let address: IPAddress?
  /// Nil: not checked yet, or nobody is asked (the conformance fixture).
  let authenticated: Authenticated?
  /// What the handshake calls itself; unverified.
  let claimedUser: String?
  let claimedAgent: String?

  init(address: IPAddress?, authenticated: Authenticated?, claimedUser: String? = nil, claimedAgent: String? = nil) {
    self.address = address
    self.authenticated = authenticated
    self.claimedUser = claimedUser
    self.claimedAgent = claimedAgent
  }

  /// The token's subject when there is one.
  var verifiedUser: String? {
    guard let caller = authenticated?.caller, caller.actor != "local", caller.actor != "token" else { return nil }
    return caller.actor
  }
}

/// Bounds how fast one client publishes: `rate` a second, `burst` at once (CONTRACT, Gateway).
struct TokenBucket {
  private var millitokens: Int32 = -1
  private var filledAt: UInt64 = 0

  /// False when it is empty.
  mutating func take(rate: Int, burst: Int, now: UInt64) -> Bool {
    guard rate > 0 else { return true }
    let full = Int64(burst) * 1_000
    let grown =
      millitokens < 0 ? full : min(full, Int64(millitokens) + Int64((now &- filledAt) / 1_000) * Int64(rate) / 1_000)
    guard grown >= 1_000 else { return false }
    millitokens = Int32(clamping: grown - 1_000)
    filledAt = now
    return true
  }
}
