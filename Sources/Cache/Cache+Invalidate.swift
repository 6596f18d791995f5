public import Base
internal import RedisLink
internal import Telemetry

extension Cache {
  /// Invalidates, or with `isDryRun` says what it would touch. It is in force on this node when this returns, and
  /// committed for all nodes or journalled; the report says which.
  ///
  /// The commit costs the same whatever it kills. The counts come from looking afterwards, for as long as a request may
  /// take, which covers everything in a cache of ordinary size; `isComplete` says so.
  @discardableResult
  public func invalidate(
    _ invalidation: Invalidation, isDryRun: Bool = false, by writer: CacheWriter = .outside
  ) async throws(Failure) -> InvalidationReport {
    if let namespace = invalidation.namespace {
      try namespace.requireWritable(by: writer)
    } else if writer == .outside, !isDryRun {
      guard case .event = invalidation.strategy else {
        throw Failure(.denied, "only events reach over all namespaces")
      }
    }
    let rule = try invalidation.rule()
    let started = ContinuousClock.now
    let finding = isDryRun ? await survey(rule) : await enforce(rule)
    let duration = ContinuousClock.now - started
    if !isDryRun {
      invalidateLatency.record(duration)
      let namespace = invalidation.namespace ?? .every
      counters.count(store.namespaces.index(of: namespace)) { $0.invalidations[invalidation.kind, default: 0] += 1 }
    }
    return InvalidationReport(
      kind: invalidation.kind, keysDeleted: finding.count, keysScanned: finding.scanned, bytes: finding.bytes,
      durationMilliseconds: duration.milliseconds, keys: finding.listed, isComplete: finding.isComplete,
      isDryRun: isDryRun, durability: finding.durability)
  }

  /// What an invalidation touches.
  struct Finding {
    private(set) var found: [String: Int] = [:]
    var scanned = 0
    var isComplete = true
    var durability = InvalidationReport.Durability.committed
    /// Counted where names are not known.
    var countAtLeast = 0

    var count: Int { max(found.count, countAtLeast) }
    var bytes: Int { found.values.reduce(0, +) }
    var listed: [String] { Array(found.keys.sorted().prefix(CacheLimits.listedKeys)) }

    mutating func add(_ key: String, bytes: Int) { found[key] = max(bytes, found[key] ?? 0) }
  }

  // MARK: For real

  private static let lookingTime = Duration.milliseconds(4)

  private func enforce(_ rule: InvalidationRule) async -> Finding {
    var finding = Finding()
    for _ in 0..<4 {
      if let current = current() {
        do throws(RedisError) {
          let commit = try await current.level.commit(rule)
          guard let dropped = confirmed(commit, current.life) else { continue }
          await look(commit, dropped, current.level, &finding)
          return finding
        } catch {
          // Unknown whether it was committed: it is journalled, and committing it twice is harmless.
          let isLink = error != .busy && error != .cancelled
          note(isLink ? error : .closed("an invalidation was given up"), life: current.life, nil)
        }
      }
      if await enforceLocally(rule, &finding) { return finding }
    }
    // The link comes and goes faster than we can follow: close it, so that the rule has the journal for itself.
    if case .redis(let link) = backing, let opened = coherence.opened {
      link.fail(opened.life, "an invalidation could not be committed")
    }
    if await !enforceLocally(rule, &finding) { finding.durability = .localOnly }
    return finding
  }

  /// By the journal; false when the link is open.
  private func enforceLocally(_ rule: InvalidationRule, _ finding: inout Finding) async -> Bool {
    guard let kept = await journal(rule) else { return false }
    finding.durability = kept.isStored ? .journalled : .localOnly
    for item in kept.dropped { finding.add(item.key.name, bytes: item.value.count) }
    if case .keys = rule {} else { lookLocally(rule, &finding) }
    finding.isComplete = false
    return true
  }

  private func confirmed(_ commit: Commit, _ life: UInt64) -> [CacheItem]? {
    if case .embedded = backing { return commit.dropped }
    return coherence.committed(commit.entries, life: life)
  }

  /// Puts a rule in force here and into the journal; nil when the link has come back and it can be committed. Without
  /// the graph of Redis a cascade follows the entries of the first level.
  func journal(_ rule: InvalidationRule) async -> (dropped: [CacheItem], isStored: Bool)? {
    guard case .redis(let link) = backing else { return nil }
    guard var dropped = coherence.keep(rule, promise: { link.outbox.reserve() }) else { return nil }
    if case .keys(let namespace, let keys, isCascading: true) = rule {
      let dependents = localClosure(namespace, keys).dropFirst(keys.count)
      dropped += dependents.compactMap { store.drop(CacheKey(unchecked: $0, namespace)) }
    }
    return (dropped, await link.outbox.append(rule))
  }

  private func localClosure(_ namespace: CacheNamespace, _ keys: [String]) -> [String] {
    var graph = DependencyGraph(edgesMax: .max)
    store.walk { items in
      for item in items where item.key.namespace == namespace && !item.dependencies.isEmpty {
        graph.add(namespace.name, key: item.key.name, dependsOn: item.dependencies)
      }
      return true
    }
    return graph.closure(namespace.name, of: keys, limit: .max) ?? keys
  }

  /// Counts, for a few milliseconds, what a committed rule has killed, and removes it on the way.
  private func look(_ commit: Commit, _ dropped: [CacheItem], _ level: any SecondLevel, _ finding: inout Finding) async
  {
    finding.countAtLeast = commit.removed
    for item in dropped { finding.add(item.key.name, bytes: item.value.count) }
    guard let entry = commit.entries.first else { return }
    if case .keys(_, let keys, _) = entry.rule {
      finding.scanned = commit.entries.reduce(0) { total, entry in
        if case .keys(_, let keys, _) = entry.rule { return total + keys.count }
        return total
      }
      if finding.count > finding.found.count, keys.count == commit.removed {
        for key in keys { finding.add(key, bytes: 0) }
      }
      return
    }
    lookLocally(entry.rule, &finding)
    await lookBeyond(entry, level, &finding)
  }

  private func lookLocally(_ rule: InvalidationRule, _ finding: inout Finding) {
    let deadline = ContinuousClock.now.advanced(by: Self.lookingTime)
    store.walk { items in
      for item in items {
        finding.scanned += 1
        guard rule.fits(item.key.namespace.name, item.key.name, item.tags),
          !store.rules.verdict(on: item, since: 0).isValid, store.remove(item)
        else { continue }
        finding.add(item.key.name, bytes: item.value.count)
      }
      if ContinuousClock.now >= deadline { finding.isComplete = false }
      return finding.isComplete
    }
  }

  private func lookBeyond(_ entry: LogEntry, _ level: any SecondLevel, _ finding: inout Finding) async {
    let deadline = ContinuousClock.now.advanced(by: Self.lookingTime)
    var cursor = "0"
    repeat {
      do throws(RedisError) {
        let page = try await level.page(entry.rule.namespace, cursor: cursor)
        let dead = page.entries.filter {
          $0.stamp < entry.sequence && entry.rule.fits($0.namespace, $0.key, $0.tags)
        }
        if !dead.isEmpty { _ = try await level.remove(dead) }
        for found in dead { finding.add(found.key, bytes: found.bytes) }
        finding.scanned += page.scanned
        cursor = page.cursor
      } catch {
        // The invalidation is committed; only the counting failed.
        finding.isComplete = false
        return
      }
      if cursor != "0", ContinuousClock.now >= deadline { finding.isComplete = false }
    } while cursor != "0" && finding.isComplete
  }

  // MARK: Dry run

  private static let surveyTime = Duration.seconds(2)

  private func survey(_ rule: InvalidationRule) async -> Finding {
    var finding = Finding()
    if case .keys(let namespace, let keys, _) = rule {
      await surveyKeys(namespace, keys, &finding)
      return finding
    }
    let deadline = ContinuousClock.now.advanced(by: Self.surveyTime)
    let now = clock.nowMilliseconds()
    store.walk { items in
      for item in items {
        finding.scanned += 1
        guard item.expires > now, rule.fits(item.key.namespace.name, item.key.name, item.tags),
          store.rules.verdict(on: item, since: 0).isValid
        else { continue }
        finding.add(item.key.name, bytes: item.value.count)
      }
      return ContinuousClock.now < deadline
    }
    guard let current = current() else {
      finding.isComplete = false
      return finding
    }
    await surveyPages(rule, current.level, deadline, &finding)
    return finding
  }

  private func surveyPages(
    _ rule: InvalidationRule, _ level: any SecondLevel, _ deadline: ContinuousClock.Instant, _ finding: inout Finding
  ) async {
    var cursor = "0"
    repeat {
      do throws(RedisError) {
        let page = try await level.page(rule.namespace, cursor: cursor)
        for entry in page.entries where rule.fits(entry.namespace, entry.key, entry.tags) {
          let verdict = store.rules.verdict(
            stamp: entry.stamp, namespace: entry.namespace, key: entry.key, tags: entry.tags, since: 0)
          if verdict.isValid { finding.add(entry.key, bytes: entry.bytes) }
        }
        finding.scanned += page.scanned
        cursor = page.cursor
      } catch {
        finding.isComplete = false
        return
      }
      if cursor != "0", ContinuousClock.now >= deadline { finding.isComplete = false }
    } while cursor != "0" && finding.isComplete
  }

  private func surveyKeys(_ namespace: CacheNamespace, _ keys: [String], _ finding: inout Finding) async {
    var closure = localClosure(namespace, keys)
    let now = clock.nowMilliseconds()
    do throws(RedisError) {
      if let current = current() {
        closure = try await current.level.closure(namespace, keys)
        let names = closure.map { CacheKey(unchecked: $0, namespace) }
        for start in stride(from: 0, to: names.count, by: 1_000) {
          let part = Array(names[start..<min(start + 1_000, names.count)])
          for (key, size) in zip(part, try await current.level.sizes(of: part)) where size > 0 {
            finding.add(key.name, bytes: size)
          }
        }
      } else {
        finding.isComplete = false
      }
    } catch {
      finding.isComplete = false
    }
    finding.scanned = closure.count
    for name in closure {
      let item = store.get(CacheKey(unchecked: name, namespace), now: now, isCounted: false)
      if let item { finding.add(name, bytes: item.value.count) }
    }
  }
}

extension InvalidationRule {
  var namespace: CacheNamespace? {
    switch self {
    case .keys(let namespace, _, _): namespace
    case .pattern(let namespace, _), .tags(let namespace, _): namespace
    case .everything, .swept: nil
    }
  }

  /// Whether an entry is meant, its age aside.
  func fits(_ namespace: String, _ key: String, _ tags: [String]) -> Bool {
    if let own = self.namespace, own.name != namespace { return false }
    return switch self {
    case .keys(_, let keys, _): keys.contains(key)
    case .pattern(_, let glob): glob.matches(key)
    case .tags(_, let dead): tags.contains { dead.contains($0) }
    case .everything: true
    case .swept: false
    }
  }
}
