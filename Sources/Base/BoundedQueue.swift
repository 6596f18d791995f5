public import DequeModule

/// A first-in first-out queue of fixed capacity. What does not fit pushes out the oldest, and `dropped` counts it:
/// nothing in signalbox may grow without a bound, and nothing is lost without a number that says so.
public struct BoundedQueue<Element> {
  public let capacity: Int
  /// How many elements were pushed out since the start.
  public private(set) var dropped: UInt64 = 0
  private var elements: Deque<Element> = []

  public init(capacity: Int) {
    precondition(capacity > 0, "a queue holds at least one element")
    self.capacity = capacity
  }

  public var count: Int { elements.count }
  public var isEmpty: Bool { elements.isEmpty }

  /// Appends; returns the element that had to go, if any.
  @discardableResult
  public mutating func append(_ element: Element) -> Element? {
    var oldest: Element?
    if elements.count == capacity {
      oldest = elements.removeFirst()
      dropped += 1
    }
    elements.append(element)
    return oldest
  }

  public mutating func popFirst() -> Element? { elements.popFirst() }

  /// Takes everything at once, oldest first.
  public mutating func drain() -> [Element] {
    defer { elements.removeAll(keepingCapacity: true) }
    return Array(elements)
  }

  /// The elements, oldest first, without removing them.
  public var contents: Deque<Element> { elements }
}

extension BoundedQueue: Sendable where Element: Sendable {}
