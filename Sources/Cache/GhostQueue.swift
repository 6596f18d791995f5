internal import DequeModule

/// Hashes of what was pushed out of the small queue a while ago, oldest first, bounded by the bytes they stood for.
struct GhostQueue {
  private var order: Deque<(hash: UInt64, weight: Int32)> = []
  private var members: Set<UInt64> = []
  private var weight = 0
  let weightMax: Int

  init(weightMax: Int) { self.weightMax = weightMax }

  var count: Int { members.count }

  mutating func insert(_ hash: UInt64, weight itemWeight: Int) {
    guard members.insert(hash).inserted else { return }
    order.append((hash, Int32(clamping: itemWeight)))
    weight += Int(Int32(clamping: itemWeight))
    while weight > weightMax, let oldest = order.popFirst() {
      weight -= Int(oldest.weight)
      members.remove(oldest.hash)
    }
  }

  /// Whether it was there; it is not afterwards. Its place in the order goes when its turn comes.
  mutating func remove(_ hash: UInt64) -> Bool { members.remove(hash) != nil }

  mutating func removeAll() {
    order.removeAll()
    members.removeAll()
    weight = 0
  }
}
