internal import Synchronization

/// A running validator: one question, one answer. Its sandbox runs until it is ended, or until it fails.
final class FactHelper: Sendable {
  private let answers: AnswerBox
  private let session: any SandboxHandle
  private let watch: Task<SandboxSession.Ending, Never>

  init(
    _ start: (@escaping @Sendable (RunEvent) -> Void) throws(SandboxError) -> any SandboxHandle
  ) throws(SandboxError) {
    let answers = AnswerBox()
    let session = try start { event in
      if case .stdout(let bytes) = event { answers.receive(bytes) }
    }
    self.answers = answers
    self.session = session
    watch = Task {
      let ending = await session.ending()
      answers.close()
      return ending
    }
  }

  var isOver: Bool { answers.isClosed }

  /// Nil when no whole answer came in time, or the helper ended. It is of no use afterwards.
  func ask(_ source: [UInt8], within limit: Duration) async -> [UInt8]? {
    // Sent before it is ready, the question waits in the socket: starting up counts as well, so it gets more time.
    await session.ready()
    let count = UInt32(source.count)
    let alarm = Task {
      // A cancelled alarm is one that is not needed any more.
      guard (try? await Task.sleep(for: limit)) != nil else { return }
      session.stop()
    }
    defer { alarm.cancel() }
    return await answers.next {
      session.write([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + source)
    }
  }

  /// Ends it; returns when nothing of it is left.
  func end() async -> SandboxSession.Ending {
    session.stop()
    return await watch.value
  }
}

/// Cuts a helper's output into answers and hands each to the one who waits.
private final class AnswerBox: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var waiter: CheckedContinuation<[UInt8]?, Never>?
    var isClosed = false

    /// A frame that is whole, or nil; a frame too long closes the box.
    mutating func takeAnswer() -> [UInt8]? {
      guard bytes.count >= 4 else { return nil }
      let count = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      if count > AnswerBox.answerBytesMax { isClosed = true }
      guard !isClosed, bytes.count >= 4 + count else { return nil }
      let answer = Array(bytes[4..<4 + count])
      bytes = []
      return answer
    }
  }

  static let answerBytesMax = 8 << 20
  private let state = Mutex(State())

  var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Asks, and waits.
  func next(_ ask: @Sendable () -> Void) async -> [UInt8]? {
    await withCheckedContinuation { continuation in
      let isClosed = state.withLock { state in
        if !state.isClosed { state.waiter = continuation }
        return state.isClosed
      }
      if isClosed { continuation.resume(returning: nil) } else { ask() }
    }
  }

  func receive(_ more: [UInt8]) {
    let (waiter, answer) = state.withLock { state -> (CheckedContinuation<[UInt8]?, Never>?, [UInt8]?) in
      // Nobody asked: bytes out of turn are not kept.
      guard state.waiter != nil else { return (nil, nil) }
      state.bytes += more
      let answer = state.takeAnswer()
      guard answer != nil || state.isClosed else { return (nil, nil) }
      defer { state.waiter = nil }
      return (state.waiter, answer)
    }
    waiter?.resume(returning: answer)
  }

  func close() {
    let waiter = state.withLock { state in
      state.isClosed = true
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: nil)
  }
}
