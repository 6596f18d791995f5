internal import Glibc

/// How the gateway listens and what it bounds. Times are monotonic; sizes are bytes.
public struct GatewayOptions: Sendable {
  /// What happens to a client whose queue is full.
  public enum SlowPolicy: String, Sendable, CaseIterable {
    case dropOldest = "drop-oldest"
    case disconnect
  }

  public var host = "127.0.0.1"
  /// 0: any free port.
  public var port = 3_001
  /// Event loops; 0: half the cores, each taken into use when those before it have `packedSessions`. A number: sessions
  /// are dealt to them in turn.
  public var loops = 0
  public static let packedSessions = 4_096
  /// Sockets at once; past it 503 with Retry-After.
  public var connectionsMax = 19_000
  /// Connections that have not sent a whole request yet; past it the oldest goes.
  public var halfOpenMax = 2_048
  /// New connections a second, and how many may come at once after a quiet time. Others wait in the kernel's queue.
  public var acceptsPerSecond = 20_000
  public var acceptBurst = 20_000
  public var headerDeadline = Duration.seconds(10)
  public var bodyDeadline = Duration.seconds(30)
  /// A connection without a request is closed after this time.
  public var keepAlive = Duration.seconds(75)
  public var pingInterval = Duration.seconds(25)
  public var pingTimeout = Duration.seconds(20)
  /// From the Engine.IO handshake to the first CONNECT packet.
  public var connectTimeout = Duration.seconds(45)
  public var upgradeTimeout = Duration.seconds(10)
  /// Largest message from a client (`maxPayload` of the handshake).
  public var payloadBytesMax = 1_000_000
  /// Of one client: what waits to be sent.
  public var queueBytesMax = 1 << 20
  public var queueFramesMax = 4_096
  public var slowPolicy = SlowPolicy.dropOldest
  /// Of one client: events a second, and burst (CONTRACT, Gateway); 0: no limit.
  public var publishRate = 100
  public var publishBurst = 200
  /// Rooms one socket may join.
  public var roomsMax = 1_000
  /// A drain tells its clients to leave within this time.
  public var drainDuration = Duration.seconds(2)
  /// Whether permessage-deflate is negotiated.
  public var isCompressing = true
  /// Whether CONNECT answers carry a `pid` and missed broadcasts are replayed.
  public var isRecovering = true
  /// How long a client may stay away; a minute more is granted.
  public var recoveryDuration = Duration.seconds(600)
  /// Nobody is asked who they are: for the conformance fixture on loopback alone.
  var isOpenToAll = false
  /// Path of bare Engine.IO, and of the WebSocket echo; nil: not served.
  var enginePath: String?
  var echoPath: String?
  var echoBytesMax = 16 << 20
  var socketPath = "/socket.io/"
  var rawPath: String? = "/ws"

  public init() {}

  var loopCount: Int { loops > 0 ? min(loops, 255) : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2) }
}
