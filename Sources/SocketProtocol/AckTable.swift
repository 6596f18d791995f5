/// Questions of the server to its clients that wait for their answers: `2<id>[…]` out, `3<id>[…]` in. One question may
/// go to many clients under one id, so that its packet is written once; each of them answers for itself.
///
/// Ids grow, so the entries are always sorted by them, and an answer is found by halving. The table is bounded by the
/// answers it waits for, and an empty one owns no memory. Times are nanoseconds of a monotonic clock.
public struct AckTable<Client: Hashable & Sendable, Waiter: Sendable>: Sendable {
  private struct Entry: Sendable {
    var id: UInt64
    var deadline: UInt64
    var clients: Set<Client>
    var waiter: Waiter
  }

  private var entries: [Entry] = []
  private var nextID: UInt64 = 0
  /// Answers that are waited for.
  public private(set) var count = 0
  /// No deadline comes earlier; nil when nothing waits.
  public private(set) var deadline: UInt64?

  public init() {}

  public var isEmpty: Bool { entries.isEmpty }

  /// Returns the id to send, or nil when it would be more than `countMax` answers, or nobody is asked.
  public mutating func ask(_ clients: Set<Client>, _ waiter: Waiter, deadline: UInt64, countMax: Int) -> UInt64? {
    guard !clients.isEmpty, count + clients.count <= countMax else { return nil }
    let id = nextID
    nextID += 1
    count += clients.count
    entries.append(Entry(id: id, deadline: deadline, clients: clients, waiter: waiter))
    self.deadline = min(self.deadline ?? deadline, deadline)
    return id
  }

  /// Who waits for this answer; nil for one that this client was not asked for, came twice or came late.
  public mutating func answered(_ id: UInt64, by client: Client) -> Waiter? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].id < id { low = middle + 1 } else { high = middle }
    }
    guard low < entries.count, entries[low].id == id, entries[low].clients.remove(client) != nil else { return nil }
    count -= 1
    let waiter = entries[low].waiter
    if entries[low].clients.isEmpty { entries.remove(at: low) }
    if entries.isEmpty { deadline = nil }
    return waiter
  }

  /// The client is gone: it answers nothing any more. Who waited for it, once a question.
  public mutating func forget(_ client: Client) -> [Waiter] {
    var waiters: [Waiter] = []
    for index in entries.indices where entries[index].clients.remove(client) != nil {
      waiters.append(entries[index].waiter)
    }
    guard !waiters.isEmpty else { return [] }
    count -= waiters.count
    entries.removeAll { $0.clients.isEmpty }
    if entries.isEmpty { deadline = nil }
    return waiters
  }

  /// Removes the questions whose deadline has come, oldest first, each with the number of answers that are missing.
  public mutating func expire(now: UInt64) -> [(waiter: Waiter, missing: Int)] {
    guard let deadline, now >= deadline else { return [] }
    let late = entries.filter { now >= $0.deadline }.map { (waiter: $0.waiter, missing: $0.clients.count) }
    entries.removeAll { now >= $0.deadline }
    count -= late.reduce(0) { $0 + $1.missing }
    self.deadline = entries.lazy.map(\.deadline).min()
    return late
  }

  /// Nobody will answer any more.
  public mutating func drain() -> [(waiter: Waiter, missing: Int)] {
    defer { (entries, count, deadline) = ([], 0, nil) }
    return entries.map { ($0.waiter, $0.clients.count) }
  }
}
