internal import Base
internal import RedisLink

extension Cache {
  /// The value of a key, loaded if it is not there. However many ask at once, `load` runs once on this node; nil from
  /// it means that there is no such thing. What was invalidated while it was loaded is handed out and not kept.
  ///
  /// Throws what `load` throws, unless a stale value may stand in for it, and `invalid` for options out of range.
  public func getOrLoad(
    _ key: CacheKey, _ options: CacheWriteOptions = .init(),
    load: @escaping @Sendable () async throws -> [UInt8]?
  ) async throws -> CacheItem? {
    try options.validate()
    let now = clock.nowMilliseconds()
    if let item = store.get(key, now: now) {
      if item.freshUntil > now { return item.isNegative ? nil : item }
      if !item.isNegative {
        refresh(key, options, load)
        return item
      }
    }
    let found = try await flights.run(key) { try await fetch(key, options, load) }
    guard let found, !found.isNegative else { return nil }
    return found
  }

  /// Behind a stale answer: one load for each key at a time.
  private func refresh(
    _ key: CacheKey, _ options: CacheWriteOptions, _ load: @escaping @Sendable () async throws -> [UInt8]?
  ) {
    refreshes.add { [self] in
      do {
        _ = try await flights.run(key) { try await fetch(key, options, load) }
      } catch {
        // The stale value goes on being served until its end; the failure is counted where it shows.
        counters.count(store.namespaces.index(of: key.namespace)) { $0.errors += 1 }
      }
    }
  }

  private func fetch(
    _ key: CacheKey, _ options: CacheWriteOptions, _ load: @Sendable () async throws -> [UInt8]?
  ) async throws -> CacheItem? {
    let now = clock.nowMilliseconds()
    // Another task may have filled it between the look and this flight.
    let local = store.get(key, now: now, isCounted: false)
    if let local, local.freshUntil > now { return local }
    var read = SecondLevelRead()
    if local == nil { read = await readSecondLevel([key], now: now)[0] }
    if let item = read.item, item.freshUntil > now { return item }
    let stale = (local ?? read.item).flatMap { $0.isNegative ? nil : $0 }
    if let local { read.mark = Self.mark(local) }
    do {
      return try await fill(key, options, read.mark, load)
    } catch {
      guard let stale, stale.expires > clock.nowMilliseconds() else { throw error }
      return stale
    }
  }

  private func fill(
    _ key: CacheKey, _ options: CacheWriteOptions, _ mark: [UInt8], _ load: @Sendable () async throws -> [UInt8]?
  ) async throws -> CacheItem? {
    let before = current()
    let claim = store.claim(key)
    let value: [UInt8]?
    do {
      value = try await load()
    } catch {
      store.settle(claim, key, with: nil, since: 0, now: clock.nowMilliseconds())
      throw error
    }
    let now = clock.nowMilliseconds()
    let isNegative = value == nil
    let stamp = before?.sequence ?? coherence.position?.sequence ?? 0
    let item = item(CacheEntry(key, value ?? [], options), isNegative: isNegative, stamp: stamp, now: now)
    let isKeepable = item.value.count <= CacheLimits.valueBytes && (!isNegative || options.negativeMilliseconds > 0)
    guard isKeepable else {
      store.settle(claim, key, with: nil, since: 0, now: now)
      return isNegative ? nil : item
    }
    await keep(item, claim, mark, before.map { ($0.life, $0.level) }, now: now)
    return isNegative ? nil : item
  }

  /// Stores what was loaded, if nothing that was invalidated since the load began concerns it. The second level takes
  /// it only at exactly the number up to which this was checked.
  private func keep(
    _ item: CacheItem, _ claim: CacheStore.Claim, _ mark: [UInt8], _ before: (life: UInt64, level: any SecondLevel)?,
    now: Int64
  ) async {
    guard let before, isCurrent(before.life) else {
      // Without Redis it is kept here, where only this node's own rules reach it, and goes when the link returns.
      let isAway = before == nil && current() == nil
      store.settle(claim, item.key, with: isAway ? item : nil, since: claim.version, now: now)
      return
    }
    var kept: CacheItem?
    for _ in 0..<4 {
      // The claim is looked at last: if it stands, no rule was forgotten before the verdict.
      guard let sequence = current()?.sequence, store.rules.verdict(on: item, since: claim.version).isValid,
        store.stands(claim, item.key)
      else { break }
      do throws(RedisError) {
        let outcome = try await before.level.fill(item.stamped(sequence), sequence: sequence, mark: mark)
        guard case .behind(let number) = outcome else {
          if outcome == .stored { kept = item.stamped(sequence) }
          break
        }
        guard await hasReached(number) else { break }
      } catch {
        note(error, life: before.life, item.key.namespace)
        break
      }
    }
    // Judged by the stamp of the beginning: a rule may have come in since the last look.
    let isValid = store.rules.verdict(on: item, since: claim.version).isValid
    var source = CacheShard.Source.read
    if case .redis = backing { source = .written }
    store.settle(claim, item.key, with: isValid ? kept : nil, since: claim.version, now: now, source: source)
  }

  /// Waits, for at most 20 ms, until the messages up to `number` are in.
  private func hasReached(_ number: UInt64) async -> Bool {
    for _ in 0..<20 {
      guard let current = current() else { return false }
      if current.sequence >= number { return true }
      do {
        try await Task.sleep(for: .milliseconds(1))
      } catch {
        return false
      }
    }
    return false
  }

  private static func mark(_ item: CacheItem) -> [UInt8] {
    var mark: [UInt8] = []
    Envelope.append(item.writeID, to: &mark)
    return mark
  }
}
