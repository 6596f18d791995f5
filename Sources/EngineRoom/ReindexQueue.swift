internal import Base
internal import ControlPlane
internal import Synchronization

/// Which projects wait for a run, and who waits for its end. A wish that comes while the project is being indexed is
/// carried out after it, since the run under way may have looked at HEAD before; all wishes that wait are one.
final class ReindexQueue: Sendable {
  typealias Result = Swift.Result<ReindexReport, Failure>

  /// A run to come or under way.
  private struct Wish {
    var isFull = false
    var waiters: [UInt64: CheckedContinuation<Result, Never>] = [:]
    /// Of a run under way.
    var cancel: (@Sendable () -> Void)?
    var isCancelled = false
  }

  private struct Entry {
    var waiting: Wish?
    var running: Wish?
  }

  private struct State {
    var entries: [ProjectID: Entry] = [:]
    /// Those in `due`, once each: wishes that are cancelled and made again do not fill it.
    var queued: Set<ProjectID> = []
    var nextWaiter: UInt64 = 0
    var isOver = false
  }

  /// Projects in the order in which their runs are due.
  let due: AsyncStream<ProjectID>
  private let isDue: AsyncStream<ProjectID>.Continuation
  private let state = Mutex(State())

  /// Waiters of one project; more are refused.
  private static let waitersMax = 256

  init() {
    (due, isDue) = AsyncStream.makeStream(
      of: ProjectID.self, bufferingPolicy: .bufferingOldest(2 * ProjectRegistry.limit))
  }

  static let stopping = Failure(.unavailable, "the node is stopping; the previous index is kept")
  static let cancelled = Failure(.conflict, "indexing was cancelled; the previous index keeps answering")

  /// Returns what the run came to. A caller who is cancelled does not wait any longer; the run goes on.
  func run(_ request: ReindexRequest) async -> Result {
    let waiter = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if let refusal = join(request, waiter, continuation) { continuation.resume(returning: .failure(refusal)) }
      }
    } onCancel: {
      leave(request.project, waiter)
    }
  }

  private func join(
    _ request: ReindexRequest, _ waiter: UInt64, _ continuation: CheckedContinuation<Result, Never>
  ) -> Failure? {
    let (refusal, isDueNow) = state.withLock { state -> (Failure?, Bool) in
      guard !state.isOver else { return (Self.stopping, false) }
      // Cancelled before: the handler has run and found nobody.
      guard !Task.isCancelled else { return (Self.left, false) }
      var entry = state.entries[request.project] ?? Entry()
      let isNew = entry.waiting == nil && entry.running == nil
      var wish = entry.waiting ?? Wish()
      guard wish.waiters.count < Self.waitersMax else { return (Self.crowded, false) }
      wish.isFull = wish.isFull || request.isFull
      wish.waiters[waiter] = continuation
      entry.waiting = wish
      state.entries[request.project] = entry
      return (nil, isNew && state.queued.insert(request.project).inserted)
    }
    if isDueNow { isDue.yield(request.project) }
    return refusal
  }

  private static let crowded = Failure(.limit, "too many wait for this project's index", isRetriable: true)
  private static let left = Failure(.unavailable, "nobody waits for this run of the index any more; it goes on")

  private func leave(_ project: ProjectID, _ waiter: UInt64) {
    let continuation = state.withLock { state in
      state.entries[project]?.waiting?.waiters.removeValue(forKey: waiter)
        ?? state.entries[project]?.running?.waiters.removeValue(forKey: waiter)
    }
    continuation?.resume(returning: .failure(Self.left))
  }

  /// Who waits for a run that has not begun.
  func waiting(_ project: ProjectID) -> Int { state.withLock { $0.entries[project]?.waiting?.waiters.count ?? 0 } }

  // MARK: The runs

  /// Takes the run that is due, and says whether it is a full one; nil when it was cancelled meanwhile. `end` follows.
  func begin(_ project: ProjectID) -> Bool? {
    state.withLock { state in
      state.queued.remove(project)
      guard let entry = state.entries[project], entry.running == nil, let wish = entry.waiting else { return nil }
      state.entries[project] = Entry(waiting: nil, running: wish)
      return wish.isFull
    }
  }

  /// How the run that has begun is cancelled.
  func setCancel(_ project: ProjectID, _ cancel: @escaping @Sendable () -> Void) {
    let isCancelled = state.withLock { state in
      state.entries[project]?.running?.cancel = cancel
      return state.entries[project]?.running?.isCancelled ?? false
    }
    if isCancelled { cancel() }
  }

  func end(_ project: ProjectID, _ result: Result) {
    let (wish, isDueNow) = state.withLock { state in
      let wish = state.entries[project]?.running
      state.entries[project]?.running = nil
      let hasNext = state.entries[project]?.waiting != nil
      if !hasNext { state.entries[project] = nil }
      return (wish, hasNext && state.queued.insert(project).inserted)
    }
    for continuation in (wish?.waiters ?? [:]).values { continuation.resume(returning: result) }
    if isDueNow { isDue.yield(project) }
  }

  /// Stops the run under way and those that wait; false when there is none.
  func cancel(_ project: ProjectID) -> Bool {
    let (waiting, running) = state.withLock { state -> (Wish?, Wish?) in
      guard let entry = state.entries[project] else { return (nil, nil) }
      state.entries[project]?.running?.isCancelled = true
      state.entries[project]?.waiting = nil
      if entry.running == nil { state.entries[project] = nil }
      return (entry.waiting, entry.running)
    }
    running?.cancel?()
    for continuation in (waiting?.waiters ?? [:]).values { continuation.resume(returning: .failure(Self.cancelled)) }
    return waiting != nil || running != nil
  }

  /// No run begins any more; who waits for one is told.
  func finish() {
    let wishes = state.withLock { state in
      state.isOver = true
      let wishes = state.entries.values.compactMap(\.waiting)
      for project in state.entries.keys { state.entries[project]?.waiting = nil }
      return wishes
    }
    isDue.finish()
    for wish in wishes {
      for continuation in wish.waiters.values { continuation.resume(returning: .failure(Self.stopping)) }
    }
  }
}
