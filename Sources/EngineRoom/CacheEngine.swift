internal import Base
internal import Cache
internal import ControlPlane
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// The cache of this node as a service, and in the words of the control plane.
final class CacheEngine: Service {
  /// Invalidations kept for those who look.
  static let recentMax = 16
  /// How often the link to Redis is looked at for `/health`.
  private static let lookInterval = Duration.milliseconds(200)
  /// How long a start waits to see whether Redis is there; a connection on this machine takes some milliseconds.
  private let firstTryLimit: Duration

  private let cache: Cache
  private let clock: any WallClock
  private let health: HealthBoard
  private let recent = Mutex<[CacheInvalidated]>([])
  private let startedAt = ContinuousClock.now

  /// Reads the snapshot of the life before. Throws `invalid` or `unavailable`, one line.
  init(
    _ settings: CacheSettings, stateFolder: String, node: NodeID, health: HealthBoard, clock: any WallClock,
    logger: Logger, firstTryLimit: Duration = .milliseconds(500)
  ) throws(Failure) {
    cache = try Cache(settings.options(node: node, stateFolder: stateFolder), logger: logger)
    self.health = health
    self.firstTryLimit = firstTryLimit
    self.clock = clock
    health.set("cache", .ok)
    look()
  }

  /// Until a graceful stop or a cancellation; the last thing it does is to put away what must survive.
  func run() async {
    await cancelWhenGracefulShutdown { [self] in
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.cache.run() }
        group.addTask { await self.watch() }
      }
    }
  }

  private func watch() async {
    // Without Redis there is no link that could come and go.
    guard cache.statistics().link.state != .embedded else { return }
    do {
      while true {
        look()
        try await Task.sleep(for: Self.lookInterval)
      }
    } catch {
      // Cancelled: the node stops.
    }
  }

  private func look() {
    let link = cache.statistics().link
    switch link.state {
    case .embedded: return
    case .connected: health.set("redis", link.warning == nil ? .ok : .degraded, reason: link.warning)
    case .away where !link.isTried && ContinuousClock.now - startedAt < firstTryLimit:
      health.set("redis", .ok, reason: "connecting")
    case .away:
      let waiting = link.outboxDepth == 0 ? "" : "; \(link.outboxDepth) invalidations wait for it"
      let reason = "\(link.reason ?? "connecting"): this node's first level answers alone\(waiting)"
      health.set("redis", .degraded, reason: reason)
    }
  }

  /// Waits until the link to Redis is up or has failed once, for half a second at most: before, nobody knows whether
  /// this node is well. Health tells what came of it when this returns.
  func awaitFirstTry() async {
    while true {
      let link = cache.statistics().link
      guard link.state == .away, !link.isTried, ContinuousClock.now - startedAt < firstTryLimit else { break }
      do { try await Task.sleep(for: .milliseconds(2)) } catch { break }
    }
    look()
  }

  /// Waits until Redis can be used, if there is one to use; false when it cannot within `limit`.
  func isJoined(within limit: Duration) async throws(CancellationError) -> Bool {
    let end = ContinuousClock.now + limit
    while cache.statistics().link.state == .away {
      guard ContinuousClock.now < end else { return false }
      do { try await Task.sleep(for: .milliseconds(5)) } catch { throw CancellationError() }
    }
    return true
  }

  var linkReason: String? { cache.statistics().link.reason }

  // MARK: Deeds

  func get(_ namespace: String, _ names: [String]) async throws(Failure) -> [CacheValue?] {
    let namespace = try CacheNamespace(namespace)
    guard names.count <= CacheLimits.batchKeys else {
      throw Failure(.limit, "too many keys in one request", hint: "at most \(CacheLimits.batchKeys)")
    }
    var keys: [CacheKey] = []
    for name in names { keys.append(try CacheKey(namespace, name)) }
    if let key = keys.first, keys.count == 1 { return [await cache.get(key).map(Self.value)] }
    return try await cache.get(keys).map { $0.map(Self.value) }
  }

  func set(_ write: CacheWrite) async throws(Failure) -> CacheWrite.Reach {
    let namespace = try CacheNamespace(write.namespace)
    var entries: [CacheEntry] = []
    for entry in write.entries {
      var options = CacheWriteOptions(tags: entry.tags, dependencies: entry.dependsOn)
      options.timeToLiveMilliseconds = entry.timeToLiveMilliseconds
      if let contentType = entry.contentType { options.contentType = contentType }
      entries.append(CacheEntry(try CacheKey(namespace, entry.key), entry.value.bytes, options))
    }
    return switch try await cache.set(entries) {
    case .stored: .stored
    case .localOnly: .localOnly
    }
  }

  func invalidate(_ selection: CacheSelection) async throws(Failure) -> CacheFinding {
    let report = try await cache.invalidate(Self.invalidation(selection))
    let finding = Self.finding(report, selection.namespace)
    remember(CacheInvalidated(timeMilliseconds: clock.nowMilliseconds(), selection: selection, finding: finding))
    return finding
  }

  private func remember(_ done: CacheInvalidated) {
    recent.withLock { recent in
      recent.insert(done, at: 0)
      if recent.count > Self.recentMax { recent.removeLast() }
    }
  }

  /// An event of the pipeline: it reaches over all namespaces.
  func invalidateEverywhere(
    _ event: CacheSelection.Event, project: ProjectID, paths: [String]
  ) async throws(Failure) -> CacheFinding {
    let strategy = Invalidation.Strategy.event(
      event == .gitCommit ? .gitCommit : .fileChange, project: project.rawValue, paths: paths)
    let report = try await cache.invalidate(Invalidation(nil, strategy), by: .node)
    let finding = Self.finding(report, "*")
    let selection = CacheSelection(namespace: "*", .event(event, project: project.rawValue, paths: []))
    remember(CacheInvalidated(timeMilliseconds: clock.nowMilliseconds(), selection: selection, finding: finding))
    return finding
  }

  func survey(_ selection: CacheSelection) async throws(Failure) -> CacheFinding {
    var finding = Self.finding(
      try await cache.invalidate(Self.invalidation(selection), isDryRun: true), selection.namespace)
    finding.keys = finding.keys ?? []
    return finding
  }

  // MARK: The node's own namespaces

  /// What an engine of this node keeps; nil when there is nothing.
  func own(_ namespace: String, _ name: String) async throws(Failure) -> [UInt8]? {
    await cache.get(try CacheKey(try CacheNamespace(namespace), name))?.value
  }

  func setOwn(_ namespace: String, _ name: String, _ value: [UInt8]) async throws(Failure) {
    let key = try CacheKey(try CacheNamespace(namespace), name)
    _ = try await cache.set([CacheEntry(key, value, CacheWriteOptions(contentType: "application/json"))], by: .node)
  }

  // MARK: Other nodes

  /// Whether there may be other nodes.
  var isShared: Bool { cache.statistics().link.state != .embedded }

  /// Whether this node is the first to tell that a project went from one state to another.
  func isFirst(toTell project: ProjectID, from: String, to: String) async -> Bool {
    await cache.isFirst(toTell: project.rawValue, from: from, to: to)
  }

  // MARK: Words

  func snapshot() -> CacheSnapshot { CacheSnapshot(cache.statistics(), recent: recent.withLock { $0 }) }

  private static func value(_ item: CacheItem) -> CacheValue {
    CacheValue(
      key: item.key.name, value: Blob(item.value), contentType: item.contentType, createdMilliseconds: item.created,
      expiresMilliseconds: item.freshUntil)
  }

  private static func invalidation(_ selection: CacheSelection) throws(Failure) -> Invalidation {
    let strategy: Invalidation.Strategy
    switch selection.strategy {
    case .key(let key): strategy = .key(key)
    case .pattern(let pattern): strategy = .pattern(pattern)
    case .tags(let tags): strategy = .tags(tags)
    case .event(let event, let project, let paths):
      strategy = .event(event == .gitCommit ? .gitCommit : .fileChange, project: project, paths: paths)
    }
    return Invalidation(try CacheNamespace(selection.namespace), strategy)
  }

  private static func finding(_ report: InvalidationReport, _ namespace: String) -> CacheFinding {
    let durability: CacheFinding.Durability =
      switch report.durability {
      case .committed: .committed
      case .journalled: .journalled
      case .localOnly: .localOnly
      }
    return CacheFinding(
      strategy: report.kind.rawValue, namespace: namespace, keysDeleted: report.keysDeleted,
      keysScanned: report.keysScanned, bytes: report.bytes, durationMilliseconds: report.durationMilliseconds,
      keys: report.isDryRun ? report.keys : nil, isComplete: report.isComplete, isDryRun: report.isDryRun,
      durability: durability)
  }
}
