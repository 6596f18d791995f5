internal import RedisLink

/// How a node's gateway takes part in the cluster.
struct RedisAdapterOptions: Sendable {
  var url: RedisURL
  /// Also the adapter's uid, by which a node knows its own echo.
  var node: String
  var version: String
  /// `SIGNALBOX_SOCKETIO_KEY`: channels shared with other Socket.IO servers.
  var socketIOKey = "socket.io"
  /// `SIGNALBOX_NAMESPACE`: our own keys and channels.
  var prefix = "signalbox"
  var namespaces = ["/"]
  var redis = RedisOptions()
  /// Publications, their log and reads of it may take so long before the connection counts as dead.
  var commandDeadline = Duration.seconds(2)
  /// Peers are told about this node so often.
  var heartbeat = Duration.seconds(1)
  /// A peer not heard of for so long is gone.
  var peerSilenceMax = Duration.seconds(5)
  /// How long other servers may take to answer.
  var requestDeadline = Duration.seconds(5)
  /// Pauses in which a node that still counts a client as connected may say that it has gone, when the client is here
  /// already. Few and growing: when a node was killed, all its clients wait at the same time.
  var farewellPauses = [10, 30, 60, 100].map { Duration.milliseconds($0) }
  var outbox = ClusterOutbox.Limits()
  /// Milliseconds for which logs and sessions of a node outlive it.
  var keepMilliseconds: Int64 = 900_000

  init(url: RedisURL, node: String, version: String) {
    self.url = url
    self.node = node
    self.version = version
    redis.commandDeadline = .seconds(1)
  }
}

/// Names of the cluster's keys and channels that are ours alone.
struct ClusterKeyspace: Sendable {
  let prefix: String

  /// Sorted set of nodes, by the milliseconds at which each was last alive.
  var nodes: String { "\(prefix):gateway:nodes" }
  /// Channel on which nodes announce themselves.
  var peers: String { "\(prefix):gateway:peers" }
  /// Stream of what a node broadcast, each entry under its sequence number.
  func log(_ node: String) -> String { "\(prefix):gateway:log:\(node)" }
  /// Hash of a node's sessions by their private id.
  func sessions(_ node: String) -> String { "\(prefix):gateway:sessions:\(node)" }
}
