/// Asynchronous work that a loop starts and does not wait for, such as asking Redis for a session. Owned by the
/// server's `run`, which awaits or cancels it. Bounded.
final class Errands: Sendable {
  static let waitingMax = 16_384
  private static let workers = 64

  private let jobs: AsyncStream<@Sendable () async -> Void>
  private let inlet: AsyncStream<@Sendable () async -> Void>.Continuation

  init() { (jobs, inlet) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.waitingMax)) }

  /// False when there is too much of it.
  func add(_ job: @escaping @Sendable () async -> Void) -> Bool {
    if case .enqueued = inlet.yield(job) { return true }
    return false
  }

  func run() async {
    await withDiscardingTaskGroup { group in
      for _ in 0..<Self.workers {
        group.addTask { for await job in self.jobs { await job() } }
      }
    }
  }

  func close() { inlet.finish() }
}
