internal import Telemetry

/// The books of a load: what was sent to how many, and what has arrived where.
///
/// Every publisher numbers its events to each room from 1. A receiver sits in one room, so from one publisher it must
/// see 1, 2, 3 …: an arrival that is not above the last one is out of order (or came twice) and is no delivery. Lost is
/// what was due and never became a delivery; a gap is not called lost at once, for only the end shows that.
///
/// Events that are not yet delivered to all stand in a ring by their number, each with how many receivers it still
/// lacks. The last one that arrives completes the event, which lets the next one go (closed arrival). A receiver that
/// is cut off completes, for its part, all that it still lacked.
struct Ledger {
  private struct Event {
    var number = -1
    var remaining = 0
    var room = 0
    var publisher = 0
    var sequence = 0
    var sentNanoseconds: Int64 = 0
  }

  /// Events under way at once, a power of two.
  static let underWayMax = 1 << 16

  let publishers: Int
  let rooms: Int
  private var ring = [Event](repeating: Event(), count: Ledger.underWayMax)
  /// The last sequence that arrived, by receiver and publisher.
  private var arrived: [UInt32]
  /// The last sequence that was sent, by publisher and room.
  private var sent: [Int]
  /// Receivers that still listen, by room.
  private var audience: [Int]
  private var oldest = 0

  private(set) var underWay = 0
  private(set) var published = 0
  private(set) var expected = 0
  private(set) var deliveries = 0
  private(set) var orderViolations = 0
  private(set) var windowDeliveries = 0
  /// Of events that belong to the window.
  let latency = LatencyRecorder()
  private(set) var latencySum = 0.0
  private(set) var latencyLargest: Int64 = 0
  /// Arrivals within count for the throughput, and for the latency those that were sent within.
  var window: Range<Int64> = 0..<0

  init(receivers: Int, publishers: Int, rooms: Int) {
    self.publishers = max(1, publishers)
    self.rooms = rooms
    arrived = [UInt32](repeating: 0, count: receivers * self.publishers)
    sent = [Int](repeating: 0, count: self.publishers * rooms)
    audience = [Int](repeating: 0, count: rooms)
  }

  var isFull: Bool { published - oldest >= Self.underWayMax }
  var lost: Int { expected - deliveries }

  mutating func joined(room: Int) { audience[room] += 1 }

  /// Enters an event and returns the stamp it must carry.
  mutating func publish(publisher: Int, room: Int, at time: Int64) -> Stamp {
    let place = publisher * rooms + room
    sent[place] += 1
    let number = published
    published += 1
    expected += audience[room]
    if audience[room] > 0 { underWay += 1 }
    ring[number % Self.underWayMax] = Event(
      number: number, remaining: audience[room], room: room, publisher: publisher, sequence: sent[place],
      sentNanoseconds: time)
    return Stamp(nanoseconds: time, publisher: publisher, sequence: sent[place], number: number)
  }

  mutating func arrived(_ stamp: Stamp, receiver: Int, at now: Int64) throws(LoadError) {
    let event = ring[stamp.number % Self.underWayMax]
    guard stamp.publisher < publishers, stamp.number < published else { throw .violation("a stamp of no event") }
    let place = receiver * publishers + stamp.publisher
    guard stamp.sequence > Int(arrived[place]) else {
      orderViolations += 1
      return
    }
    arrived[place] = UInt32(truncatingIfNeeded: stamp.sequence)
    deliveries += 1
    if window.contains(now) { windowDeliveries += 1 }
    if window.contains(stamp.nanoseconds) { record(now - stamp.nanoseconds) }
    if event.number == stamp.number { lessen(stamp.number) }
  }

  private mutating func record(_ nanoseconds: Int64) {
    latency.record(nanoseconds: nanoseconds)
    latencySum += Double(nanoseconds)
    latencyLargest = max(latencyLargest, nanoseconds)
  }

  private mutating func lessen(_ number: Int) {
    let place = number % Self.underWayMax
    guard ring[place].remaining > 0 else { return }
    ring[place].remaining -= 1
    if ring[place].remaining == 0 { underWay -= 1 }
  }

  /// A receiver will get nothing more.
  mutating func left(receiver: Int, room: Int) {
    audience[room] -= 1
    for number in oldest..<published {
      let event = ring[number % Self.underWayMax]
      guard event.number == number, event.room == room, event.remaining > 0 else { continue }
      if event.sequence > Int(arrived[receiver * publishers + event.publisher]) { lessen(number) }
    }
  }

  /// The publisher was refused or its connection broke before the event was whole: nobody will get it.
  mutating func withdraw(_ number: Int) {
    let place = number % Self.underWayMax
    guard ring[place].number == number, ring[place].remaining > 0 else { return }
    expected -= ring[place].remaining
    ring[place].remaining = 0
    underWay -= 1
  }

  /// Gives up waiting for events older than `limit`, so that closed arrival goes on after a loss.
  mutating func forget(sentBefore limit: Int64) {
    while oldest < published {
      let place = oldest % Self.underWayMax
      if ring[place].remaining > 0 {
        guard ring[place].sentNanoseconds < limit else { return }
        ring[place].remaining = 0
        underWay -= 1
      }
      oldest += 1
    }
  }
}
