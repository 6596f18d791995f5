/// Questions of the server to one client that wait for their answer: `2<id>[…]` out, `3<id>[…]` in.
///
/// Ids grow, so the entries are always sorted by them, and an answer is found by halving. The table is bounded, and an
/// empty one owns no memory. Times are nanoseconds of a monotonic clock.
public struct AckTable<Waiter: Sendable>: Sendable {
  private struct Entry: Sendable {
    var id: UInt64
    var deadline: UInt64
    var waiter: Waiter
  }

  private var entries: [Entry] = []
  private var nextID: UInt64 = 0

  public init() {}

  public var count: Int { entries.count }

  /// The earliest deadline, when anything waits.
  public var deadline: UInt64? { entries.lazy.map(\.deadline).min() }

  /// Returns the id to send, or nil when `countMax` questions wait already.
  public mutating func ask(_ waiter: Waiter, deadline: UInt64, countMax: Int) -> UInt64? {
    guard entries.count < countMax else { return nil }
    let id = nextID
    nextID += 1
    entries.append(Entry(id: id, deadline: deadline, waiter: waiter))
    return id
  }

  /// Who waits for this answer; nil for one that nobody asked for, came twice or came late.
  public mutating func answered(_ id: UInt64) -> Waiter? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].id < id { low = middle + 1 } else { high = middle }
    }
    guard low < entries.count, entries[low].id == id else { return nil }
    return entries.remove(at: low).waiter
  }

  /// Removes those whose deadline has come, oldest first.
  public mutating func expire(now: UInt64) -> [Waiter] {
    guard entries.contains(where: { now >= $0.deadline }) else { return [] }
    let late = entries.filter { now >= $0.deadline }.map(\.waiter)
    entries.removeAll { now >= $0.deadline }
    return late
  }

  /// The connection ended: nobody will be answered any more.
  public mutating func drain() -> [Waiter] {
    defer { entries = [] }
    return entries.map(\.waiter)
  }
}
