internal import Synchronization

/// One part of the first level: its entries, the fills that are under way, and its share of the counters, all under one
/// lock that is never held across an await.
///
/// A fill is a claim on a key, taken before its value is read anywhere and given up when the value arrives. Whatever
/// changes the key meanwhile revokes the claim, so that a value read before a change is never kept after it:
///
///     reader                         writer
///     claim k
///     read k: old value
///                                    k changes; drop k, revoke claim
///     keep old value? claim gone: no
final class CacheShard: Sendable {
  struct Claim: Sendable {
    let id: UInt64
    /// The rule book's version when it was taken.
    let version: UInt64
  }

  /// Where a value comes from that arrives under a claim.
  enum Source: Sendable {
    /// It was read: anything that changed the key since makes it old.
    case read
    /// We wrote it to the second level: what others read or wrote meanwhile may be older or newer.
    case written
    /// It exists nowhere else, and this is the moment of the write.
    case only
  }

  struct Counters: Sendable {
    var hits: UInt64 = 0
    var evictions: UInt64 = 0
    var expirations: UInt64 = 0
    var entries = 0
    var bytes = 0
  }

  private struct State {
    var table: ShardTable
    var claims: [UInt64: (id: UInt64, holders: Int)] = [:]
    var nextClaim: UInt64 = 1
    var counters: [Counters] = []

    mutating func count(_ namespace: UInt16, _ change: (inout Counters) -> Void) {
      while counters.count <= Int(namespace) { counters.append(Counters()) }
      change(&counters[Int(namespace)])
    }

    mutating func remove(_ position: Int32) {
      let node = table.nodes[Int(position)]
      count(node.namespace) {
        $0.entries -= 1
        $0.bytes -= node.weight
      }
      table.remove(position)
    }
  }

  private let rules: RuleBook
  private let state: Mutex<State>

  init(bytesMax: Int, rules: RuleBook) {
    self.rules = rules
    state = Mutex(State(table: ShardTable(bytesMax: bytesMax)))
  }

  /// The entry, if it may be served now.
  func get(_ key: CacheKey, now: Int64, isCounted: Bool = true) -> CacheItem? {
    state.withLock { state in
      let position = state.table.find(key)
      guard position >= 0 else { return nil }
      let node = state.table.nodes[Int(position)]
      guard node.deadline > now, let item = node.item else {
        state.remove(position)
        state.count(node.namespace) { $0.expirations += 1 }
        return nil
      }
      if node.checked != rules.version {
        let verdict = rules.verdict(on: item, since: node.checked)
        guard verdict.isValid else {
          state.remove(position)
          return nil
        }
        state.table.markChecked(position, verdict.version)
      }
      guard isCounted else { return item }
      state.table.credit(position)
      state.count(node.namespace) { $0.hits += 1 }
      return item
    }
  }

  func claim(_ key: CacheKey) -> Claim {
    let version = rules.version
    return state.withLock { state in
      if let claim = state.claims[key.hash] {
        state.claims[key.hash] = (claim.id, claim.holders + 1)
        return Claim(id: claim.id, version: version)
      }
      defer { state.nextClaim += 1 }
      state.claims[key.hash] = (state.nextClaim, 1)
      return Claim(id: state.nextClaim, version: version)
    }
  }

  /// Whether nothing has changed the key since the claim was taken.
  func stands(_ claim: Claim, _ key: CacheKey) -> Bool {
    state.withLock { $0.claims[key.hash]?.id == claim.id } && claim.version >= rules.forgottenAt
  }

  /// Gives up a claim. Keeps `item` if the claim still stands and no rule since `since` applies; says whether it is
  /// valid, kept or not (too large a value is valid and not kept).
  func settle(
    _ claim: Claim, _ key: CacheKey, with item: CacheItem?, since: UInt64, deadline: Int64, namespace: UInt16,
    weightMax: Int, source: Source
  ) -> Bool {
    state.withLock { state in
      guard release(&state, claim, key, item == nil ? .read : source) else { return false }
      guard let item else { return true }
      let verdict = rules.verdict(on: item, since: since)
      // A rule that was forgotten since the claim could have been the one that kills it.
      guard verdict.isValid, claim.version >= rules.forgottenAt else { return false }
      let weight = item.weight
      guard weight <= weightMax else {
        let old = state.table.find(key)
        if old >= 0 { state.remove(old) }
        return true
      }
      insert(
        &state,
        ShardTable.Node(
          item: item, hash: key.hash, checked: verdict.version, deadline: deadline, weight: weight,
          namespace: namespace))
      return true
    }
  }

  /// Gives up a claim, and after a write everybody else's; says whether the value may be kept.
  private func release(_ state: inout State, _ claim: Claim, _ key: CacheKey, _ source: Source) -> Bool {
    if let held = state.claims[key.hash], held.id == claim.id {
      let isLast = held.holders == 1 || source != .read
      state.claims[key.hash] = isLast ? nil : (held.id, held.holders - 1)
      return true
    }
    guard source != .read else { return false }
    state.claims[key.hash] = nil
    guard source == .written else { return true }
    // Two tasks wrote the key at once, and which of them was last is known in the second level only.
    let position = state.table.find(key)
    if position >= 0 { state.remove(position) }
    return false
  }

  private func insert(_ state: inout State, _ node: ShardTable.Node) {
    guard let key = node.item?.key else { return }
    let old = state.table.find(key)
    if old >= 0 {
      let former = state.table.nodes[Int(old)]
      state.count(former.namespace) {
        $0.entries -= 1
        $0.bytes -= former.weight
      }
    }
    var evicted: [(UInt16, Int)] = []
    state.table.insert(node, key: key) { evicted.append(($0.namespace, $0.weight)) }
    state.count(node.namespace) {
      $0.entries += 1
      $0.bytes += node.weight
    }
    for (namespace, weight) in evicted {
      state.count(namespace) {
        $0.evictions += 1
        $0.entries -= 1
        $0.bytes -= weight
      }
    }
  }

  /// Removes the entry and revokes claims on its key.
  @discardableResult
  func drop(_ key: CacheKey) -> CacheItem? {
    state.withLock { state in
      state.claims[key.hash] = nil
      let position = state.table.find(key)
      guard position >= 0 else { return nil }
      let item = state.table.nodes[Int(position)].item
      state.remove(position)
      return item
    }
  }

  /// Empties the shard and revokes every claim.
  func dropAll() {
    state.withLock { state in
      state.claims = [:]
      state.table.removeAll()
      for index in state.counters.indices {
        state.counters[index].entries = 0
        state.counters[index].bytes = 0
      }
    }
  }

  /// Entries from slab position `start`, at most `limit` positions; the position after the last, nil at the end.
  func page(from start: Int, limit: Int) -> (items: [CacheItem], next: Int?) {
    state.withLock { state in
      let end = min(start + limit, state.table.nodes.count)
      guard start < end else { return ([], nil) }
      let items = state.table.nodes[start..<end].compactMap(\.item)
      return (items, end < state.table.nodes.count ? end : nil)
    }
  }

  /// Removes the entry if it is still the same write; true if so.
  func remove(_ item: CacheItem, isExpiry: Bool) -> Bool {
    state.withLock { state in
      let position = state.table.find(item.key)
      guard position >= 0, state.table.nodes[Int(position)].item === item else { return false }
      let namespace = state.table.nodes[Int(position)].namespace
      state.remove(position)
      if isExpiry { state.count(namespace) { $0.expirations += 1 } }
      return true
    }
  }

  var counters: [Counters] { state.withLock { $0.counters } }
  var claimCount: Int { state.withLock { $0.claims.count } }
}
