public import Base
internal import RedisLink
internal import Telemetry

extension Cache {
  /// The value of a key; nil when there is none that may be served. Never throws: a cache that cannot answer is a miss.
  public func get(_ key: CacheKey) async -> CacheItem? {
    let now = clock.nowMilliseconds()
    if let item = store.get(key, now: now) {
      if item.freshUntil > now, !item.isNegative { return item }
      counters.count(store.namespaces.index(of: key.namespace)) {
        $0.unserved += 1
        $0.misses += 1
      }
      return nil
    }
    let item = await readSecondLevel([key], now: now)[0].item
    guard let item, item.freshUntil > now, !item.isNegative else { return nil }
    return item
  }

  /// Values in the order of their keys. Throws `limit` past `CacheLimits.batchKeys`, and as soon as the values found
  /// are larger than `CacheLimits.batchBytes` together: the rest is not read.
  public func get(_ keys: [CacheKey]) async throws(Failure) -> [CacheItem?] {
    guard keys.count <= CacheLimits.batchKeys else {
      throw Failure(.limit, "too many keys in one request", hint: "at most \(CacheLimits.batchKeys)")
    }
    let now = clock.nowMilliseconds()
    var items: [CacheItem?] = []
    var bytes = 0
    for key in keys {
      items.append(store.get(key, now: now))
      bytes += items.last??.value.count ?? 0
      try Self.bound(bytes)
    }
    let missing = items.indices.filter { items[$0] == nil }
    for start in stride(from: 0, to: missing.count, by: Self.batchStep) {
      let part = Array(missing[start..<min(start + Self.batchStep, missing.count)])
      for group in await groups(of: part, keys) {
        let read = await readSecondLevel(group.map { keys[$0] }, now: now)
        for (index, result) in zip(group, read) {
          items[index] = result.item
          bytes += result.item?.value.count ?? 0
        }
        try Self.bound(bytes)
      }
    }
    return items.map { item in
      guard let item, item.freshUntil > now, !item.isNegative else { return nil }
      return item
    }
  }

  private static let batchStep = 100
  private static let groupBytes = 1 << 20

  private static func bound(_ bytes: Int) throws(Failure) {
    guard bytes > CacheLimits.batchBytes else { return }
    throw Failure(
      .limit, "the values of these keys are larger than \(CacheLimits.batchBytes >> 20) MB together",
      hint: "ask for fewer keys")
  }

  /// What may be read at once: up to a megabyte, or one value that is larger. Redis is asked for the sizes first, a
  /// round trip that bounds what a batch brings into memory before anybody can say that it is too much.
  private func groups(of indices: [Int], _ keys: [CacheKey]) async -> [[Int]] {
    // Two values cannot be too much.
    guard indices.count > 2, case .redis = backing, let current = current() else { return [indices] }
    let sizes: [Int]
    do throws(RedisError) {
      sizes = try await current.level.sizes(of: indices.map { keys[$0] })
    } catch {
      note(error, life: current.life, keys[indices[0]].namespace)
      // Not read at all, since nobody knows how much it would be.
      return []
    }
    var groups: [[Int]] = []
    var bytes = 0
    for (index, size) in zip(indices, sizes) {
      if groups.isEmpty || bytes + size > Self.groupBytes {
        groups.append([])
        bytes = 0
      }
      groups[groups.count - 1].append(index)
      bytes += size
    }
    return groups
  }

  /// Reads the second level and keeps in the first what is valid. A key that changed meanwhile is read once more.
  func readSecondLevel(_ keys: [CacheKey], now: Int64) async -> [SecondLevelRead] {
    var results = Array(repeating: SecondLevelRead(), count: keys.count)
    var missing = Array(keys.indices)
    for _ in 0..<2 where !missing.isEmpty {
      guard let current = current() else { break }
      let claims = missing.map { store.claim(keys[$0]) }
      let started = ContinuousClock.now
      do throws(RedisError) {
        let reads = try await current.level.read(missing.map { keys[$0] })
        if case .redis = backing { readLatency.record(ContinuousClock.now - started) }
        var again: [Int] = []
        for ((index, claim), read) in zip(zip(missing, claims), reads) {
          let settled = store.settle(claim, keys[index], reading: read, now: now) { isCurrent(current.life) }
          results[index] = settled.read
          if settled.isOvertaken { again.append(index) }
        }
        missing = again
      } catch {
        for (index, claim) in zip(missing, claims) { store.settle(claim, keys[index], with: nil, since: 0, now: now) }
        note(error, life: current.life, keys[missing[0]].namespace)
        break
      }
    }
    count(keys, results)
    return results
  }

  private func count(_ keys: [CacheKey], _ results: [SecondLevelRead]) {
    for (key, result) in zip(keys, results) {
      counters.count(store.namespaces.index(of: key.namespace)) {
        if result.item == nil { $0.misses += 1 } else { $0.secondLevelHits += 1 }
      }
    }
  }

  /// Writes one value. Throws `invalid`, `limit` or `denied`; never because Redis is away.
  @discardableResult
  public func set(
    _ key: CacheKey, _ value: [UInt8], _ options: CacheWriteOptions = .init(), by writer: CacheWriter = .outside
  ) async throws(Failure) -> CacheWriteOutcome {
    try await set([CacheEntry(key, value, options)], by: writer)
  }

  /// Writes values of one namespace. All are checked before any is written.
  @discardableResult
  public func set(_ entries: [CacheEntry], by writer: CacheWriter = .outside) async throws(Failure)
    -> CacheWriteOutcome
  {
    guard let namespace = entries.first?.key.namespace else { return .stored }
    try namespace.requireWritable(by: writer)
    try check(entries, namespace)
    let now = clock.nowMilliseconds()
    let items = entries.map { item($0, stamp: 0, now: now) }
    let started = ContinuousClock.now
    let outcome = await write(items, now: now)
    writeLatency.record(ContinuousClock.now - started)
    counters.count(store.namespaces.index(of: namespace)) {
      $0.sets += UInt64(items.count)
      $0.bytesWritten += UInt64(items.reduce(0) { $0 + $1.value.count })
    }
    return outcome
  }

  private func check(_ entries: [CacheEntry], _ namespace: CacheNamespace) throws(Failure) {
    guard entries.count <= CacheLimits.batchKeys else {
      throw Failure(.limit, "too many values in one request", hint: "at most \(CacheLimits.batchKeys)")
    }
    var bytes = 0
    for entry in entries {
      guard entry.key.namespace == namespace else {
        throw Failure(.invalid, "one batch writes to one namespace")
      }
      guard entry.value.count <= CacheLimits.valueBytes else {
        throw Failure(.limit, "the value is too large", hint: "at most \(CacheLimits.valueBytes >> 20) MB")
      }
      bytes += entry.value.count
      try entry.options.validate()
    }
    guard bytes <= CacheLimits.batchBytes else {
      throw Failure(.limit, "the batch is too large", hint: "at most \(CacheLimits.batchBytes >> 20) MB")
    }
    guard case .embedded = backing, let largest = entries.map(\.value.count).max() else { return }
    guard largest + 65_536 <= store.weightMax || largest < store.weightMax / 2 else {
      throw Failure(.limit, "the value is too large for the in-process level", hint: "raise CACHE_L1_MAX")
    }
  }

  /// The entry as it will lie in the cache. Its life is up to a twentieth shorter than asked for, never longer.
  func item(_ entry: CacheEntry, isNegative: Bool = false, stamp: UInt64, now: Int64) -> CacheItem {
    let asked =
      isNegative
      ? entry.options.negativeMilliseconds
      : entry.options.timeToLiveMilliseconds ?? options.timeToLiveMilliseconds
    let life = max(1, asked - Int64(Double(asked) * options.jitter * Double.random(in: 0..<1)))
    return CacheItem(
      key: entry.key, value: entry.value, contentType: entry.options.contentType,
      tags: CacheTag.stored(entry.options.tags), dependencies: entry.options.dependencies, created: now,
      freshUntil: now + life, expires: now + life + (isNegative ? 0 : entry.options.staleMilliseconds),
      isNegative: isNegative, stamp: stamp, writeID: .random(in: 1...UInt64.max))
  }

  // MARK: Writing

  private var written: CacheShard.Source {
    if case .embedded = backing { return .only }
    return .written
  }

  private func write(_ items: [CacheItem], now: Int64) async -> CacheWriteOutcome {
    for _ in 0..<2 {
      if let current = current() {
        let claims = items.map { store.claim($0.key) }
        let written = self.written
        do throws(RedisError) {
          let stamps = try await current.level.write(items)
          for ((item, claim), stamp) in zip(zip(items, claims), stamps) {
            store.settle(claim, item.key, with: item.stamped(stamp), since: claim.version, now: now, source: written)
          }
          return .stored
        } catch {
          for (item, claim) in zip(items, claims) { store.settle(claim, item.key, with: nil, since: 0, now: now) }
          if await discard(items, after: error, current.level) { return keepLocally(items, now: now) }
          if error == .busy || error == .cancelled {
            // Unknown whether it ran, and the link stays: what lies there must not be taken for current.
            note(.closed("a write was given up"), life: current.life, items.first?.key.namespace)
          } else {
            note(error, life: current.life, items.first?.key.namespace)
          }
        }
      }
      let names = items.map(\.key.name)
      let rule = InvalidationRule.keys(items[0].key.namespace, names, isCascading: false)
      if await journal(rule) != nil { return keepLocally(items, now: now) }
    }
    return keepLocally(items, now: now)
  }

  /// When Redis refuses to store, as when its memory is full, the old values are removed, and the link may stay.
  private func discard(_ items: [CacheItem], after error: RedisError, _ level: any SecondLevel) async -> Bool {
    guard case .server(let refusal) = error, refusal.code == "OOM" else { return false }
    do throws(RedisError) {
      try await level.discard(items.map(\.key))
      return true
    } catch {
      return false
    }
  }

  private func keepLocally(_ items: [CacheItem], now: Int64) -> CacheWriteOutcome {
    let stamp = coherence.position?.sequence ?? 0
    for item in items {
      let claim = store.claim(item.key)
      store.settle(claim, item.key, with: item.stamped(stamp), since: claim.version, now: now, source: .only)
    }
    return .localOnly
  }
}
