internal import DequeModule

/// What this node still has to tell the others, in its order, and what it told them last. A pure value.
///
/// A broadcast stays `pending` until Redis has answered that it is in this node's log and was published (one
/// script, so both or none). When a connection ends, what was under way may have happened or not: the log's last
/// number says which, and `resume` continues behind it. Nothing is published twice, nothing is left out.
///
/// Redis may also come back with less than it had (restarted empty, failed over). Then the last number is below
/// what was acknowledged: the newest acknowledged ones, kept for that, are published again, and nodes that had them
/// ignore them.
///
/// Every entry names its predecessor, so that a reader of the log sees a hole. Holes exist: while Redis is away the
/// queue is bounded and the oldest go. `lost` is the number up to which something may be missing; peers are told.
struct ClusterOutbox: Sendable {
  struct Limits: Sendable {
    var pendingMax = 50_000
    var pendingBytesMax = 32 << 20
    /// Acknowledged broadcasts kept for a Redis that forgets.
    var retainedMax = 1_024
    var retainedBytesMax = 4 << 20
    /// Older ones would surprise a node that is new.
    var retainedAgeNanoseconds: UInt64 = 60_000_000_000
    /// What the log in Redis holds.
    var logMax = 50_000
    var logBytesMax = 64 << 20
    var logAgeNanoseconds: UInt64 = 900_000_000_000

    init() {}
  }

  struct Entry: Sendable {
    var broadcast: Broadcast
    var previous: UInt64
    var bytes: Int
    /// Volatile broadcasts are published and not logged.
    var isLogged: Bool
    var sequence: UInt64 { broadcast.origin.sequence }
  }

  /// How much the log had received when it reached a sequence number.
  private struct Mark {
    var sequence: UInt64
    var count: Int
    var bytes: Int
    var time: UInt64
  }

  let limits: Limits
  private(set) var pendingBytes = 0
  /// Published and in the log up to here, as far as this node knows.
  private(set) var acknowledged: UInt64 = 0
  /// Up to here something may be missing for the others.
  private(set) var lost: UInt64 = 0
  private(set) var published: UInt64 = 0
  private(set) var dropped: UInt64 = 0
  private var pending: Deque<Entry> = []
  private var retained: Deque<Entry> = []
  private var retainedBytes = 0
  private var lastLogged: UInt64 = 0
  private var marks: Deque<Mark> = []
  private var logged = (count: 0, bytes: 0)
  /// Entries of the log below this number are too old, or too many.
  private(set) var logFloor: UInt64 = 0

  init(_ limits: Limits = .init()) { self.limits = limits }

  var isEmpty: Bool { pending.isEmpty }
  var count: Int { pending.count }

  mutating func append(_ broadcast: Broadcast, isConnected: Bool) {
    let emission = broadcast.emission
    if emission.isVolatile, !isConnected {
      dropped += 1
      return
    }
    let size = 128 + emission.arguments.count + emission.attachments.reduce(0) { $0 + $1.count }
    let entry = Entry(broadcast: broadcast, previous: lastLogged, bytes: size, isLogged: !emission.isVolatile)
    if entry.isLogged { lastLogged = entry.sequence }
    pending.append(entry)
    pendingBytes += size
    while pending.count > limits.pendingMax || pendingBytes > limits.pendingBytesMax, let first = pending.popFirst() {
      pendingBytes -= first.bytes
      dropped += 1
      if first.isLogged { lost = max(lost, first.sequence) }
    }
  }

  /// The next entries, oldest first; they stay until `acknowledge`. At least one if there is any.
  func next(countMax: Int, bytesMax: Int) -> [Entry] {
    var bytes = 0
    return Array(
      pending.prefix(countMax).prefix { entry in
        defer { bytes += entry.bytes }
        return bytes == 0 || bytes + entry.bytes <= bytesMax
      })
  }

  /// Redis has these. An entry that was pushed out meanwhile is acknowledged all the same.
  mutating func acknowledge(_ entries: [Entry], now: UInt64) {
    for entry in entries {
      if let first = pending.first, first.sequence == entry.sequence {
        pending.removeFirst()
        pendingBytes -= first.bytes
      }
      published += 1
      if entry.isLogged { noteLogged(entry, now) }
    }
  }

  private mutating func noteLogged(_ entry: Entry, _ now: UInt64) {
    acknowledged = max(acknowledged, entry.sequence)
    retained.append(entry)
    retainedBytes += entry.bytes
    while retained.count > limits.retainedMax || retainedBytes > limits.retainedBytesMax,
      let first = retained.popFirst()
    {
      retainedBytes -= first.bytes
    }
    logged.count += 1
    logged.bytes += entry.bytes
    if let last = marks.last, logged.count - last.count < limits.logMax / 64,
      logged.bytes - last.bytes < limits.logBytesMax / 64, now < last.time + 1_000_000_000
    {
      return
    }
    marks.append(Mark(sequence: entry.sequence, count: logged.count, bytes: logged.bytes, time: now))
    moveFloor(now)
  }

  mutating func moveFloor(_ now: UInt64) {
    while let first = marks.first,
      logged.count - first.count > limits.logMax || logged.bytes - first.bytes > limits.logBytesMax
        || now > first.time + limits.logAgeNanoseconds
    {
      logFloor = first.sequence
      marks.removeFirst()
    }
  }

  /// A new connection: the log's last number is `last`, or there is no log.
  mutating func resume(after last: UInt64?, now: UInt64) {
    let last = last ?? 0
    while let first = pending.first, first.isLogged ? first.sequence <= last : first.sequence < last {
      pending.removeFirst()
      pendingBytes -= first.bytes
      acknowledged = max(acknowledged, first.sequence)
      published += 1
    }
    guard last < acknowledged else { return }
    while let first = retained.first, first.broadcast.sequencedAt + limits.retainedAgeNanoseconds < now {
      retained.removeFirst()
    }
    lost = max(lost, retained.first?.previous ?? acknowledged)
    for entry in retained.reversed() where entry.sequence > last {
      pending.prepend(entry)
      pendingBytes += entry.bytes
    }
    retained.removeAll()
    retainedBytes = 0
  }
}
