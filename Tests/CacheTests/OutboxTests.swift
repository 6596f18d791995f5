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

  /// A replay commits the first copy | the same key is invalidated again: what was written in between has to go
  @Test func aRuleThatComesDuringItsReplayIsAnotherOne() async throws {
    let folder = try TemporaryFolder()
    let outbox = Outbox(path: folder.file("o"))
    let key = InvalidationRule.keys(.default, ["k"], isCascading: false)
    #expect(await append(key, to: outbox))
    #expect(outbox.take() == [key])
    for _ in 0..<3 { #expect(await append(key, to: outbox)) }
    #expect(!outbox.settle(1))
    #expect(outbox.rules == [key])
    #expect(outbox.take() == [key] && outbox.settle(1))
    #expect(Outbox(path: folder.file("o")).rules.isEmpty)
  }

  @Test func pastItsBoundTheFileSaysEverythingAndGrowsNoMore() async throws {
    let folder = try TemporaryFolder()
    // One rule is large enough to fill the file in some steps.
    let tags = (0..<200).map { "\($0)" + String(repeating: "x", count: 200) }
    let large = InvalidationRule.tags(.default, tags)
    let count = Outbox.fileBytesMax / Outbox.record(large).count
    var bytes = [UInt8]()
    bytes.reserveCapacity(Outbox.fileBytesMax)
    for _ in 0..<count { bytes += Outbox.record(large) }
    try folder.write("o", bytes: bytes)
    let outbox = Outbox(path: folder.file("o"))
    #expect(outbox.depth == count)
    for _ in 0..<20 { #expect(await append(large, to: outbox)) }
    #expect(outbox.rules.count == count + 1 && outbox.rules.last == .everything)
    let again = Outbox(path: folder.file("o"))
    #expect(again.rules.count == count + 1 && again.rules.last == .everything)
    // One that is being replayed does not speak for what comes now.
    #expect(outbox.take().count == count + 1)
    #expect(await append(large, to: outbox))
    #expect(!outbox.settle(count + 1) && outbox.rules == [.everything])
  }
}
