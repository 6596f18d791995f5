internal import Base
internal import Glibc

/// Requests by which hit rates are compared: the same in every run.
struct CacheTrace {
  enum Kind: Sendable {
    /// Four of five requests go to a fifth of the keys; a quarter of the keys fits.
    case eightyTwenty
    /// Popularity 1/rank over ten times as many keys as fit.
    case zipf
    /// Half of all requests go to what the latest requests were for, as many as 60 % of what fits; the rest is Zipf.
    case window
  }

  let keyCount: Int
  private let kind: Kind
  private let window: Int
  private var cumulative: [Double] = []
  private var recent: [Int] = []
  private var chance = SeededGenerator(seed: 42)

  init(_ kind: Kind, capacity: Int) {
    self.kind = kind
    keyCount = kind == .eightyTwenty ? capacity * 4 : capacity * 10
    window = max(1, capacity * 6 / 10)
    guard kind != .eightyTwenty else { return }
    var sum = 0.0
    for rank in 1...keyCount {
      sum += pow(Double(rank), kind == .zipf ? -1 : -0.8)
      cumulative.append(sum)
    }
  }

  mutating func next() -> Int {
    switch kind {
    case .eightyTwenty:
      let isHot = random(5) > 0
      return isHot ? random(keyCount / 5) : keyCount / 5 + random(keyCount - keyCount / 5)
    case .zipf: return popular()
    case .window:
      if recent.count >= window, random(2) == 0 { return recent[recent.count - 1 - random(window)] }
      recent.append(popular())
      return recent[recent.count - 1]
    }
  }

  private mutating func popular() -> Int {
    let target = Double(random(1 << 30)) / Double(1 << 30) * (cumulative.last ?? 0)
    var (low, high) = (0, cumulative.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if cumulative[middle] > target { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private mutating func random(_ bound: Int) -> Int { Int(chance.next() % UInt64(max(1, bound))) }

  /// Least recently used, as a cache that only counts.
  struct LRU {
    let capacity: Int
    private var lastUse: [Int: Int] = [:]
    private var uses: [Int: Int] = [:]
    private var (oldest, step) = (0, 0)

    init(capacity: Int) { self.capacity = capacity }

    /// Whether it was there; it is afterwards.
    mutating func request(_ number: Int) -> Bool {
      defer { step += 1 }
      let last = lastUse[number]
      if let last {
        uses[last] = nil
      } else if lastUse.count == capacity {
        while uses[oldest] == nil { oldest += 1 }
        if let victim = uses.removeValue(forKey: oldest) { lastUse[victim] = nil }
      }
      lastUse[number] = step
      uses[step] = number
      return last != nil
    }
  }
}
