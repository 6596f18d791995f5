internal import Glibc
internal import Logging
internal import UnixSignals

/// What the node does with signals: TERM and INT stop it gracefully, a second one at once; HUP reopens files and reads
/// credentials again. It never ends the node: a headless node outlives the terminal that started it.
enum NodeSignals {
  /// After this many seconds of a graceful stop the kernel ends the process (SIGALRM), whatever still hangs.
  static let stopDeadlineSeconds: UInt32 = 5

  /// From now on no signal of the terminal ends the process by itself. A lost terminal sends HUP more than once, and
  /// the second one may come when the console has left and the node is about to stop.
  static func outlive() {
    for number in [SIGHUP, SIGINT, SIGTERM, SIGQUIT] {
      var action = sigaction()
      // One that is ignored stays so: the console leaves it alone too.
      guard sigaction(number, nil, &action) == 0, action.__sigaction_handler.sa_handler == nil else { continue }
      _ = signal(number) { _ in }
    }
  }

  /// From now on they end nothing by themselves, and wait for `watch`.
  static func trap() async -> UnixSignalsSequence { await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup) }

  /// Runs until cancelled.
  static func watch(
    _ signals: UnixSignalsSequence, _ core: NodeCore, reload: @escaping @Sendable () async -> Void
  ) async {
    var isStopping = false
    for await signal in signals {
      if signal == .sighup {
        core.logger.info("HUP: reopening files and reading credentials again")
        await reload()
        continue
      }
      let number = signal == .sigint ? SIGINT : SIGTERM
      if isStopping { _exit(128 + number) }
      isStopping = true
      core.logger.notice("stopping on \(signal == .sigint ? "INT" : "TERM")")
      core.requestStop(.signal(number))
    }
  }

  /// The last resort against a stop that hangs. It costs no thread and works when every thread is blocked.
  static func armDeadline() { alarm(stopDeadlineSeconds) }

  /// The stop has ended in time.
  static func disarmDeadline() { alarm(0) }
}
