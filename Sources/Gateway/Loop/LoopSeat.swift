internal import Synchronization
internal import Telemetry

/// What other threads know of a loop: its mailbox, and a copy of its figures.
final class LoopSeat: Sendable {
  let index: Int
  let mailbox: Mailbox
  let latency = LatencyRecorder()
  private let figures = Mutex(LoopFigures())
  /// Set once the loop has ended and closed what it owned.
  let hasEnded = Atomic(false)

  init(index: Int) throws(GatewayError) {
    self.index = index
    mailbox = try Mailbox()
  }

  func publish(_ current: LoopFigures) { figures.withLock { $0 = current } }
  var current: LoopFigures { figures.withLock { $0 } }
}

/// Counters of one loop since its start, and gauges.
struct LoopFigures: Sendable, Equatable {
  var sessions = 0
  var peak = 0
  var total: UInt64 = 0
  var eventsIn: UInt64 = 0
  var eventsOut: UInt64 = 0
  var bytesOut: UInt64 = 0
  var sends: UInt64 = 0
  var queuedBytes = 0
  var slow = 0
  var dropped: UInt64 = 0
  var merged: UInt64 = 0
  var cut: UInt64 = 0
  var refusedPackets: UInt64 = 0
  var publishesRefused: UInt64 = 0
  /// Longest time the loop did one thing without looking at its sockets, in nanoseconds.
  var longestSlice: UInt64 = 0
}
