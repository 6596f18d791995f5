/// A figure of the node in each of the last seconds, on a scale that seldom moves: its top is a round number, grows at
/// once with the figure, and sinks only when the whole minute has stayed well under the next lower one.
struct Series: Sendable, Equatable {
  /// Seconds kept.
  static let length = 60

  /// Oldest first.
  private(set) var values: [Double] = []
  /// What fills the full height.
  private(set) var top: Double
  /// The scale's top at least, so that a figure of next to nothing looks like it.
  private let least: Double

  init(least: Double = 10) {
    self.least = least
    top = Self.step(least)
  }

  /// Appends a value that held for `seconds`. True when something that is shown has changed.
  mutating func add(_ value: Double, seconds: Int = 1) -> Bool {
    let before = self
    let value = value.isFinite ? max(0, value) : 0
    let count = min(Self.length, max(1, seconds))
    values = (values + Array(repeating: value, count: count)).suffix(Self.length)
    let peak = max(least, values.max() ?? 0)
    if peak > top || Self.step(peak / 0.8) < top { top = Self.step(peak) }
    // What is zero is drawn as what is not there.
    return top != before.top || !values.drop { $0 == 0 }.elementsEqual(before.values.drop { $0 == 0 })
  }

  /// The least of 1, 2, 5, 10, 20, … that is not below a value.
  static func step(_ value: Double) -> Double {
    guard value.isFinite, value < 1e15 else { return 1e15 }
    var unit = 1.0
    while unit * 10 <= value { unit *= 10 }
    return [1, 2, 5, 10].map { $0 * unit }.first { $0 >= value } ?? 10 * unit
  }
}

/// When a second of a node's life has passed, by its uptime: that stands for the same moment as the figures beside it,
/// however late the console hears of them.
struct SecondHand: Sendable, Equatable {
  private var last: Double?

  /// The seconds since the last time there was one; nil while that one is not over, and at the beginning of another
  /// life of the node, from which on it counts anew.
  mutating func advance(to uptime: Double) -> Double? {
    guard let last, uptime >= last else {
      last = uptime
      return nil
    }
    guard uptime - last >= 0.9 else { return nil }
    self.last = uptime
    return uptime - last
  }

  /// Whether `uptime` belongs to another life of the node.
  func isOver(at uptime: Double) -> Bool { last.map { uptime < $0 } ?? false }
}
