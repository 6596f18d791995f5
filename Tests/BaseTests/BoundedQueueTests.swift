import Base
import TestKit
import Testing

@Suite struct BoundedQueueTests {
  @Test func theOldestGoesWhenItIsFullAndIsCounted() {
    var queue = BoundedQueue<Int>(capacity: 2)
    #expect(queue.append(1) == nil && queue.append(2) == nil)
    #expect(queue.append(3) == 1)
    #expect(Array(queue.contents) == [2, 3] && queue.dropped == 1 && queue.count == 2)
  }

  @Test func drainTakesEverythingInOrderAndKeepsTheCountOfDrops() {
    var queue = BoundedQueue<Int>(capacity: 3)
    for number in 0..<5 { queue.append(number) }
    #expect(queue.drain() == [2, 3, 4])
    #expect(queue.isEmpty && queue.dropped == 2 && queue.drain().isEmpty)
    #expect(queue.popFirst() == nil)
  }

  @Test func itBehavesLikeAListCutAtItsCapacity() {
    var random = SeededRandom()
    for _ in 0..<200 {
      let capacity = Int.random(in: 1...5, using: &random)
      var queue = BoundedQueue<UInt64>(capacity: capacity)
      var model: [UInt64] = []
      var dropped: UInt64 = 0
      for _ in 0..<50 {
        if Bool.random(using: &random) {
          let value = random.next()
          queue.append(value)
          model.append(value)
          if model.count > capacity {
            model.removeFirst()
            dropped += 1
          }
        } else {
          #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()), "\(random)")
        }
        #expect(Array(queue.contents) == model && queue.dropped == dropped, "\(random)")
      }
    }
  }
}
