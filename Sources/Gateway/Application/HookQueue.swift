internal import Synchronization

/// Publications that something must happen before: `file-changed` runs its invalidation first, and only then is
/// delivered (CONTRACT, Gateway). The work is `async` and has a deadline; the loops go on meanwhile.
///
/// A client's later publications wait behind its own that has a hook running, so that its events keep their order;
/// other clients are not held up. Bounded in number and bytes, of all clients and of each: a full queue refuses the
/// publication.
final class HookQueue: Sendable {
  static let waitingMax = 4_096
  static let bytesMax = 64 << 20
  /// Publications of one client.
  static let clientMax = 256
  static let deadline = Duration.seconds(5)

  /// What is to happen before an emission is delivered; it must not throw and may take until the deadline.
  typealias Hook = @Sendable (Emission) async -> Void

  struct Job: Sendable {
    /// Jobs of one client are done one after the other.
    var client: SessionID
    var emission: Emission
    var isHooked: Bool
    var deliver: @Sendable (Emission) -> Void

    var bytes: Int { emission.arguments.count + emission.attachments.reduce(0) { $0 + $1.count } }
  }

  private let hook: Hook?
  private let jobs: AsyncStream<Job>
  private let inlet: AsyncStream<Job>.Continuation
  /// Jobs taken and not delivered yet, wherever they are.
  private let standing = Mutex((count: 0, bytes: 0))

  init(_ hook: Hook?) {
    self.hook = hook
    (jobs, inlet) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.waitingMax))
  }

  /// Whether an emission has something to wait for.
  func wants(_ emission: Emission) -> Bool { hook != nil && emission.event == "file-changed" }

  /// False when the queue is full.
  func add(_ job: Job) -> Bool {
    let isTaken = standing.withLock { standing in
      guard standing.count < Self.waitingMax, standing.bytes + job.bytes <= Self.bytesMax,
        case .enqueued = inlet.yield(job)
      else { return false }
      standing.count += 1
      standing.bytes += job.bytes
      return true
    }
    return isTaken
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
    if job.isHooked { await prepare(job.emission) }
    standing.withLock { standing in
      standing.count -= 1
      standing.bytes -= job.bytes
    }
    job.deliver(job.emission)
  }

  /// The hook, which is cancelled at the deadline.
  func prepare(_ emission: Emission) async {
    guard let hook else { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await hook(emission) }
      group.addTask {
        // Cancelled when the hook is done, and then there is nothing to say.
        try? await Task.sleep(for: Self.deadline)
      }
      await group.next()
      group.cancelAll()
    }
  }

  func close() { inlet.finish() }
}
