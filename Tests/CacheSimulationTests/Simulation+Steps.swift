import TestKit

@testable import Cache

extension Simulation {
  /// One step of one operation that is under way.
  mutating func advance(_ node: SimulatedNode) {
    guard !node.operations.isEmpty else { return }
    let index = Int.random(in: 0..<node.operations.count, using: &random)
    switch node.operations.remove(at: index) {
    case .reading(let claim, let key, let life, let item, let started):
      guard let item, node.rules.verdict(on: item, since: 0).isValid else {
        node.store.settle(claim, key, with: nil, since: 0, now: 0)
        return
      }
      let isValid = node.store.settle(claim, key, with: item, since: 0, now: 0)
      if isValid, node.coherence.isOpen(life) { judge(item, node, started: started) }
    case .loading(let claim, let key, let life, let mark, let item, let turns):
      load(node, claim, key, life, mark, item, turns)
    case .settling(let claim, let item, let kept):
      let isValid = node.rules.verdict(on: item, since: claim.version).isValid
      node.store.settle(claim, item.key, with: isValid ? kept : nil, since: claim.version, now: 0, source: .written)
    case .setting(let claim, let item, let life, let started): write(node, claim, item, life, started)
    case .written(let claim, let item, let started):
      node.store.settle(claim, item.key, with: item, since: claim.version, now: 0, source: .written)
      if Int(item.created) == started || disturbed[item.key] == started { confirmed[item.key] = item }
    case .committed(let entries, let ruleIndex, let life):
      guard node.coherence.committed(entries, life: life) != nil else {
        commitOrJournal(made[ruleIndex].rule, ruleIndex, node)
        return
      }
      made[ruleIndex].seenAt[node.number] = made[ruleIndex].seenAt[node.number] ?? now
    case .journalling(let rule, let ruleIndex, let item): keep(node, rule, ruleIndex, item)
    }
  }

  private mutating func load(
    _ node: SimulatedNode, _ claim: CacheStore.Claim, _ key: CacheKey, _ life: UInt64?, _ mark: UInt64?,
    _ item: CacheItem, _ turns: Int
  ) {
    guard let life, node.coherence.isOpen(life) else {
      let isAway = life == nil && node.life == nil
      node.store.settle(claim, key, with: isAway ? item : nil, since: claim.version, now: 0)
      return
    }
    guard turns < 4, let sequence = node.coherence.opened?.sequence,
      node.rules.verdict(on: item, since: claim.version).isValid, node.store.stands(claim, key)
    else {
      node.store.settle(claim, key, with: nil, since: 0, now: 0)
      return
    }
    switch redis.fill(item.stamped(sequence), sequence: sequence, mark: mark) {
    case .stored:
      tell(.written(node: "\(node.number)", keys: [key]))
      node.operations.append(.settling(claim: claim, item: item, kept: item.stamped(sequence)))
    case .superseded: node.store.settle(claim, key, with: nil, since: 0, now: 0)
    case .behind:
      node.operations.append(
        .loading(claim: claim, key: key, life: life, mark: mark, item: item, turns: turns + 1))
    }
  }

  private mutating func write(
    _ node: SimulatedNode, _ claim: CacheStore.Claim, _ item: CacheItem, _ life: UInt64, _ started: Int
  ) {
    let rule = InvalidationRule.keys(namespace, [item.key.name], isCascading: false)
    guard node.coherence.isOpen(life) else {
      node.store.settle(claim, item.key, with: nil, since: 0, now: 0)
      node.operations.append(.journalling(rule, ruleIndex: nil, set: item))
      return
    }
    // A value is true from the moment Redis has it.
    let placed = CacheItem(
      key: item.key, value: [], tags: item.tags, created: Int64(now), freshUntil: .max, expires: .max, stamp: 0,
      writeID: item.writeID)
    switch Int.random(in: 0..<10, using: &random) {
    case 0, 1:  // the answer is lost, and with 1 the write too
      if Bool.random(using: &random) {
        _ = redis.write(placed)
        tell(.written(node: "\(node.number)", keys: [item.key]))
      }
      node.disconnect(life)
      node.store.settle(claim, item.key, with: nil, since: 0, now: 0)
      node.operations.append(.journalling(rule, ruleIndex: nil, set: item))
    default:
      disturbed[item.key] = now
      let stamp = redis.write(placed)
      tell(.written(node: "\(node.number)", keys: [item.key]))
      node.operations.append(.written(claim: claim, item: placed.stamped(stamp), started: now))
    }
  }

  private mutating func keep(
    _ node: SimulatedNode, _ rule: InvalidationRule, _ ruleIndex: Int?, _ item: CacheItem?
  ) {
    guard node.coherence.keep(rule, promise: { node.promised += 1 }) != nil else {
      // The link came back meanwhile.
      if let ruleIndex {
        commitOrJournal(rule, ruleIndex, node)
      } else if let item, let life = node.life {
        node.operations.append(
          .setting(claim: node.store.claim(item.key), item: item, life: life, started: now))
      }
      return
    }
    node.promised -= 1
    node.journal.append((rule, ruleIndex))
    if let ruleIndex { made[ruleIndex].seenAt[node.number] = now }
    if let item {
      let local = CacheItem(
        key: item.key, value: [], tags: item.tags, created: Int64(now), freshUntil: .max, expires: .max,
        stamp: node.coherence.position?.sequence ?? 0, writeID: item.writeID)
      let claim = node.store.claim(item.key)
      node.store.settle(claim, item.key, with: local, since: claim.version, now: 0, source: .only)
    }
  }

  /// One step on the way back: connect and verify, replay, read the log, reopen.
  mutating func join(_ node: SimulatedNode) {
    switch node.joining {
    case nil:
      guard node.life == nil else { return }
      let life = node.coherence.join()
      guard verify(node) else {
        node.disconnect(life)
        return
      }
      node.isSubscribed = true
      node.inbox = []
      node.joining = .connected(life: life)
    case .connected(let life):
      while !node.journal.isEmpty {
        let (rule, index) = node.journal[0]
        node.coherence.replayed([publish(rule, index)], epoch: Self.name(redis.epoch))
        disturbAfterReplay(rule)
        node.journal.removeFirst()
      }
      node.joining = .replayed(life: life)
    case .replayed(let life):
      node.joining = .read(life: life, RedisLog.contents(redis.log, redis.sequence), epoch: redis.epoch)
    case .read(let life, let contents, let epoch):
      reopen(node, life, contents, epoch)
    }
  }

  private mutating func disturbAfterReplay(_ rule: InvalidationRule) {
    guard case .keys(_, let keys, _) = rule else {
      for number in 0..<4 { disturbed[CacheKey(unchecked: "k\(number)", namespace)] = now + 1 }
      return
    }
    for key in keys { disturbed[CacheKey(unchecked: key, namespace)] = now + 1 }
  }

  private static func name(_ epoch: Int) -> String { RedisSecondLevel.hex(UInt64(epoch)) }

  private mutating func verify(_ node: SimulatedNode) -> Bool {
    guard let known = node.coherence.mark else { return true }
    let line = redis.log.first { $0.sequence == known.sequence }
    guard Coherence.hasGoneBack(from: known, to: Self.name(redis.epoch), redis.sequence, line: line) else {
      return true
    }
    nextEpoch += 1
    redis.roll(epoch: nextEpoch, past: known.sequence)
    tell(.newEpoch)
    for number in 0..<4 { disturbed[CacheKey(unchecked: "k\(number)", namespace)] = now + 1 }
    return false
  }

  private mutating func reopen(
    _ node: SimulatedNode, _ life: UInt64, _ contents: RedisLog.Contents, _ epoch: Int
  ) {
    node.joining = nil
    let isOpen = node.coherence.reopen(
      life, epoch: Self.name(epoch), sequence: contents.sequence, log: contents.entries, floor: contents.floor
    ) { node.journal.isEmpty && node.promised == 0 }
    guard isOpen else {
      node.disconnect(life)
      return
    }
    // What was committed before the log was read is known from here on.
    for entry in contents.entries { see(entry, node) }
  }
}
