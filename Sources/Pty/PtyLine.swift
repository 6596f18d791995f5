internal import Base
internal import Glibc
internal import Synchronization

/// The terminal's end of the line: a thread that reads what the program writes, keeps the screen, and answers. The
/// thread owns the descriptor and closes it when `isOpen` is false; it holds nothing but this object.
final class PtyLine: Sendable {
  struct State {
    var screen: VirtualScreen
    /// Everything received, up to `transcriptMax` bytes.
    var transcript: [UInt8] = []
    var bytes = 0
    /// When the last byte came.
    var changed = ContinuousClock.now
    /// What is still to be written to the program.
    var outgoing: ArraySlice<UInt8> = []
    var isStalled = false
    /// What the line carries to the terminal; nil: as much as comes.
    var bytesPerSecond: Int?
    var isOpen = true
    /// Whether the descriptor is closed.
    var isClosed = false
    var status: Int32?
    /// Looks at the line that found nothing to read.
    var emptyLooks = 0
  }

  static let transcriptMax = 8 << 20
  private static let pollMilliseconds: Int32 = 10
  private static let blockBytes = 64 * 1_024

  let master: Int32
  let state: Mutex<State>

  init(master: Int32, screen: VirtualScreen) {
    self.master = master
    state = Mutex(State(screen: screen))
  }

  /// Throws when no thread can be had; the descriptor is closed then.
  func startReading() throws(Failure) {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self).toOpaque()
    let result = pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        Unmanaged<PtyLine>.fromOpaque(pointer).takeRetainedValue().run()
        return nil
      }, context)
    guard result == 0 else {
      Unmanaged<PtyLine>.fromOpaque(context).release()
      close(master)
      throw Failure(.unavailable, "no thread can be started for a pseudo-terminal: errno \(result)")
    }
    pthread_detach(thread)
  }

  private func run() {
    while true {
      let (isOpen, isStalled, isWriting) = state.withLock { ($0.isOpen, $0.isStalled, !$0.outgoing.isEmpty) }
      let pace = state.withLock(\.bytesPerSecond)
      guard isOpen else { break }
      var file = pollfd(fd: master, events: 0, revents: 0)
      if !isStalled { file.events |= Int16(POLLIN) }
      if isWriting { file.events |= Int16(POLLOUT) }
      _ = poll(&file, 1, Self.pollMilliseconds)
      if file.revents & Int16(POLLIN) != 0 {
        receive(most: pace.map { max(1, $0 * Int(Self.pollMilliseconds) / 1_000) } ?? Self.blockBytes)
        // So long as those bytes take on a line of this pace.
        if pace != nil { usleep(UInt32(Self.pollMilliseconds) * 1_000) }
      } else {
        state.withLock { $0.emptyLooks += 1 }
      }
      if file.revents & Int16(POLLOUT) != 0 || isWriting { transmit() }
    }
    close(master)
    state.withLock { $0.isClosed = true }
  }

  private func receive(most: Int) {
    var block = [UInt8](repeating: 0, count: min(most, Self.blockBytes))
    let count = block.withUnsafeMutableBytes { read(master, $0.baseAddress, $0.count) }
    guard count > 0 else { return }
    state.withLock { state in
      state.bytes += count
      state.changed = .now
      state.transcript += block[..<count].prefix(Self.transcriptMax - state.transcript.count)
      state.screen.feed(block[..<count])
      state.outgoing += state.screen.takeReplies()
    }
  }

  private func transmit() { state.withLock { transmit(&$0) } }

  /// What the program takes at once is written at once, so that the time of a key is the caller's; the rest is the
  /// thread's work.
  func send(_ bytes: [UInt8]) {
    state.withLock { state in
      state.outgoing += bytes
      transmit(&state)
    }
  }

  private func transmit(_ state: inout State) {
    guard state.isOpen, !state.outgoing.isEmpty else { return }
    let count = state.outgoing.withUnsafeBytes { write(master, $0.baseAddress, $0.count) }
    guard count > 0 else { return }
    state.outgoing = count == state.outgoing.count ? [] : state.outgoing.dropFirst(count)
  }
}
