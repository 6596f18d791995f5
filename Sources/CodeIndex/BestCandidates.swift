/// The best so far, as a heap whose top is the worst of them: what does not beat the top costs one comparison.
struct BestCandidates {
  private var heap: [Searcher.Candidate] = []
  private let limit: Int

  init(limit: Int) { self.limit = max(1, limit) }

  @inline(__always)
  func accepts(_ score: Float) -> Bool { heap.count < limit || score > heap[0].score }

  mutating func add(_ candidate: Searcher.Candidate) {
    if heap.count < limit {
      heap.append(candidate)
      var child = heap.count - 1
      while child > 0, heap[child].score < heap[(child - 1) / 2].score {
        heap.swapAt(child, (child - 1) / 2)
        child = (child - 1) / 2
      }
    } else {
      heap[0] = candidate
      sink()
    }
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].score < heap[least].score {
        least = child
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }

  func sorted() -> [Searcher.Candidate] { heap.sorted(by: Searcher.Candidate.isBetter) }
}
