@testable import Cache

/// What the scripts do in Redis, as a value: copying it is a snapshot. One step each, as in Redis.
struct SimulatedRedis {
  private(set) var values: [CacheKey: (item: CacheItem, epoch: Int)] = [:]
  private(set) var sequence: UInt64 = 1
  private(set) var log: [LogEntry] = []
  private(set) var epoch: Int
  private(set) var nextID = 0

  init(epoch: Int) { self.epoch = epoch }

  mutating func write(_ item: CacheItem) -> UInt64 {
    values[item.key] = (item.stamped(sequence), epoch)
    return sequence
  }

  mutating func fill(_ item: CacheItem, sequence expected: UInt64, mark: [UInt8]) -> FillOutcome {
    guard sequence == expected else { return .behind(sequence) }
    if let held = values[item.key], Self.mark(held.item) != mark { return .superseded }
    values[item.key] = (item.stamped(sequence), epoch)
    return .stored
  }

  /// What lies there, and what is valid of it as far as the epoch goes.
  func read(_ key: CacheKey) -> SecondLevelRead {
    guard let held = values[key] else { return SecondLevelRead() }
    return SecondLevelRead(item: held.epoch == epoch ? held.item : nil, mark: Self.mark(held.item))
  }

  private static func mark(_ item: CacheItem) -> [UInt8] {
    var mark: [UInt8] = []
    Envelope.append(item.writeID, to: &mark)
    return mark
  }

  mutating func commit(_ rule: InvalidationRule, id: String) -> LogEntry {
    sequence += 1
    let entry = LogEntry(sequence: sequence, id: id, rule: rule)
    if case .keys(let namespace, let keys, _) = rule {
      for key in keys { values[CacheKey(unchecked: key, namespace)] = nil }
    }
    log.append(entry)
    return entry
  }

  mutating func remove(_ dead: [CacheItem]) {
    for item in dead where values[item.key]?.item.writeID == item.writeID { values[item.key] = nil }
  }

  mutating func trim(to count: Int) { log = Array(log.suffix(count)) }

  mutating func roll(epoch: Int, past known: UInt64) {
    sequence = max(sequence, known) + 1
    self.epoch = epoch
    log = []
  }
}
