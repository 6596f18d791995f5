internal import RedisLink
internal import Synchronization

/// The second level of a node that stands alone: the order of invalidations and the dependency graph. Values need no
/// second copy in the same process, so they live in the first level only; across a clean restart they lie in a
/// snapshot file.
final class EmbeddedSecondLevel: SecondLevel {
  private struct State {
    var sequence: UInt64
    var graph = DependencyGraph()
  }

  private let state: Mutex<State>
  private let apply: @Sendable (LogEntry) -> [CacheItem]

  /// `apply` makes a committed rule effective in the first level; it runs under this object's lock, so that stamps
  /// and rules have one order.
  init(sequence: UInt64 = 1, apply: @escaping @Sendable (LogEntry) -> [CacheItem]) {
    state = Mutex(State(sequence: max(1, sequence)))
    self.apply = apply
  }

  var sequence: UInt64 { state.withLock { $0.sequence } }

  func read(_ keys: [CacheKey]) async throws(RedisError) -> [SecondLevelRead] {
    keys.map { _ in SecondLevelRead() }
  }

  func write(_ items: [CacheItem]) async throws(RedisError) -> [UInt64] { stamp(items) }

  /// The synchronous form of `write`.
  func stamp(_ items: [CacheItem]) -> [UInt64] {
    state.withLock { state in
      for item in items where !item.dependencies.isEmpty {
        state.graph.add(item.key.namespace.name, key: item.key.name, dependsOn: item.dependencies)
      }
      return items.map { _ in state.sequence }
    }
  }

  func fill(_ item: CacheItem, sequence: UInt64, mark: [UInt8]) async throws(RedisError) -> FillOutcome {
    state.withLock { state in
      guard state.sequence == sequence else { return .behind(state.sequence) }
      if !item.dependencies.isEmpty {
        state.graph.add(item.key.namespace.name, key: item.key.name, dependsOn: item.dependencies)
      }
      return .stored
    }
  }

  func commit(_ rule: InvalidationRule) async throws(RedisError) -> Commit {
    state.withLock { state in
      var rule = rule
      if case .keys(let namespace, let keys, isCascading: true) = rule {
        if let closure = state.graph.closure(namespace.name, of: keys, limit: CacheLimits.cascadeKeys) {
          state.graph.remove(namespace.name, closure)
          rule = .keys(namespace, closure, isCascading: false)
        } else {
          rule = .pattern(namespace, .everything)
        }
      }
      state.sequence += 1
      let entry = LogEntry(sequence: state.sequence, id: "", rule: rule)
      return Commit(entries: [entry], removed: 0, dropped: apply(entry))
    }
  }

  func closure(_ namespace: CacheNamespace, _ keys: [String]) async throws(RedisError) -> [String] {
    state.withLock { $0.graph.closure(namespace.name, of: keys, limit: CacheLimits.cascadeKeys) ?? keys }
  }

  func page(_ namespace: CacheNamespace?, cursor: String) async throws(RedisError) -> SurveyPage {
    SurveyPage(entries: [], scanned: 0, cursor: "0")
  }

  func sizes(of keys: [CacheKey]) async throws(RedisError) -> [Int] { keys.map { _ in 0 } }

  func discard(_ keys: [CacheKey]) async throws(RedisError) {}

  func remove(_ entries: [SurveyEntry]) async throws(RedisError) -> Int { 0 }

  func prune(isAlive: (String, String) -> Bool) { state.withLock { $0.graph.prune(isAlive: isAlive) } }
}
