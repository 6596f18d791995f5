internal import Synchronization

/// Which loop a new session belongs to.
///
/// A loop that serves all members of a room joins the events of one tick in one send, and two loops that serve half of
/// them each do so for half as many events: the same deliveries cost up to twice the CPU time. So loops are taken into
/// use one after the other, each once those before it have `packed` sessions; when all have, the emptiest is next.
final class LoopDealer: Sendable {
  /// 0: the loops take turns.
  private let packed: Int
  private let count = Atomic<UInt>(0)

  init(packed: Int = 0) { self.packed = packed }

  /// `sessions`: how many each loop has. A figure that is some milliseconds old overfills a loop by what came since.
  func next(_ sessions: [Int]) -> Int {
    if packed > 0 {
      return sessions.firstIndex { $0 < packed } ?? sessions.indices.min { sessions[$0] < sessions[$1] } ?? 0
    }
    return Int(count.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(max(1, sessions.count)))
  }
}
