internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Ctrl-C for commands that are not a node: the work is cancelled, may clean up, and the process ends with 130.
enum Interrupt {
  /// How long cancelled work may take to clean up.
  static let cleanUpSeconds = 2.0

  /// Runs `body` to its end or to the first SIGINT. A second one, or clean-up that takes too long, ends the process.
  static func guarding(_ body: @Sendable @escaping () async throws -> Void) async throws {
    let work = Task { try await body() }
    let count = Mutex(0)
    let queue = DispatchQueue(label: "signalbox.interrupt")
    signal(SIGINT, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: queue)
    source.setEventHandler {
      let isFirst = count.withLock { count in
        count += 1
        return count == 1
      }
      guard isFirst else { _exit(ExitCode.interrupted.rawValue) }
      work.cancel()
      queue.asyncAfter(deadline: .now() + cleanUpSeconds) { _exit(ExitCode.interrupted.rawValue) }
    }
    source.resume()
    defer { source.cancel() }
    let result = await work.result
    if count.withLock({ $0 > 0 }) { throw ExitCode.interrupted }
    try result.get()
  }
}
