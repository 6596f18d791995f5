internal import DequeModule

/// Hashes of entries that left a queue lately, bounded by the bytes they stood for.
struct GhostQueue {
  /// Where each hash stands on `clock`, which counts the bytes that came in.
  private var places: [UInt64: Int] = [:]
  private var order: Deque<(hash: UInt64, place: Int)> = []
  private var clock = 0
  let weightMax: Int

  init(weightMax: Int) { self.weightMax = weightMax }

  var count: Int { places.count }

  mutating func insert(_ hash: UInt64, weight: Int) {
    clock += weight
    places[hash] = clock
    order.append((hash, clock))
    while let oldest = order.first, clock - oldest.place > weightMax {
      order.removeFirst()
      // A hash that left and came again stands at a later place.
      if places[oldest.hash] == oldest.place { places[oldest.hash] = nil }
    }
  }

  /// How many bytes came in after it; nil when it is not there. It is not afterwards.
  mutating func remove(_ hash: UInt64) -> Int? {
    guard let place = places.removeValue(forKey: hash) else { return nil }
    return clock - place
  }

  mutating func removeAll() {
    places.removeAll()
    order.removeAll()
  }
}
