import TestKit

@testable import Cache

/// Two nodes, one Redis, a clock that counts steps, and chance. Every value carries the step it was true at, and every
/// invalidation the step it was made at, so that any answer can be judged.
struct Simulation {
  struct Rule {
    let rule: InvalidationRule
    /// A value that was true before this step must not be served by who has seen the rule.
    let madeAt: Int
    /// The step from which each node knows it.
    var seenAt: [Int: Int] = [:]
  }

  var random: SeededRandom
  var now = 0
  var redis = SimulatedRedis(epoch: 1)
  var snapshots: [SimulatedRedis] = []
  let nodes = [SimulatedNode(0), SimulatedNode(1)]
  var made: [Rule] = []
  var nextID: UInt64 = 0
  /// Which invalidation each line of the log came from.
  var origins: [String: Int] = [:]
  var nextEpoch = 1
  /// The last confirmed write of each key, and when something happened that may take it away.
  var confirmed: [CacheKey: CacheItem] = [:]
  var disturbed: [CacheKey: Int] = [:]
  var served = 0
  var violations: [String] = []
  /// Where to tell what happens, step by step.
  private let story: Story?

  let namespace = CacheNamespace.default
  static let tags = ["t0", "t1", "t2"]

  final class Story {
    var lines: [String] = []
  }

  init(seed: UInt64, story: Story? = nil) {
    random = SeededRandom(seed: seed)
    self.story = story
  }

  func note(_ node: SimulatedNode?, _ text: @autoclosure () -> String) {
    story?.lines.append("\(now) \(node.map { "node \($0.number)" } ?? "redis"): \(text())")
  }

  mutating func run(steps: Int) {
    for _ in 0..<steps where violations.isEmpty {
      now += 1
      step()
    }
    settle()
  }

  private mutating func step() {
    let node = nodes[Int.random(in: 0..<2, using: &random)]
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<30: advance(node)
    case 30..<50: deliver(node)
    case 50..<62: startRead(node)
    case 62..<68: startLoad(node)
    case 68..<75: startSet(node)
    case 75..<82: startInvalidate(node)
    case 82..<92: join(node)
    case 92..<94:
      note(node, "disconnected")
      node.disconnect(node.coherence.opened?.life ?? 0)
    case 94: sweep(node)
    case 95:
      note(node, "purges")
      node.coherence.purge()
    case 96: trim()
    case 97:
      note(nil, "snapshot \(snapshots.count) at \(redis.sequence)")
      snapshots.append(redis)
    case 98: restore()
    default: break
    }
  }

  // MARK: Reading

  private func key(_ number: Int) -> CacheKey { CacheKey(unchecked: "k\(number)", namespace) }
  private mutating func anyKey() -> CacheKey { key(Int.random(in: 0..<4, using: &random)) }

  private mutating func startRead(_ node: SimulatedNode) {
    let key = anyKey()
    if let item = node.store.get(key, now: 0) {
      note(node, "answers \(key.name) of \(item.created) from the first level")
      judge(item, node, started: now)
      return
    }
    if let life = node.life { beginRead(node, key, life, loads: false) }
  }

  private mutating func beginRead(_ node: SimulatedNode, _ key: CacheKey, _ life: UInt64, loads: Bool) {
    let claim = node.store.claim(key)
    note(node, "reads \(key.name) under claim \(claim.id): \(redis.read(key).item?.created ?? -1)")
    node.operations.append(
      .reading(
        .init(
          claim: claim, key: key, life: life, found: redis.read(key), started: now,
          isLast: Bool.random(using: &random), loads: loads)))
  }

  mutating func judge(_ item: CacheItem, _ node: SimulatedNode, started: Int) {
    served += 1
    for rule in made {
      guard let seen = rule.seenAt[node.number], seen < started, item.created < rule.madeAt,
        rule.rule.fits(item.key.namespace.name, item.key.name, item.tags)
      else { continue }
      violations.append(
        "step \(now): node \(node.number) served \(item.key.name) true at \(item.created), invalidated at "
          + "\(rule.madeAt) by \(rule.rule), seen at \(seen), asked at \(started)")
    }
  }

  private mutating func item(_ key: CacheKey, stamp: UInt64) -> CacheItem {
    nextID += 1
    let tags = Self.tags.filter { _ in Bool.random(using: &random) }
    return CacheItem(
      key: key, value: [], tags: tags, created: Int64(now), freshUntil: .max, expires: .max, stamp: stamp,
      writeID: nextID)
  }

  private mutating func startLoad(_ node: SimulatedNode) {
    let key = anyKey()
    guard node.store.get(key, now: 0) == nil else { return }
    if let life = node.life { beginRead(node, key, life, loads: true) } else { beginLoad(node, key, mark: []) }
  }

  /// The loader runs: what it finds is true from now on, and fills only over `mark`.
  mutating func beginLoad(_ node: SimulatedNode, _ key: CacheKey, mark: [UInt8]) {
    let opened = node.coherence.opened
    let stamp = opened?.sequence ?? node.coherence.position?.sequence ?? 0
    let claim = node.store.claim(key)
    let item = item(key, stamp: stamp)
    note(node, "loads \(key.name) under claim \(claim.id), stamp \(stamp), \(opened == nil ? "away" : "open")")
    node.operations.append(
      .loading(claim: claim, key: key, life: opened?.life, mark: mark, item: item, turns: 0))
  }

  private mutating func startSet(_ node: SimulatedNode) {
    let key = anyKey()
    let item = item(key, stamp: 0)
    disturbed[key] = now
    note(node, "begins to set \(key.name), \(node.life == nil ? "away" : "open")")
    if let life = node.life {
      node.operations.append(.setting(claim: node.store.claim(key), item: item, life: life, started: now))
    } else {
      node.operations.append(.journalling(.keys(namespace, [key.name], isCascading: false), ruleIndex: nil, set: item))
    }
  }

  // MARK: Invalidating

  private mutating func startInvalidate(_ node: SimulatedNode) {
    let rule: InvalidationRule
    switch Int.random(in: 0..<3, using: &random) {
    case 0: rule = .keys(namespace, [anyKey().name], isCascading: false)
    case 1: rule = .tags(namespace, [Self.tags[Int.random(in: 0..<3, using: &random)]])
    default: rule = .pattern(namespace, .everything)
    }
    made.append(Rule(rule: rule, madeAt: now))
    note(node, "invalidates \(rule)")
    disturb(rule)
    commitOrJournal(rule, made.count - 1, node)
  }

  private mutating func disturb(_ rule: InvalidationRule) {
    for number in 0..<4 {
      // Tags of a value to come are not known: every key counts.
      if case .keys(_, let keys, _) = rule, !keys.contains(key(number).name) { continue }
      disturbed[key(number)] = now
    }
  }

  mutating func commitOrJournal(_ rule: InvalidationRule, _ index: Int, _ node: SimulatedNode) {
    guard let life = node.life else {
      node.operations.append(.journalling(rule, ruleIndex: index, set: nil))
      return
    }
    switch Int.random(in: 0..<10, using: &random) {
    case 0:  // never arrives
      node.disconnect(life)
      node.operations.append(.journalling(rule, ruleIndex: index, set: nil))
    case 1:  // arrives, and the answer is lost
      publish(rule, index)
      node.disconnect(life)
      node.operations.append(.journalling(rule, ruleIndex: index, set: nil))
    default:
      node.operations.append(.committed([publish(rule, index)], ruleIndex: index, life: life))
    }
  }

  @discardableResult
  mutating func publish(_ rule: InvalidationRule, _ index: Int?) -> LogEntry {
    nextID += 1
    let entry = redis.commit(rule, id: "\(nextID)")
    note(nil, "commits \(entry.sequence) \(rule)")
    origins[entry.id] = index
    if case .swept = rule {} else { disturb(rule) }
    tell(.rule(entry))
    return entry
  }

  mutating func tell(_ message: CacheMessage) {
    for node in nodes where node.isSubscribed { node.inbox.append(message) }
  }

  /// From now on the node knows the invalidation that this line came from.
  mutating func see(_ entry: LogEntry, _ node: SimulatedNode) {
    guard let index = origins[entry.id], made[index].seenAt[node.number] == nil else { return }
    made[index].seenAt[node.number] = now
  }

  private mutating func deliver(_ node: SimulatedNode) {
    guard !node.inbox.isEmpty, let life = node.life ?? node.joiningLife else { return }
    note(node, "hears \(node.inbox[0])")
    switch node.inbox.removeFirst() {
    case .rule(let entry):
      guard node.coherence.receive(entry, life: life) else {
        node.disconnect(life)
        return
      }
      guard node.life != nil else { return }
      see(entry, node)
    case .written(let writer, let keys):
      if writer != "\(node.number)" { node.coherence.written(keys, life: life) }
    case .newEpoch: node.disconnect(life)
    }
  }

  // MARK: Faults

  /// What is older than the log counts as invalidated.
  private mutating func trim() {
    note(nil, "forgets the start of its log")
    redis.trim(to: Int.random(in: 0..<4, using: &random))
    for number in 0..<4 { disturbed[key(number)] = now + 1 }
  }

  private mutating func restore() {
    nextEpoch += 1
    redis = snapshots.randomElement(using: &random) ?? SimulatedRedis(epoch: nextEpoch)
    note(nil, "lost its data set and holds epoch \(redis.epoch) at \(redis.sequence)")
    for node in nodes { node.disconnect(node.life ?? node.joiningLife ?? 0) }
    for number in 0..<4 { disturbed[key(number)] = now }
  }

  private mutating func sweep(_ node: SimulatedNode) {
    guard let opened = node.coherence.opened else { return }
    note(node, "sweeps through \(opened.sequence)")
    let dead = redis.values.values.filter { held in
      held.epoch != redis.epoch || !node.rules.verdict(on: held.item, since: 0).isValid
    }
    redis.remove(dead.map(\.item))
    publish(.swept(through: opened.sequence), nil)
  }

  // MARK: The end

  /// Whether this is a confirmed write that nothing disturbed.
  func isStanding(_ item: CacheItem) -> Bool {
    confirmed[item.key]?.writeID == item.writeID && disturbed[item.key] ?? 0 <= Int(item.created)
  }

  /// Everything is delivered and joined; then every confirmed write that nothing disturbed must be there.
  private mutating func settle() {
    for _ in 0..<200 where violations.isEmpty {
      for node in nodes {
        now += 1
        while !node.operations.isEmpty {
          now += 1
          advance(node)
        }
        if node.life == nil { join(node) }
        while !node.inbox.isEmpty { deliver(node) }
      }
    }
    for node in nodes where violations.isEmpty {
      guard node.life != nil, node.journal.isEmpty else {
        violations.append("node \(node.number) did not recover")
        return
      }
      for (key, item) in confirmed where isStanding(item) {
        let found = node.store.get(key, now: 0) ?? redis.read(key).item
        guard found?.writeID != item.writeID else { continue }
        let instead = found.map { "\($0.created)" } ?? "nothing"
        violations.append("node \(node.number) lost the write of \(key.name) at \(item.created): \(instead)")
      }
      for number in 0..<4 {
        let held = redis.read(key(number)).item
        guard let item = node.store.get(key(number), now: 0) ?? held else { continue }
        if node.rules.verdict(on: item, since: 0).isValid { judge(item, node, started: now) }
      }
    }
    let claims = nodes.reduce(0) { $0 + $1.store.claimCount }
    if claims > 0 { violations.append("\(claims) claims were never given up") }
  }
}

extension SimulatedNode {
  var joiningLife: UInt64? {
    switch joining {
    case .connected(let life), .replayed(let life), .read(let life, _, _): life
    case nil: nil
    }
  }
}
