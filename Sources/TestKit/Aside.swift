internal import Dispatch

/// Runs what computes for a second or more beside the pool of Swift's tasks, in the same task. The pool has one thread
/// a core, and all tests of a run share it: a loop that holds one for seconds lets the deadlines of other tests pass.
public func aside<Value: Sendable>(_ body: @Sendable () async throws -> Value) async rethrows -> Value {
  try await withTaskExecutorPreference(ThreadsAside.shared) { try await body() }
}

/// Threads of the system's queue, which adds some when others are busy.
private final class ThreadsAside: TaskExecutor {
  static let shared = ThreadsAside()
  private let queue = DispatchQueue(label: "tests that compute", attributes: .concurrent)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
