internal import Base
internal import Synchronization

/// The invalidations that entries are judged by. An entry is valid if its stamp is at least the number of every rule
/// that fits it; so an invalidation costs the same whatever it kills, and a late write with an old stamp is dead on
/// arrival. First-level entries remember the version up to which they were judged and only meet newer rules.
///
/// It is bounded: when tags or patterns outgrow their limits the oldest half becomes the floor, and whatever was
/// stamped before that is a miss.
final class RuleBook: Sendable {
  struct Verdict: Sendable {
    let isValid: Bool
    /// The version it holds for.
    let version: UInt64
  }

  private struct ScopedTag: Hashable {
    /// Empty: every namespace.
    let namespace: String
    let tag: String
  }

  private struct Mark {
    var sequence: UInt64
    var version: UInt64
  }

  private struct Pattern {
    let namespace: String
    let glob: Glob
    let mark: Mark
  }

  private struct State {
    var version: UInt64 = 1
    var floor: UInt64 = 0
    var floorVersion: UInt64 = 0
    var tags: [ScopedTag: Mark] = [:]
    var patterns: [Pattern] = []
  }

  private let current = Atomic<UInt64>(1)
  private let forgotten = Atomic<UInt64>(0)
  private let state = Mutex(State())

  /// Changes with every rule.
  var version: UInt64 { current.load(ordering: .acquiring) }

  /// The version at which rules were last forgotten. What was read or claimed before can no longer be judged.
  var forgottenAt: UInt64 { forgotten.load(ordering: .acquiring) }

  /// Rules held, for tests and the sweeper.
  var count: Int { state.withLock { $0.tags.count + $0.patterns.count } }

  /// Adds a rule with its number; `UInt64.max` for one that has no number yet, which then fits every stamp. Rules on
  /// keys need no entry here: those entries are removed at once.
  func add(_ rule: InvalidationRule, sequence: UInt64) {
    state.withLock { state in
      state.version += 1
      let mark = Mark(sequence: sequence, version: state.version)
      switch rule {
      case .tags(let namespace, let tags):
        for tag in tags { Self.raise(&state.tags, ScopedTag(namespace: namespace?.name ?? "", tag: tag), mark) }
      case .pattern(let namespace, let glob):
        state.patterns.append(Pattern(namespace: namespace?.name ?? "", glob: glob, mark: mark))
      case .everything:
        state.floor = max(state.floor, sequence)
        state.floorVersion = state.version
      case .keys, .swept: break
      }
      Self.bound(&state)
      current.store(state.version, ordering: .releasing)
    }
  }

  private static func raise(_ tags: inout [ScopedTag: Mark], _ tag: ScopedTag, _ mark: Mark) {
    let old = tags[tag]?.sequence ?? 0
    tags[tag] = Mark(sequence: max(old, mark.sequence), version: mark.version)
  }

  private static func bound(_ state: inout State) {
    if state.patterns.count > CacheLimits.patternRules {
      let half = state.patterns.count / 2
      lift(&state, to: state.patterns[..<half].map(\.mark.sequence).max() ?? 0)
      state.patterns.removeFirst(half)
    }
    if state.tags.count > CacheLimits.tagRules {
      let sequences = state.tags.values.map(\.sequence).sorted()
      let middle = sequences[sequences.count / 2]
      lift(&state, to: middle)
      state.tags = state.tags.filter { $0.value.sequence > middle }
    }
  }

  private static func lift(_ state: inout State, to floor: UInt64) {
    state.floor = max(state.floor, floor)
    state.floorVersion = state.version
  }

  /// Judges an entry by every rule newer than `since`; 0 for all.
  func verdict(on item: CacheItem, since: UInt64) -> Verdict {
    verdict(stamp: item.stamp, namespace: item.key.namespace.name, key: item.key.name, tags: item.tags, since: since)
  }

  func verdict(stamp: UInt64, namespace: String, key: String, tags: [String], since: UInt64) -> Verdict {
    state.withLock { state in
      let applies = { (mark: Mark) in mark.version > since && stamp < mark.sequence }
      var isDead = state.floorVersion > since && stamp < state.floor
      if !isDead, !state.tags.isEmpty {
        isDead = tags.contains { tag in
          state.tags[ScopedTag(namespace: namespace, tag: tag)].map(applies) ?? false
            || state.tags[ScopedTag(namespace: "", tag: tag)].map(applies) ?? false
        }
      }
      if !isDead, let last = state.patterns.last, last.mark.version > since {
        let name = Array(key.utf8)
        for pattern in state.patterns.reversed() {
          guard pattern.mark.version > since else { break }
          guard applies(pattern.mark), pattern.namespace.isEmpty || pattern.namespace == namespace else { continue }
          if pattern.glob.matches(name) {
            isDead = true
            break
          }
        }
      }
      return Verdict(isValid: !isDead, version: state.version)
    }
  }

  /// Forgets rules whose victims are gone, from the second level and, by a walk since, from the first.
  func forget(through sequence: UInt64) {
    state.withLock { state in
      state.version += 1
      forgotten.store(state.version, ordering: .releasing)
      current.store(state.version, ordering: .releasing)
      state.tags = state.tags.filter { $0.value.sequence > sequence }
      state.patterns.removeAll { $0.mark.sequence <= sequence }
    }
  }

  /// Starts over, as after a reconnect; entries stamped before `floor` are misses.
  func reset(floor: UInt64) {
    state.withLock { state in
      state.version += 1
      state.floor = floor
      state.floorVersion = state.version
      state.tags = [:]
      state.patterns = []
      current.store(state.version, ordering: .releasing)
    }
  }
}
