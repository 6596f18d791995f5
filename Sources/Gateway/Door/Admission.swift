internal import Synchronization

/// Counts what is open, so that the acceptor knows when the house is full. Every descriptor has one `Admission.Ticket`
/// from accept to close, whichever thread holds it.
final class Admission: Sendable {
  /// Connections beyond the limit that still get a proper 503; others are closed unread.
  static let politeMargin = 256

  let connectionsMax: Int
  private let open = Atomic(0)
  private let halfOpen = Atomic(0)
  let refused = Atomic<UInt64>(0)
  let accepted = Atomic<UInt64>(0)
  let isDraining = Atomic(false)

  init(connectionsMax: Int) { self.connectionsMax = connectionsMax }

  enum Verdict { case welcome, polite503, cut }

  /// Counts a new descriptor as open and half open, unless it is `cut`. Of too many half open ones the oldest goes
  /// (`HalfOpenCrowd`).
  func enter() -> Verdict {
    let now = open.load(ordering: .relaxed)
    guard now < connectionsMax + Self.politeMargin else {
      refused.wrappingAdd(1, ordering: .relaxed)
      return .cut
    }
    open.wrappingAdd(1, ordering: .relaxed)
    halfOpen.wrappingAdd(1, ordering: .relaxed)
    accepted.wrappingAdd(1, ordering: .relaxed)
    guard now < connectionsMax, !isDraining.load(ordering: .relaxed) else {
      refused.wrappingAdd(1, ordering: .relaxed)
      return .polite503
    }
    return .welcome
  }

  /// Its first request is whole, or it closed before.
  func handshaken() { halfOpen.wrappingSubtract(1, ordering: .relaxed) }

  func left() { open.wrappingSubtract(1, ordering: .relaxed) }

  var openCount: Int { open.load(ordering: .relaxed) }
  var halfOpenCount: Int { halfOpen.load(ordering: .relaxed) }
}
