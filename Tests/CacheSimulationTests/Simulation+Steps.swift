import TestKit

@testable import Cache

extension Simulation {
  /// One step of one operation that is under way.
  mutating func advance(_ node: SimulatedNode) {
    guard !node.operations.isEmpty else { return }
    let index = Int.random(in: 0..<node.operations.count, using: &random)
    switch node.operations.remove(at: index) {
    case .reading(let reading): arrive(node, reading)
    case .loading(let claim, let key, let life, let mark, let item, let turns):
      load(node, claim, key, life, mark, item, turns)
    case .settling(let claim, let item, let kept):
      let isValid = node.rules.verdict(on: item, since: claim.version).isValid
      note(node, "settles the load of \(item.key.name) of \(item.created), valid: \(isValid), claim \(claim.id)")
      node.store.settle(claim, item.key, with: isValid ? kept : nil, since: claim.version, now: 0, source: .written)
    case .setting(let claim, let item, let life, let started): write(node, claim, item, life, started)
    case .written(let claim, let item, let started):
      let isKept = node.store.settle(
        claim, item.key, with: item, since: claim.version, now: 0, source: .written)
      note(node, "confirms \(item.key.name) of \(item.created), \(isKept ? "kept" : "not kept") under \(claim.id)")
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

  private mutating func arrive(_ node: SimulatedNode, _ reading: SimulatedNode.Reading) {
    let key = reading.key
    let isOpen = node.coherence.isOpen(reading.life)
    let settled = node.store.settle(reading.claim, key, reading: reading.found, now: 0) { isOpen }
    note(
      node,
      "has read \(key.name): \(settled.read.item?.created ?? -1)\(settled.isOvertaken ? ", overtaken" : "")")
    if let item = settled.read.item {
      judge(item, node, started: reading.started)
    } else if settled.isOvertaken, !reading.isLast, let life = node.life {
      node.operations.append(
        .reading(
          .init(
            claim: node.store.claim(key), key: key, life: life, found: redis.read(key), started: reading.started,
            isLast: true, loads: reading.loads)))
    } else if reading.loads {
      beginLoad(node, key, mark: settled.read.mark)
    }
  }

  private mutating func load(
    _ node: SimulatedNode, _ claim: CacheStore.Claim, _ key: CacheKey, _ life: UInt64?, _ mark: [UInt8],
    _ item: CacheItem, _ turns: Int
  ) {
    guard let life, node.coherence.isOpen(life) else {
      let isAway = life == nil && node.life == nil
      note(node, "ends the load of \(key.name) of \(item.created) without Redis, kept: \(isAway)")
      node.store.settle(claim, key, with: isAway ? item : nil, since: claim.version, now: 0)
      return
    }
    guard turns < 4, let sequence = node.coherence.opened?.sequence,
      node.rules.verdict(on: item, since: claim.version).isValid, node.store.stands(claim, key)
    else {
      node.store.settle(claim, key, with: nil, since: 0, now: 0)
      return
    }
    let held = redis.read(key).item
    let outcome = redis.fill(item.stamped(sequence), sequence: sequence, mark: mark)
    if outcome == .stored, let held, isStanding(held) {
      violations.append("step \(now): node \(node.number) filled \(key.name) over the write at \(held.created)")
    }
    note(node, "fills \(key.name) of \(item.created) at \(sequence): \(outcome)")
    switch outcome {
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
      note(
        node, "loses the answer to its set of \(item.key.name); \(redis.read(item.key).item?.created ?? -1) is there")
      node.store.settle(claim, item.key, with: nil, since: 0, now: 0)
      node.operations.append(.journalling(rule, ruleIndex: nil, set: item))
    default:
      disturbed[item.key] = now
      let stamp = redis.write(placed)
      note(nil, "stores \(item.key.name) of \(now) for node \(node.number), stamp \(stamp)")
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
    note(node, "journals \(rule)\(item == nil ? "" : " for a set that stays here")")
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
      note(node, "is connected")
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
    note(node, "finds the data set gone back and starts epoch \(nextEpoch)")
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
    note(node, isOpen ? "is open at \(node.coherence.opened?.sequence ?? 0)" : "could not open")
    guard isOpen else {
      node.disconnect(life)
      return
    }
    // What was committed before the log was read is known from here on.
    for entry in contents.entries { see(entry, node) }
  }
}
