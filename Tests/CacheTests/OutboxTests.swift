import Base
import FoundationEssentials
import TestKit
import Testing

@testable import Cache

@Suite struct OutboxTests {
  private func rule(_ number: Int) -> InvalidationRule { .tags(.default, ["t\(number)"]) }

  private func append(_ rule: InvalidationRule, to outbox: Outbox) async -> Bool {
    outbox.reserve()
    return await outbox.append(rule)
  }

  @Test func whatWasConfirmedIsThereAfterReopening() async throws {
    let folder = try TemporaryFolder()
    let outbox = Outbox(path: folder.file("o"))
    for number in 0..<5 { #expect(await append(rule(number), to: outbox)) }
    let again = Outbox(path: folder.file("o"))
    #expect(again.rules == (0..<5).map(rule))
    #expect(!again.isSettled)
    #expect(again.settle(5))
    #expect(Outbox(path: folder.file("o")).rules.isEmpty)
  }

  @Test func aTornRecordWasNeverConfirmedAndABrokenOneMeansEverything() async throws {
    let whole = (0..<3).flatMap { Outbox.record(rule($0)) }
    let last = Outbox.record(rule(2)).count
    for cut in 1..<last {
      let (rules, bytes) = Outbox.rules(in: Array(whole.dropLast(cut)))
      #expect(rules == [rule(0), rule(1)])
      #expect(bytes == whole.count - last)
    }
    var broken = whole
    broken[14] ^= 1
    #expect(Outbox.rules(in: broken).0 == [.everything])
    let folder = try TemporaryFolder()
    try folder.write("o", bytes: Array(whole.dropLast(3)))
    let outbox = Outbox(path: folder.file("o"))
    #expect(await append(rule(9), to: outbox))
    #expect(Outbox(path: folder.file("o")).rules == [rule(0), rule(1), rule(9)])
  }

  @Test func oneKeyIsOneLineHoweverOftenItIsWritten() async throws {
    let folder = try TemporaryFolder()
    let outbox = Outbox(path: folder.file("o"))
    let key = InvalidationRule.keys(.default, ["k"], isCascading: false)
    for _ in 0..<10 { #expect(await append(key, to: outbox)) }
    #expect(outbox.depth == 1)
    #expect(await append(.keys(.default, ["k"], isCascading: true), to: outbox))
    #expect(outbox.depth == 2)
  }

  @Test func withoutAFileNothingIsCalledDurable() async {
    let outbox = Outbox(path: nil)
    #expect(await !append(rule(1), to: outbox))
    #expect(outbox.depth == 1)
    #expect(Outbox(path: "/proc/there-is-no-such-folder/o").isDurable == false)
  }

  @Test func anAppendThatWasPromisedKeepsTheJournalFromSettling() async {
    let outbox = Outbox(path: nil)
    outbox.reserve()
    #expect(!outbox.isSettled)
    #expect(!outbox.settle(0))
    _ = await outbox.append(rule(1))
    #expect(outbox.settle(1))
    #expect(outbox.isSettled)
  }
}
