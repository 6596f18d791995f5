/// Rate and policy of one stage of the throttle.
struct ThrottlePolicy: Sendable, Equatable {
  enum Excess: String, Sendable, Equatable, CaseIterable {
    /// Excess thoughts of an agent become one event whose data is an array.
    case merge
    /// Only the newest thought of an agent is kept.
    case latest
  }

  /// Deliveries a second for one room or user; nil: everything passes.
  var deliveriesPerSecond: Int? = 10
  /// Deliveries that may go at once after a pause. A room has one: the first goes at once, and the rest of each
  /// interval is merged. In any time t there are at most `burst + t × deliveriesPerSecond`.
  var burst = 1
  var excess = Excess.merge
  /// Thoughts one held event may collect; the oldest go beyond it, and are counted.
  var thoughtsMax = 256
  /// Bytes of arguments one held event may collect, likewise.
  var eventBytesMax = 256 << 10
  /// Agents and tasks that one room or user may hold.
  var streamsMax = 1_024
  /// Bytes of arguments held in all.
  var heldBytesMax = 64 << 20

  /// For the members of one room, before the fan-out.
  static let room = ThrottlePolicy()
  /// For one receiving user: several rooms may speak at the same moment without being held.
  static let user = ThrottlePolicy(burst: 5)

  /// Nanoseconds between two deliveries at the full rate.
  var interval: UInt64? { deliveriesPerSecond.map { 1_000_000_000 / UInt64(max(1, $0)) } }
}

/// What the throttle did, since the start.
struct ThrottleCounters: Sendable, Equatable {
  /// Events that had to wait.
  var held: UInt64 = 0
  /// Events that went out inside another one.
  var merged: UInt64 = 0
  /// Updates that a newer one of the same task replaced, thoughts under the policy `latest`.
  var replaced: UInt64 = 0
  /// Events lost to a bound.
  var dropped: UInt64 = 0
}
