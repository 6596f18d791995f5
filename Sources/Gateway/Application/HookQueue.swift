/// Publications that something must happen before: `file-changed` runs its invalidation first, and only then is
/// delivered (CONTRACT, Gateway). The work is `async` and has a deadline; the loops go on meanwhile.
///
/// A client's later publications wait behind its own that has a hook running, so that its events keep their order;
/// other clients are not held up. Bounded: a full queue refuses the publication.
final class HookQueue: Sendable {
  static let waitingMax = 4_096
  static let deadline = Duration.seconds(5)

  /// What is to happen before an emission is delivered; it must not throw and may take until the deadline.
  typealias Hook = @Sendable (Emission) async -> Void

  struct Job: Sendable {
    /// Jobs of one client are done one after the other.
    var client: SessionID
    var emission: Emission
    var isHooked: Bool
    var deliver: @Sendable (Emission) -> Void
  }

  private let hook: Hook?
  private let jobs: AsyncStream<Job>
  private let inlet: AsyncStream<Job>.Continuation

  init(_ hook: Hook?) {
    self.hook = hook
    (jobs, inlet) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.waitingMax))
  }

  /// Whether an emission has something to wait for.
  func wants(_ emission: Emission) -> Bool { hook != nil && emission.event == "file-changed" }

  /// False when the queue is full.
  func add(_ job: Job) -> Bool {
    if case .enqueued = inlet.yield(job) { return true }
    return false
  }

  /// Works until the task is cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      var lanes: [SessionID: AsyncStream<Job>.Continuation] = [:]
      for await job in jobs {
        if case .enqueued? = lanes[job.client]?.yield(job) { continue }
        let (lane, inlet) = AsyncStream<Job>.makeStream()
        lanes[job.client] = inlet
        inlet.yield(job)
        if lanes.count > Self.waitingMax {
          for lane in lanes.values { lane.finish() }
          lanes = [:]
        }
        group.addTask { for await job in lane { await self.perform(job) } }
      }
      for lane in lanes.values { lane.finish() }
    }
  }

  private func perform(_ job: Job) async {
    if job.isHooked, let hook {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await hook(job.emission) }
        group.addTask {
          // Cancelled when the hook is done, and then there is nothing to say.
          try? await Task.sleep(for: Self.deadline)
        }
        await group.next()
        group.cancelAll()
      }
    }
    job.deliver(job.emission)
  }

  func close() { inlet.finish() }
}
