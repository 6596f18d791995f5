internal import Synchronization

/// Where tasks leave commands for the connection, without a lock: a stack after Treiber (IBM RJ 5118, 1986), linked
/// through the tickets. Pushing is one exchange of its head; whoever serves the connection takes the whole stack with
/// another and turns it round. Since nothing is ever popped alone, a head that was seen cannot come back with another
/// tail under it (the ABA problem of such stacks).
///
/// A mutex in its place made 64 tasks wait for each other: the kernel hands a contended one from thread to thread,
/// at the price of a switch each time.
///
/// The last head is `closed`, a ticket nobody holds a claim on; what is pushed after it is refused, so nothing can be
/// left here for ever.
final class CommandInbox: Sendable {
  enum Refusal {
    case full, closed
  }

  private let head = Atomic<Unmanaged<Ticket>?>(nil)
  private let closed = Ticket()
  private let pending = Atomic<Int>(0)
  private let unsent = Atomic<Int>(0)
  private let pendingMax: Int
  private let unsentMax: Int

  init(options: RedisOptions) {
    pendingMax = options.pendingMax
    unsentMax = options.outputBytesMax
  }

  deinit { for ticket in take() { ticket.resolve(.failure(.closed("it is not open"))) } }

  /// Tickets handed over and not answered, here and with the connection.
  var count: Int { pending.load(ordering: .relaxed) }

  var isEmpty: Bool { head.load(ordering: .sequentiallyConsistent) == nil }

  // MARK: Tasks

  /// Counts a ticket; false when it would be one too many, or too large.
  func admit(_ ticket: Ticket) -> Bool {
    let size = ticket.sizeEstimate
    guard pending.add(1, ordering: .relaxed).newValue <= pendingMax else {
      answered(1)
      return false
    }
    guard unsent.add(size, ordering: .relaxed).newValue <= unsentMax else {
      answered(1)
      sent(size)
      return false
    }
    return true
  }

  /// Leaves a ticket. Nil: whoever serves the connection will find it.
  func push(_ ticket: Ticket) -> Refusal? {
    guard admit(ticket) else { return .full }
    let mark = Unmanaged.passUnretained(closed).toOpaque()
    let new = Unmanaged.passRetained(ticket)
    var seen = head.load(ordering: .relaxed)
    while seen?.toOpaque() != mark {
      ticket.next.store(seen, ordering: .relaxed)
      let (exchanged, original) = head.weakCompareExchange(
        expected: seen, desired: new, ordering: .sequentiallyConsistent)
      if exchanged { return nil }
      seen = original
    }
    new.release()
    return .closed
  }

  // MARK: Whoever serves the connection

  /// Everything that lies here, in the order in which it came.
  func take() -> [Ticket] { unlink(head.exchange(nil, ordering: .acquiringAndReleasing)) }

  /// The same for the last time.
  func close() -> [Ticket] {
    unlink(head.exchange(Unmanaged.passUnretained(closed), ordering: .acquiringAndReleasing))
  }

  func answered(_ count: Int) { pending.subtract(count, ordering: .relaxed) }

  /// Bytes that the kernel has taken, or that an estimate was too large by.
  func sent(_ bytes: Int) { unsent.subtract(bytes, ordering: .relaxed) }

  private func unlink(_ head: Unmanaged<Ticket>?) -> [Ticket] {
    var tickets: [Ticket] = []
    var next = head
    let mark = Unmanaged.passUnretained(closed).toOpaque()
    while let entry = next, entry.toOpaque() != mark {
      let ticket = entry.takeRetainedValue()
      next = ticket.next.exchange(nil, ordering: .relaxed)
      tickets.append(ticket)
    }
    tickets.reverse()
    return tickets
  }
}
