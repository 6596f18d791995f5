internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Ctrl-C and SIGTERM for commands that are not a node: the work is cancelled, may clean up, and the process ends with
/// 128 and the signal's number.
enum Interrupt {
  /// How long cancelled work may take to clean up.
  static let cleanUpSeconds = 2.0
  private static let signals = [SIGINT, SIGTERM]

  /// Runs `body` to its end or to the first signal. A second one, or clean-up that takes too long, ends the process.
  static func guarding(_ body: @Sendable @escaping () async throws -> Void) async throws {
    let work = Task { try await body() }
    let first = Mutex<Int32?>(nil)
    let queue = DispatchQueue(label: "signalbox.interrupt")
    let sources = signals.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        let isFirst = first.withLock { first in
          defer { first = first ?? number }
          return first == nil
        }
        guard isFirst else { _exit(ExitCode.stopped(by: number).rawValue) }
        work.cancel()
        queue.asyncAfter(deadline: .now() + cleanUpSeconds) { _exit(ExitCode.stopped(by: number).rawValue) }
      }
      source.resume()
      return source
    }
    defer { for source in sources { source.cancel() } }
    let result = await work.result
    if let number = first.withLock({ $0 }) { throw ExitCode.stopped(by: number) }
    try result.get()
  }
}
