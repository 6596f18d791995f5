import Testing

@testable import Cache

@Suite struct CoherenceTests {
  private func entry(_ sequence: UInt64, _ id: String = "a", _ rule: InvalidationRule = .everything) -> LogEntry {
    LogEntry(sequence: sequence, id: id, rule: rule)
  }

  @Test func aDataSetThatLostItsEndIsRecognised() {
    let known = Coherence.Position(epoch: "0000000000000002", sequence: 5, id: "a")
    let fresh = Coherence.Position(epoch: known.epoch, sequence: 1, id: "")
    let cases: [(Coherence.Position, String, UInt64, LogEntry?, Bool)] = [
      (known, known.epoch, 5, entry(5), false), (known, known.epoch, 9, entry(5), false),
      (known, known.epoch, 4, nil, true), (known, known.epoch, 9, entry(5, "b"), true),
      (known, known.epoch, 9, nil, true), (known, "0000000000000001", 9, entry(5), true),
      (known, "000000000000000a", 1, nil, false), (fresh, known.epoch, 1, nil, false),
      (fresh, known.epoch, 7, nil, false),
    ]
    for (position, epoch, sequence, line, hasGoneBack) in cases {
      #expect(Coherence.hasGoneBack(from: position, to: epoch, sequence, line: line) == hasGoneBack)
    }
  }

  @Test func whatTheLogHasForgottenIsAFloorUnlessItWasSwept() {
    #expect(RedisLog.contents([], 1).floor == 0)
    #expect(RedisLog.contents([], 7).floor == 7)
    #expect(RedisLog.contents([entry(2), entry(3)], 3).floor == 0)
    #expect(RedisLog.contents([entry(6), entry(7)], 7).floor == 5)
    let swept = RedisLog.contents([entry(6), entry(7, "a", .swept(through: 6))], 7)
    #expect(swept.floor == 0)
    #expect(swept.entries.map(\.sequence) == [7])
  }

  @Test func aMissingMessageIsNoticedAndADoubleOneIsNot() {
    let rules = RuleBook()
    let coherence = Coherence(store: CacheStore(bytesMax: 1 << 20, rules: rules), rules: rules)
    let life = coherence.join()
    #expect(coherence.receive(entry(3), life: life))
    let isOpen = coherence.reopen(life, epoch: "1", sequence: 2, log: [entry(2)], floor: 0) { true }
    #expect(isOpen)
    #expect(coherence.position?.sequence == 3)
    #expect(coherence.receive(entry(3), life: life))
    #expect(coherence.receive(entry(4), life: life))
    #expect(!coherence.receive(entry(6), life: life))
    #expect(coherence.receive(entry(99), life: life - 1))
  }

  @Test func theLinkOpensOnlyOverAnEmptyJournal() {
    let rules = RuleBook()
    let coherence = Coherence(store: CacheStore(bytesMax: 1 << 20, rules: rules), rules: rules)
    let life = coherence.join()
    var isPromised = false
    #expect(coherence.keep(.everything) { isPromised = true } != nil)
    #expect(isPromised)
    let isOpenEarly = coherence.reopen(life, epoch: "1", sequence: 1, log: [], floor: 0) { !isPromised }
    #expect(!isOpenEarly)
    let isOpen = coherence.reopen(life, epoch: "1", sequence: 1, log: [], floor: 0) { true }
    #expect(isOpen)
    #expect(coherence.keep(.everything) {} == nil)
    #expect(coherence.committed([entry(2)], life: life) != nil)
    #expect(coherence.mark?.sequence == 2)
    coherence.leave(life)
    #expect(coherence.committed([entry(3)], life: life) == nil)
  }
}
