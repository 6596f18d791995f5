internal import Base
internal import CNcurses
internal import Glibc

extension Terminal {
  /// How a program that had the terminal ended.
  enum Loan: Equatable {
    case exited(Int32)
    case signalled(Int32)
    /// An errno: it could not be started.
    case refused(Int32)
  }

  /// Milliseconds between two looks at the program that has the terminal: it may have been stopped, which no descriptor
  /// tells.
  private static let loanLook: Int32 = 100
  /// Looks after which a program that was told to end is killed.
  private static let looksBeforeKill = 30

  /// Gives the terminal to a program, in a process group of its own, until it ends; then takes it again and paints
  /// everything. Stopped by C-z, it stops this process too, as a shell expects, and goes on with it. It is told to end
  /// when the terminal is lost, when this process is asked to leave, and when `isOver` says so.
  mutating func lend(to words: [String], isOver: () -> Bool) -> Loan {
    awaitReplies()
    sb_tty_restore()
    var child: pid_t = 0
    let failure = Self.withArguments(words) { sb_tty_lend($0, &child) }
    var loan = Loan.refused(failure)
    if failure == 0 { loan = attend(child, isOver: isOver) }
    sb_tty_claim(inputDescriptor)
    resume()
    return loan
  }

  private mutating func attend(_ child: pid_t, isOver: () -> Bool) -> Loan {
    var looks: Int?
    while true {
      var status: Int32 = 0
      let found = waitpid(child, &status, WNOHANG | WUNTRACED)
      if found < 0, errno != EINTR { return .exited(0) }
      if found == child {
        if status & 0xFF == 0x7F {
          stopWith(child)
          continue
        }
        return status & 0x7F == 0 ? .exited((status >> 8) & 0xFF) : .signalled(status & 0x7F)
      }
      if looks == nil, let signal = endingSignal(isOver()) {
        looks = 0
        kill(-child, signal)
        // A program that is stopped hears nothing else.
        kill(-child, SIGCONT)
      }
      if let count = looks {
        looks = count + 1
        if count == Self.looksBeforeKill { kill(-child, SIGKILL) }
      }
      var files = [
        pollfd(fd: waker.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: signalDescriptor, events: Int16(POLLIN), revents: 0),
      ]
      _ = poll(&files, nfds_t(files.count), Self.loanLook)
      if files[0].revents != 0 { waker.drain() }
      if files[1].revents != 0 { pendingSignals += readSignals().filter { $0 != SIGCONT && $0 != SIGWINCH } }
    }
  }

  /// What the program is told when it cannot go on; nil while it can.
  private func endingSignal(_ isOver: Bool) -> Int32? {
    if pendingSignals.contains(SIGHUP) { return SIGHUP }
    return isOver || pendingSignals.contains { [SIGINT, SIGTERM, SIGQUIT].contains($0) } ? SIGTERM : nil
  }

  /// The program was stopped: so are we, until somebody lets us go on, and then it has the terminal again.
  private mutating func stopWith(_ child: pid_t) {
    stopSelf(wholeGroup: true)
    sb_tty_hand(inputDescriptor, child)
    kill(-child, SIGCONT)
  }

  private static func withArguments<Result>(
    _ words: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return body(&pointers)
  }
}
