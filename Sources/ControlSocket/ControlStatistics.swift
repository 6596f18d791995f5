internal import Synchronization

/// What the control socket has seen since it was made. All but `clients` only grow.
public struct ControlStatistics: Sendable, Equatable {
  /// Connections that were greeted and are open now.
  public var clients = 0
  public var accepted: UInt64 = 0
  /// Turned away: no permission, too many, another protocol version, a hello that makes no sense.
  public var refused: UInt64 = 0
  /// Closed for bytes that are not the protocol.
  public var malformed: UInt64 = 0
  /// Closed because they did not read.
  public var stalled: UInt64 = 0
  public var requests: UInt64 = 0
  /// Events that slow listeners lost.
  public var eventsDropped: UInt64 = 0

  public init() {}
}

/// The counters behind it.
final class ControlCounters: Sendable {
  private let values = Mutex(ControlStatistics())

  var current: ControlStatistics { values.withLock { $0 } }

  /// Counts a client in, unless there are `limit` already.
  func admit(limit: Int) -> Bool {
    values.withLock { values in
      guard values.clients < limit else { return false }
      values.clients += 1
      values.accepted += 1
      return true
    }
  }

  func count(_ change: (inout ControlStatistics) -> Void) { values.withLock { change(&$0) } }
}
