internal import CNcurses
internal import Glibc

extension Terminal {
  /// A storm of size changes is answered once it has been quiet for so long.
  static let resizeDelay: Duration = .milliseconds(16)
  /// Bytes read in one wait, so that a flood of input does not keep the picture from being painted.
  static let readBytesMax = 1 << 20

  /// Waits for the terminal, for `waker`, for a signal or for `deadline`, whatever is first, and returns what happened:
  /// often nothing, when it was the waker or the deadline. After `.end` there is nothing more to wait for.
  public mutating func wait(until deadline: ContinuousClock.Instant?) -> [InputEvent] {
    let patience = waiting == nil ? nil : line.deadline
    let due = [deadline, decoder.deadline, resizeDue, patience].compactMap(\.self).min()
    var files = [
      pollfd(fd: inputDescriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: waker.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: signalDescriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: outputDescriptor, events: outgoing.isEmpty ? 0 : Int16(POLLOUT), revents: 0),
    ]
    _ = poll(&files, nfds_t(files.count), Self.milliseconds(until: due))
    var events: [InputEvent] = []
    if files[1].revents != 0 { waker.drain() }
    if files[2].revents != 0 || !pendingSignals.isEmpty { events += takeSignals() }
    if files[3].revents & Int16(POLLOUT) != 0 { flush() }
    let gone = Int16(POLLHUP | POLLERR | POLLNVAL)
    if files[0].revents & Int16(POLLIN) != 0 { events += readInput() }
    if (files[0].revents | files[3].revents) & gone != 0 { events.append(.end(.terminalLost)) }
    events += decoder.tick(now: .now)
    takeReplies()
    line.tick(now: .now)
    paintWaiting()
    if let resizeDue, ContinuousClock.now >= resizeDue { events += takeSize() }
    if events.contains(.end(.terminalLost)) { isLost = true }
    return events
  }

  /// Milliseconds for poll, rounded up so that a deadline has passed when it returns; -1 waits for ever.
  private static func milliseconds(until due: ContinuousClock.Instant?) -> Int32 {
    guard let due else { return -1 }
    let left = due - .now
    guard left > .zero else { return 0 }
    let parts = left.components
    return Int32(clamping: parts.seconds * 1_000 + (parts.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
  }

  private mutating func readInput() -> [InputEvent] {
    var events: [InputEvent] = []
    var total = 0
    var block = [UInt8](repeating: 0, count: 16 * 1024)
    while total < Self.readBytesMax {
      let count = block.withUnsafeMutableBytes { read(inputDescriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        if errno != EAGAIN { events.append(.end(.terminalLost)) }
        return events
      }
      if count == 0 { return events + [.end(.terminalLost)] }
      total += count
      events += decoder.feed(block[..<count], now: .now)
    }
    return events
  }

  private mutating func takeReplies() {
    for reply in decoder.takeReplies() {
      switch reply {
      case .background(let red, let green, let blue): background = RGB(red, green, blue)
      case .deviceAttributes: hasAnsweredAttributes = true
      case .mode(let mode, let isKnown):
        guard mode == 2026, isKnown, !isSynchronized else { continue }
        isSynchronized = true
        sb_tty_set_farewell(type.farewell(synchronized: true))
      case .status: line.replied(now: .now)
      }
    }
  }

  /// A reply that came after the terminal was given back would be typed into the shell. A slow line gets this long.
  private static let replyTime: Duration = .milliseconds(500)

  /// Waits for the replies that are on their way. What is typed meanwhile is lost, as all of it is.
  mutating func awaitReplies() {
    waiting = nil
    let deadline = ContinuousClock.now + Self.replyTime
    while line.isAwaitingReplies, !isLost, ContinuousClock.now < deadline {
      var file = pollfd(fd: inputDescriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&file, 1, Self.milliseconds(until: deadline)) > 0, file.revents & Int16(POLLIN) != 0 else { return }
      if readInput().contains(.end(.terminalLost)) { return }
      takeReplies()
    }
  }

  // MARK: - Signals

  private mutating func takeSignals() -> [InputEvent] {
    var events: [InputEvent] = []
    let signals = pendingSignals + readSignals()
    pendingSignals = []
    for signal in signals {
      switch signal {
      case SIGHUP: events.append(.end(.terminalLost))
      case SIGINT, SIGTERM, SIGQUIT: events.append(.end(.signal(signal)))
      case SIGTSTP: suspend(wholeGroup: false)
      case SIGCONT: resume()
      case SIGWINCH: resizeDue = resizeDue ?? .now + Self.resizeDelay
      default: continue
      }
    }
    return events
  }

  func readSignals() -> [Int32] {
    var numbers = [UInt8](repeating: 0, count: 256)
    let count = numbers.withUnsafeMutableBytes { read(signalDescriptor, $0.baseAddress, $0.count) }
    return count > 0 ? numbers[..<count].map(Int32.init) : []
  }

  mutating func suspend(wholeGroup: Bool) {
    awaitReplies()
    sb_tty_restore()
    stopSelf(wholeGroup: wholeGroup)
    resume()
  }

  mutating func stopSelf(wholeGroup: Bool) {
    sb_stop_self(wholeGroup ? 1 : 0)
    // Either the process has stopped and goes on here, or nobody could continue it and the stop was ignored.
    var signal = pollfd(fd: signalDescriptor, events: Int16(POLLIN), revents: 0)
    _ = poll(&signal, 1, 200)
    sb_signals_refresh()
    pendingSignals += readSignals().filter { $0 != SIGCONT }
  }

  /// Takes the terminal again: another program may have had it, and the window may have another size.
  mutating func resume() {
    outgoing = []
    take()
    resizeDue = .now
    if let shown { paint(shown.canvas, theme: shown.theme) }
  }

  private mutating func takeSize() -> [InputEvent] {
    resizeDue = nil
    let size = Self.size(of: outputDescriptor)
    guard size.width != width || size.height != height else { return [] }
    width = size.width
    height = size.height
    _ = sb_curses_resize(Int32(width), Int32(height))
    needsRepaint = true
    waiting = nil
    return [.resize(width: width, height: height)]
  }
}
