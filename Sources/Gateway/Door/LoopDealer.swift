internal import Synchronization

/// Deals sessions round the loops.
final class LoopDealer: Sendable {
  private let count = Atomic<UInt>(0)

  func next(_ loops: Int) -> Int {
    Int(count.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(max(1, loops)))
  }
}
