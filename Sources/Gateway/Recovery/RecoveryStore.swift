internal import DequeModule

/// Sessions whose client went away and may come back, bounded in time, number and bytes. A pure value; time is
/// passed in (monotonic nanoseconds). A session comes back at most once: whoever takes it has it.
struct RecoveryStore: Sendable {
  struct Limits: Sendable {
    /// How long a client may stay away: 10 minutes are promised.
    var lifeNanoseconds: UInt64 = 660_000_000_000
    var sessions = 50_000
    var bytes = 32 << 20

    init() {}
  }

  private struct Kept {
    var session: RecoverySession
    var until: UInt64
    var number: UInt64
    var bytes: Int
  }

  let limits: Limits
  private(set) var bytes = 0
  /// Sessions that a bound pushed out before their time.
  private(set) var dropped: UInt64 = 0
  private var kept: [String: Kept] = [:]
  /// In the order in which they went away, which is that of their end; taken ones stay until they are passed.
  private var order: Deque<(pid: String, number: UInt64)> = []
  private var number: UInt64 = 0
  /// Sessions whose time is over, or that a bound pushed out, since somebody last asked.
  private var gone: [String] = []

  init(_ limits: Limits = .init()) { self.limits = limits }

  var count: Int { kept.count }

  mutating func keep(_ session: RecoverySession, now: UInt64) {
    expire(now)
    remove(session.pid)
    number += 1
    let size = Self.size(session)
    kept[session.pid] = Kept(session: session, until: now + limits.lifeNanoseconds, number: number, bytes: size)
    order.append((session.pid, number))
    bytes += size
    while kept.count > limits.sessions || bytes > limits.bytes, let oldest = popOldest() {
      remove(oldest)
      gone.append(oldest)
      dropped += 1
    }
    compact()
  }

  /// The session, once, if its time is not over.
  mutating func take(_ pid: String, now: UInt64) -> RecoverySession? {
    expire(now)
    guard let session = kept[pid]?.session else { return nil }
    remove(pid)
    return session
  }

  mutating func forget(_ pid: String) { remove(pid) }

  /// The private ids of those that nobody can come back to any more, each once.
  mutating func takeGone(now: UInt64) -> [String] {
    expire(now)
    defer { gone = [] }
    return gone
  }

  private mutating func expire(_ now: UInt64) {
    while let first = order.first {
      if let held = kept[first.pid], held.number == first.number {
        guard held.until <= now else { return }
        remove(first.pid)
        gone.append(first.pid)
      }
      order.removeFirst()
    }
  }

  private mutating func popOldest() -> String? {
    while let first = order.popFirst() {
      if kept[first.pid]?.number == first.number { return first.pid }
    }
    return nil
  }

  private mutating func remove(_ pid: String) {
    if let held = kept.removeValue(forKey: pid) { bytes -= held.bytes }
  }

  /// Clients that come and go leave entries behind in `order`.
  private mutating func compact() {
    guard order.count > 64, order.count > 2 * kept.count else { return }
    order = order.filter { kept[$0.pid]?.number == $0.number }
  }

  private static func size(_ session: RecoverySession) -> Int {
    256 + session.pid.utf8.count + session.sid.utf8.count + session.user.utf8.count
      + session.rooms.reduce(0) { $0 + $1.utf8.count + 24 }
      + session.held.reduce(0) { $0 + $1.after.utf8.count + 96 }
  }
}
