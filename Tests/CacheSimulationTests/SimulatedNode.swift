@testable import Cache

/// One node: the real first level, rules, claims and coherence, and the steps that the asynchronous code takes between
/// its awaits. Each step is one call, so that a test may put anything between two of them.
final class SimulatedNode {
  enum Operation {
    case reading(Reading)
    case loading(claim: CacheStore.Claim, key: CacheKey, life: UInt64?, mark: [UInt8], item: CacheItem, turns: Int)
    case settling(claim: CacheStore.Claim, item: CacheItem, kept: CacheItem?)
    case setting(claim: CacheStore.Claim, item: CacheItem, life: UInt64, started: Int)
    case written(claim: CacheStore.Claim, item: CacheItem, started: Int)
    case committed([LogEntry], ruleIndex: Int, life: UInt64)
    case journalling(InvalidationRule, ruleIndex: Int?, set: CacheItem?)
  }

  /// A read of the second level: what it found, on its way to this node.
  struct Reading {
    var claim: CacheStore.Claim
    var key: CacheKey
    var life: UInt64
    var found: SecondLevelRead
    var started: Int
    /// Overtaken, it is not read again: as the last of a read's turns, of which chance says the number.
    var isLast: Bool
    /// Whether a loader runs when nothing is found.
    var loads: Bool
  }

  enum Joining {
    case connected(life: UInt64)
    case replayed(life: UInt64)
    case read(life: UInt64, RedisLog.Contents, epoch: Int)
  }

  let number: Int
  let rules = RuleBook()
  let store: CacheStore
  let coherence: Coherence
  var operations: [Operation] = []
  var joining: Joining?
  var epoch: Int?
  /// Messages on their way to this node over its present connection.
  var inbox: [CacheMessage] = []
  var isSubscribed = false
  /// The journal: on disk, so it survives everything here.
  var journal: [(rule: InvalidationRule, index: Int?)] = []
  var promised = 0

  init(_ number: Int) {
    self.number = number
    store = CacheStore(bytesMax: 1 << 20, rules: rules)
    coherence = Coherence(store: store, rules: rules)
  }

  /// The connection is gone, with whatever was on it.
  func disconnect(_ life: UInt64) {
    coherence.leave(life)
    inbox = []
    isSubscribed = false
    joining = nil
  }

  var life: UInt64? { coherence.opened?.life }
}
