/// Loads that nobody waits for: values being renewed behind a stale answer. Bounded twice: what does not fit in the
/// queue is left for the next reader, and only a few run at a time. They end with `run`.
struct RefreshQueue: Sendable {
  private let stream: AsyncStream<@Sendable () async -> Void>
  private let continuation: AsyncStream<@Sendable () async -> Void>.Continuation
  private static let queuedMax = 256
  private static let runningMax = 16

  init() {
    (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.queuedMax))
  }

  func add(_ job: @escaping @Sendable () async -> Void) { continuation.yield(job) }

  func run() async {
    await withTaskGroup(of: Void.self) { group in
      var running = 0
      for await job in stream {
        if running == Self.runningMax {
          await group.next()
          running -= 1
        }
        group.addTask { await job() }
        running += 1
      }
      group.cancelAll()
    }
  }
}
