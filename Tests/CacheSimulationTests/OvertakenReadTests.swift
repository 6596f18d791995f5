import Testing

@testable import Cache

/// A loader may only fill over what was seen dead.
///
///     node 0, loading k                       node 1
///     claim k; GET k                          SET k = v, confirmed
///     v comes back, valid
///     message "k was written": claim gone
///     v may not be served: load k
///     fill over the mark of v                 get k: the loaded value, v is lost
///
/// The read has seen v, and v is valid: its mark must not reach the fill.
@Suite struct OvertakenReadTests {
  private let node = SimulatedNode(0)
  private let key = CacheKey(unchecked: "k", .default)
  private var redis = SimulatedRedis(epoch: 1)

  private func item(_ writeID: UInt64) -> CacheItem {
    CacheItem(
      key: key, value: [], tags: ["t"], created: 1, freshUntil: .max, expires: .max, stamp: 1, writeID: writeID)
  }

  @Test mutating func aLoadNeverReplacesAConfirmedWriteThatItsReadCouldNotServe() {
    let claim = node.store.claim(key)
    _ = redis.write(item(1))
    let found = redis.read(key)
    node.store.drop(key)
    let settled = node.store.settle(claim, key, reading: found, now: 0) { true }
    #expect(settled.isOvertaken)
    #expect(settled.read.item == nil)
    #expect(redis.fill(item(2), sequence: redis.sequence, mark: settled.read.mark) == .superseded)
    #expect(redis.read(key).item?.writeID == 1)
  }

  @Test mutating func aLoadNeverReplacesAWriteThatItsReadSawInAnotherLife() {
    _ = redis.write(item(1))
    let claim = node.store.claim(key)
    let settled = node.store.settle(claim, key, reading: redis.read(key), now: 0) { false }
    #expect(settled.isOvertaken)
    #expect(redis.fill(item(2), sequence: redis.sequence, mark: settled.read.mark) == .superseded)
  }

  @Test mutating func aLoadReplacesWhatItsReadSawDead() {
    _ = redis.write(item(1))
    let entry = redis.commit(.tags(.default, ["t"]), id: "a")
    node.rules.add(entry.rule, sequence: entry.sequence)
    let claim = node.store.claim(key)
    let settled = node.store.settle(claim, key, reading: redis.read(key), now: 0) { true }
    #expect(!settled.isOvertaken)
    #expect(settled.read.item == nil)
    #expect(redis.fill(item(2), sequence: redis.sequence, mark: settled.read.mark) == .stored)
    #expect(redis.read(key).item?.writeID == 2)
  }
}
