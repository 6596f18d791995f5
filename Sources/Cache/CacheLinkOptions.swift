internal import RedisLink

/// How a node takes part in the data set in Redis.
struct CacheLinkOptions: Sendable {
  var url: RedisURL
  var keyspace: RedisKeyspace
  var node: String
  var redis = RedisOptions()
  /// Pause between PINGs on an open link.
  var heartbeat = Duration.milliseconds(500)
  /// A connection that does not answer a PING for so long is dead.
  var silenceMax = Duration.milliseconds(500)
  var sweepInterval = Duration.seconds(30)
  var positionFile: PositionFile?
}
