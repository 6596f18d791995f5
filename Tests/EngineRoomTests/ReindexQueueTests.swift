import Base
import ControlPlane
import Synchronization
import Testing

@testable import EngineRoom

/// Which runs are carried out, and who is told of their end.
@Suite struct ReindexQueueTests {
  private static let pear = ProjectID(folderName: "pear")

  private func report(_ chunks: Int) -> ReindexQueue.Result {
    .success(
      ReindexReport(
        project: Self.pear, commit: nil, mode: .full, filesIndexed: 0, filesUnchanged: 0, filesSkipped: [],
        filesSkippedCount: 0, filesFailed: [], chunks: chunks, embeddingsComputed: 0, embeddingsFromCache: 0,
        durationSeconds: 0, filesPerSecond: 0))
  }

  /// Asks, and returns once the wish is known to the queue.
  private func ask(_ queue: ReindexQueue, full: Bool = false) async -> Task<ReindexQueue.Result, Never> {
    let before = queue.waiting(Self.pear)
    let task = Task { await queue.run(ReindexRequest(project: Self.pear, isFull: full)) }
    #expect(await eventuallyWaits(queue, before + 1))
    return task
  }

  private func eventuallyWaits(_ queue: ReindexQueue, _ count: Int) async -> Bool {
    for _ in 0..<1_000_000 {
      if queue.waiting(Self.pear) == count { return true }
      await Task.yield()
    }
    return false
  }

  @Test func wishesThatWaitAreOneRun() async throws {
    let queue = ReindexQueue()
    var due = queue.due.makeAsyncIterator()
    let first = await ask(queue)
    let second = await ask(queue, full: true)
    #expect(await due.next() == Self.pear)
    #expect(queue.begin(Self.pear) == true, "the fuller of the two")
    queue.end(Self.pear, report(1))
    #expect(try await first.value.get().chunks == 1)
    #expect(try await second.value.get().chunks == 1)
    #expect(queue.begin(Self.pear) == nil)
  }

  @Test func aWishDuringARunIsCarriedOutAfterIt() async throws {
    let queue = ReindexQueue()
    var due = queue.due.makeAsyncIterator()
    let first = await ask(queue)
    #expect(await due.next() == Self.pear)
    #expect(queue.begin(Self.pear) == false)
    let second = await ask(queue)
    #expect(queue.begin(Self.pear) == nil, "not while one is under way")
    queue.end(Self.pear, report(1))
    #expect(try await first.value.get().chunks == 1)
    #expect(await due.next() == Self.pear)
    #expect(queue.begin(Self.pear) == false)
    queue.end(Self.pear, report(2))
    #expect(try await second.value.get().chunks == 2)
  }

  @Test func cancellingStopsTheRunAndThoseThatWait() async throws {
    let queue = ReindexQueue()
    var due = queue.due.makeAsyncIterator()
    #expect(!queue.cancel(Self.pear))
    let first = await ask(queue)
    _ = await due.next()
    _ = queue.begin(Self.pear)
    let second = await ask(queue)
    // Before the run said how it is cancelled: it hears of it when it does.
    #expect(queue.cancel(Self.pear))
    #expect(await second.value == .failure(ReindexQueue.cancelled))
    let isCancelled = Mutex(false)
    queue.setCancel(Self.pear) { isCancelled.withLock { $0 = true } }
    #expect(isCancelled.withLock { $0 })
    queue.end(Self.pear, .failure(ReindexQueue.cancelled))
    #expect(await first.value == .failure(ReindexQueue.cancelled))
    #expect(!queue.cancel(Self.pear))
  }

  @Test func wishesThatAreCancelledAndMadeAgainDoNotFillTheQueue() async throws {
    let queue = ReindexQueue()
    var due = queue.due.makeAsyncIterator()
    for _ in 0..<3 * ProjectRegistry.limit {
      let wish = await ask(queue)
      #expect(queue.cancel(Self.pear))
      #expect(await wish.value == .failure(ReindexQueue.cancelled))
    }
    let last = await ask(queue)
    #expect(await due.next() == Self.pear)
    #expect(queue.begin(Self.pear) == false)
    queue.end(Self.pear, report(7))
    #expect(try await last.value.get().chunks == 7)
    queue.finish()
    #expect(await due.next() == nil, "it was due once")
  }

  @Test func whoLeavesDoesNotEndTheRun() async throws {
    let queue = ReindexQueue()
    var due = queue.due.makeAsyncIterator()
    let first = await ask(queue)
    let second = await ask(queue)
    _ = await due.next()
    _ = queue.begin(Self.pear)
    first.cancel()
    guard case .failure(let failure) = await first.value else {
      Issue.record("a caller who left was told of an end")
      return
    }
    #expect(failure.code == .unavailable)
    queue.end(Self.pear, report(3))
    #expect(try await second.value.get().chunks == 3)
  }

  @Test func afterItsEndNobodyWaits() async {
    let queue = ReindexQueue()
    let waiting = await ask(queue)
    queue.finish()
    #expect(await waiting.value == .failure(ReindexQueue.stopping))
    #expect(await queue.run(ReindexRequest(project: Self.pear)) == .failure(ReindexQueue.stopping))
  }
}
