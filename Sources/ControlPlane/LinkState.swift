public import Base

/// How an attached face stands to its node.
public enum LinkState: Sendable, Equatable {
  /// The first attempt is under way.
  case connecting
  case live
  /// The node does not answer; the next attempt is at `retryAtMilliseconds`. Both times are milliseconds since 1970.
  case lost(sinceMilliseconds: Int64, retryAtMilliseconds: Int64, reason: String)
  /// The node answers and will not have us (another protocol version, no permission). Final.
  case refused(Failure)
}
