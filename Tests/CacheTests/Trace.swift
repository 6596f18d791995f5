import TestKit

/// Request sequences over 10,000 keys, the same for everybody who asks.
final class Trace {
  private let name: String
  /// For windows: how many of the latest requests half of all requests come from.
  private let window: Int
  private var random = SeededRandom(seed: 42)
  private var cumulative: [Double] = []
  private var recent: [Int] = []

  /// `capacity` is that of the cache it is made to trouble: `window60` has a window of 60 % of it.
  init(_ name: String, _ capacity: Int) {
    self.name = name
    let percent = name.hasPrefix("window") ? Int(name.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0 : 0
    window = capacity * percent / 100
    let isFlat = name == "zipf0.8" || name == "session" || percent > 0
    var sum = 0.0
    for rank in 1...10_000 {
      sum += 1 / power(Double(rank), isFlat ? 0.8 : 1)
      cumulative.append(sum)
    }
  }

  private func power(_ base: Double, _ exponent: Double) -> Double {
    exponent == 1 ? base : base / fifthRoot(base)
  }

  private func fifthRoot(_ value: Double) -> Double {
    var root = 1.0
    for _ in 0..<60 { root -= (root - value / (root * root * root * root)) / 5 }
    return root
  }

  private func zipf() -> Int {
    let target = Double.random(in: 0..<(cumulative.last ?? 1), using: &random)
    var (low, high) = (0, cumulative.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > target { high = middle } else { low = middle + 1 }
    }
    return low
  }

  func next(_ step: Int) -> Int {
    switch name {
    case "scans": return step % 2 == 0 ? zipf() : 100_000 + step
    case "repeated": return step % 3 == 0 ? 20_000 + (step / 3) % 2_000 : zipf()
    case "loop": return step % 1_200
    case "drift": return zipf() + step / 100
    case "session":
      // An agent that comes back to what it touched lately.
      if !recent.isEmpty, Int.random(in: 0..<5, using: &random) == 0 {
        return recent[Int.random(in: 0..<recent.count, using: &random)]
      }
      let key = zipf()
      recent.append(key)
      if recent.count > 16 { recent.removeFirst() }
      return key
    default: return window > 0 ? windowed(step) : zipf()
    }
  }

  /// Half of what is asked for was asked for in the window, the rest is popular (Zipf) or has never been seen.
  private func windowed(_ step: Int) -> Int {
    if recent.count >= window, Bool.random(using: &random) {
      return recent[recent.count - 1 - Int.random(in: 0..<window, using: &random)]
    }
    let key = name.hasSuffix("new") ? 100_000 + step : zipf()
    recent.append(key)
    return key
  }
}
