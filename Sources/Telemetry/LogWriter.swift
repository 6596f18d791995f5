internal import Base
internal import Dispatch
internal import Glibc
internal import Synchronization

/// The one thread that writes log lines, behind a bounded queue: whoever logs never waits for a terminal, a full pipe
/// or a slow disk. Lines that do not fit push out the oldest; how many were lost is counted, and said in the output
/// itself as soon as it flows again.
///
/// A descriptor is polled before it is written to, at most `PIPE_BUF` bytes at a time, so the thread itself is never
/// stuck in `write` and can always be told to end.
final class LogWriter: Sendable {
  static let linesMax = 4_096
  static let bytesMax = 1 << 20

  private let core: Core

  /// Nil output descriptors are the caller's to avoid; `lostLine` makes the line that tells of a loss.
  init(_ output: LogOutput, lostLine: @escaping @Sendable (_ lost: UInt64) -> String) {
    core = Core(output: output, lostLine: lostLine)
    core.start()
  }

  /// Whoever forgot to close still has a second for what is queued; nobody waits for it.
  deinit { core.requestEnd(within: .seconds(1)) }

  /// Queues one line, and returns at once.
  func write(_ line: String) { core.enqueue(line) }

  var lost: UInt64 { core.lost }

  /// Whether the thread is gone.
  var hasEnded: Bool { core.waitForThread(.zero) }

  /// Writes what is queued, ends the thread, and returns whether all of it was out before `limit` passed. Nothing is
  /// written to the output after it returns.
  func close(within limit: Duration) -> Bool {
    core.requestEnd(within: limit)
    return core.waitForEnd(limit)
  }

  /// Shared between the owner and the thread, so that the owner may go first.
  private final class Core: Sendable {
    struct State {
      var lines: [String] = []
      var bytes = 0
      var lost: UInt64 = 0
      var lostUntold: UInt64 = 0
      var isEnding = false
      var deadline: ContinuousClock.Instant?
    }

    let output: LogOutput
    let lostLine: @Sendable (UInt64) -> String
    let state = Mutex(State())
    let wakeUp = DispatchSemaphore(value: 0)
    let ended = DispatchSemaphore(value: 0)

    init(output: LogOutput, lostLine: @escaping @Sendable (UInt64) -> String) {
      self.output = output
      self.lostLine = lostLine
    }

    var lost: UInt64 { state.withLock { $0.lost } }

    func start() {
      let context = Unmanaged.passRetained(self).toOpaque()
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { context in
          guard let context else { return nil }
          Unmanaged<Core>.fromOpaque(context).takeRetainedValue().run()
          return nil
        }, context)
      if status == 0 {
        pthread_detach(thread)
      } else {
        Unmanaged<Core>.fromOpaque(context).release()
        state.withLock { $0.isEnding = true }
        ended.signal()
      }
    }

    func enqueue(_ line: String) {
      let isFirst = state.withLock { state in
        guard !state.isEnding else {
          state.lost += 1
          return false
        }
        let isFirst = state.lines.isEmpty
        state.lines.append(line)
        state.bytes += line.utf8.count
        Self.trim(&state)
        return isFirst
      }
      if isFirst { wakeUp.signal() }
    }

    /// Half of the queue goes at once: removing lines one by one from the front of an array costs its length.
    private static func trim(_ state: inout State) {
      guard state.lines.count > linesMax || state.bytes > bytesMax else { return }
      let gone = max(1, state.lines.count / 2)
      state.bytes -= state.lines.prefix(gone).reduce(0) { $0 + $1.utf8.count }
      state.lines.removeFirst(gone)
      state.lost += UInt64(gone)
      state.lostUntold += UInt64(gone)
    }

    func requestEnd(within limit: Duration) {
      state.withLock { state in
        state.isEnding = true
        state.deadline = state.deadline ?? ContinuousClock.now.advanced(by: limit)
      }
      wakeUp.signal()
    }

    func waitForThread(_ limit: Duration) -> Bool {
      let isOver = ended.wait(timeout: .now() + .nanoseconds(Int(clamping: limit.nanoseconds))) == .success
      if isOver { ended.signal() }
      return isOver
    }

    /// The thread sees its deadline up to 200 ms late, and it alone knows what was left. It is waited for, so that the
    /// owner may close the descriptor afterwards: its number may belong to another file a moment later.
    func waitForEnd(_ limit: Duration) -> Bool {
      guard waitForThread(limit + .seconds(1)) else { return false }
      return state.withLock { $0.lines.isEmpty && $0.lostUntold == 0 }
    }

    /// The thread. It ends when it was asked to and the queue is empty, or the deadline has passed.
    func run() {
      var everySignal = sigset_t()
      sigfillset(&everySignal)
      pthread_sigmask(SIG_SETMASK, &everySignal, nil)
      while true {
        let (batch, lostUntold, isEnding) = take()
        if batch.isEmpty, lostUntold == 0 {
          if isEnding { break }
          wakeUp.wait()
          continue
        }
        guard write(batch, lostUntold) else { break }
      }
      ended.signal()
    }

    private func take() -> (lines: [String], lostUntold: UInt64, isEnding: Bool) {
      state.withLock { state in
        defer {
          state.lines = []
          state.bytes = 0
          state.lostUntold = 0
        }
        return (state.lines, state.lostUntold, state.isEnding)
      }
    }

    /// False when the end came before all of it was out; the rest is counted as lost.
    private func write(_ lines: [String], _ lostUntold: UInt64) -> Bool {
      let all = lostUntold > 0 ? [lostLine(lostUntold)] + lines : lines
      for (index, line) in all.enumerated() where !deliver(line) {
        state.withLock { state in
          state.lost += UInt64(all.count - index)
          state.lostUntold += UInt64(all.count - index)
        }
        return false
      }
      return true
    }

    private func deliver(_ line: String) -> Bool {
      switch output {
      case .none: return true
      case .file(let file, _):
        file.append(line)
        return true
      case .descriptor(let descriptor, _): return deliver(Array(line.utf8), to: descriptor)
      }
    }

    /// False only when the deadline has passed. A descriptor that fails (closed pipe, full disk) loses the line.
    private func deliver(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
      var sent = 0
      while sent < bytes.count {
        guard waitUntilWritable(descriptor) else { return false }
        let length = min(bytes.count - sent, 4_096)
        let written = bytes[sent..<(sent + length)].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, length) }
        if written > 0 {
          sent += written
        } else if written < 0, errno != EINTR, errno != EAGAIN {
          state.withLock { $0.lost += 1 }
          return true
        }
      }
      return true
    }

    /// Looks at the deadline before each wait, five times a second: it may be set meanwhile.
    private func waitUntilWritable(_ descriptor: Int32) -> Bool {
      while true {
        let deadline = state.withLock { $0.deadline }
        if let deadline, ContinuousClock.now >= deadline { return false }
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        if poll(&entry, 1, 200) > 0 { return true }
      }
    }
  }
}
