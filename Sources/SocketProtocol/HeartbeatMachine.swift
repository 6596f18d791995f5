/// Engine.IO 4: the server pings `interval` after the handshake and after each pong, and ends a session whose pong
/// does not come within `timeout`. Times are nanoseconds of a monotonic clock; the timing is shared by all sessions
/// and given to every call, so that a session holds 16 bytes.
public struct HeartbeatMachine: Sendable, Equatable {
  public struct Timing: Sendable, Equatable {
    public var intervalNanoseconds: UInt64
    public var timeoutNanoseconds: UInt64

    public init(intervalNanoseconds: UInt64, timeoutNanoseconds: UInt64) {
      self.intervalNanoseconds = intervalNanoseconds
      self.timeoutNanoseconds = timeoutNanoseconds
    }
  }

  public enum Action: Sendable, Equatable {
    case none
    case sendPing
    case timedOut
  }

  /// When `tick` has something to say.
  public private(set) var deadline: UInt64
  public private(set) var isAwaitingPong = false

  public init(now: UInt64, timing: Timing) { deadline = now + timing.intervalNanoseconds }

  public mutating func tick(now: UInt64, timing: Timing) -> Action {
    guard now >= deadline else { return .none }
    if isAwaitingPong { return .timedOut }
    isAwaitingPong = true
    // From now and not from the deadline: a late tick must not shorten the peer's time.
    deadline = now + timing.timeoutNanoseconds
    return .sendPing
  }

  /// Returns the round trip in nanoseconds, or nil for a pong that nobody asked for, which changes nothing.
  @discardableResult
  public mutating func pongReceived(now: UInt64, timing: Timing) -> UInt64? {
    guard isAwaitingPong else { return nil }
    let sent = deadline - timing.timeoutNanoseconds
    isAwaitingPong = false
    deadline = now + timing.intervalNanoseconds
    return now > sent ? now - sent : 0
  }
}
