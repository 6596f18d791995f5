internal import DequeModule

/// Who runs next: one queue an owner, and owners take turns, so that a thousand runs of one do not stand before the
/// first of another. Pure; bounded in all.
struct FairQueue<Element: Sendable>: Sendable {
  let capacity: Int
  private(set) var count = 0
  private var queues: [String: Deque<Element>] = [:]
  private var turns: Deque<String> = []

  init(capacity: Int) { self.capacity = capacity }

  /// False when it is full.
  mutating func append(_ element: Element, owner: String) -> Bool {
    guard count < capacity else { return false }
    if queues[owner] == nil { turns.append(owner) }
    queues[owner, default: []].append(element)
    count += 1
    return true
  }

  mutating func popFirst() -> Element? {
    guard let owner = turns.popFirst(), var queue = queues[owner], let element = queue.popFirst() else { return nil }
    queues[owner] = queue.isEmpty ? nil : queue
    if !queue.isEmpty { turns.append(owner) }
    count -= 1
    return element
  }

  /// Takes out the first that fits.
  mutating func remove(where fits: (Element) -> Bool) -> Element? {
    for (owner, queue) in queues {
      guard let index = queue.firstIndex(where: fits) else { continue }
      var rest = queue
      let element = rest.remove(at: index)
      queues[owner] = rest.isEmpty ? nil : rest
      if rest.isEmpty { turns.removeAll { $0 == owner } }
      count -= 1
      return element
    }
    return nil
  }
}
