internal import Synchronization

/// The first level: shards by hash, so that threads rarely meet at a lock.
final class CacheStore: Sendable {
  typealias Claim = CacheShard.Claim

  let bytesMax: Int
  let rules: RuleBook
  /// Longest time an entry is served without being read again from the second level; a backstop, not a mechanism.
  let ageMaxMilliseconds: Int64
  let namespaces = NamespaceTable()
  private let shards: [CacheShard]
  private let shardMask: UInt64

  init(bytesMax: Int, rules: RuleBook, ageMaxMilliseconds: Int64 = .max, shardCount: Int? = nil) {
    var count = 1
    while count < 16, bytesMax / (count * 2) >= 1 << 20 { count *= 2 }
    count = shardCount ?? count
    self.bytesMax = bytesMax
    self.rules = rules
    self.ageMaxMilliseconds = ageMaxMilliseconds
    shards = (0..<count).map { _ in CacheShard(bytesMax: max(1, bytesMax / count), rules: rules) }
    shardMask = UInt64(count - 1)
  }

  /// The heaviest entry that is kept. One such entry may be all that its shard holds.
  var weightMax: Int { max(bytesMax / 8, bytesMax / shards.count) }

  private func shard(_ key: CacheKey) -> CacheShard { shards[Int(key.hash & shardMask)] }

  func get(_ key: CacheKey, now: Int64, isCounted: Bool = true) -> CacheItem? {
    shard(key).get(key, now: now, isCounted: isCounted)
  }

  func claim(_ key: CacheKey) -> Claim { shard(key).claim(key) }

  func stands(_ claim: Claim, _ key: CacheKey) -> Bool { shard(key).stands(claim, key) }

  /// See `CacheShard.settle`. `since`: the version of the rule book from which rules can matter; 0 for values that are
  /// older than the claim. `source`: where the value comes from.
  @discardableResult
  func settle(
    _ claim: Claim, _ key: CacheKey, with item: CacheItem?, since: UInt64, now: Int64, source: CacheShard.Source = .read
  ) -> Bool {
    let limit = now.addingReportingOverflow(ageMaxMilliseconds)
    let deadline = min(item?.expires ?? .max, limit.overflow ? .max : limit.partialValue)
    return shard(key).settle(
      claim, key, with: item, since: since, deadline: deadline, namespace: namespaces.index(of: key.namespace),
      weightMax: weightMax, source: source)
  }

  /// The end of a read of the second level under a claim. `isCurrent` is asked last: whether the read's life lasts.
  ///
  /// Only what was seen dead may be filled over. A value that is valid and cannot be served, because its key changed
  /// since the claim, keeps its place: the read then has no mark, and a fill finds the key taken.
  func settle(
    _ claim: Claim, _ key: CacheKey, reading read: SecondLevelRead, now: Int64, isCurrent: () -> Bool
  ) -> (read: SecondLevelRead, isOvertaken: Bool) {
    guard let item = read.item, item.expires > now, rules.verdict(on: item, since: 0).isValid else {
      settle(claim, key, with: nil, since: 0, now: now)
      return (SecondLevelRead(item: nil, mark: read.mark), false)
    }
    let isKept = settle(claim, key, with: item, since: 0, now: now)
    guard isKept, isCurrent() else { return (SecondLevelRead(), true) }
    return (read, false)
  }

  @discardableResult
  func drop(_ key: CacheKey) -> CacheItem? { shard(key).drop(key) }

  func dropAll() {
    for shard in shards { shard.dropAll() }
  }

  func remove(_ item: CacheItem, isExpiry: Bool = false) -> Bool {
    shard(item.key).remove(item, isExpiry: isExpiry)
  }

  /// Walks all entries in pages, holding one shard's lock for one page at a time; stops when `visit` says so.
  func walk(pageSize: Int = 512, _ visit: ([CacheItem]) -> Bool) {
    for shard in shards {
      var position: Int? = 0
      while let start = position {
        let page = shard.page(from: start, limit: pageSize)
        guard visit(page.items) else { return }
        position = page.next
      }
    }
  }

  /// Counters by namespace, over all shards.
  func counters() -> [CacheShard.Counters] {
    var total: [CacheShard.Counters] = []
    for shard in shards {
      for (index, counters) in shard.counters.enumerated() {
        while total.count <= index { total.append(.init()) }
        total[index].hits += counters.hits
        total[index].evictions += counters.evictions
        total[index].expirations += counters.expirations
        total[index].entries += counters.entries
        total[index].bytes += counters.bytes
      }
    }
    return total
  }

  var claimCount: Int { shards.reduce(0) { $0 + $1.claimCount } }
}

/// Small numbers for namespaces, so that counting one is an array access. The last number stands for all that came
/// after the table was full.
final class NamespaceTable: Sendable {
  private let state = Mutex<(numbers: [String: UInt16], names: [String])>(([:], []))

  func index(of namespace: CacheNamespace) -> UInt16 {
    state.withLock { state in
      if let number = state.numbers[namespace.name] { return number }
      let number = UInt16(min(state.names.count, CacheLimits.countedNamespaces))
      guard state.names.count < CacheLimits.countedNamespaces else { return number }
      state.numbers[namespace.name] = number
      state.names.append(namespace.name)
      return number
    }
  }

  /// In the order of their numbers; the row after the last is `other`.
  var names: [String] { state.withLock { $0.names } }
}
