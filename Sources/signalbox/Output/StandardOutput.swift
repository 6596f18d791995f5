internal import Base
internal import Glibc

/// The program's standard output: whole texts, written unbuffered, so that a line of `--watch` is there at once.
enum StandardOutput {
  /// Writes all of `text`. A reader that went away (`signalbox logs | head`) ends the process quietly, as it ends
  /// every other tool in a pipe.
  static func write(_ text: String) throws(Failure) { try write(Array(text.utf8)) }

  /// Writes bytes as they are: never to a terminal, unless they are text that was made safe.
  static func write(_ bytes: [UInt8]) throws(Failure) { try write(bytes, to: STDOUT_FILENO) }

  /// The same to standard output or standard error.
  static func write(_ bytes: [UInt8], to descriptor: Int32) throws(Failure) {
    if try !send(bytes, to: descriptor) { _exit(0) }
  }

  /// One line, for those who have to clean up before they end. False when the reader went away.
  static func offer(_ line: String) throws(Failure) -> Bool { try send(Array((line + "\n").utf8), to: STDOUT_FILENO) }

  /// False when nobody reads any more.
  private static func send(_ bytes: [UInt8], to descriptor: Int32) throws(Failure) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        sent += count
      } else if errno == EPIPE {
        return false
      } else if errno == EAGAIN {
        waitUntilWritable(descriptor)
      } else if errno != EINTR {
        throw Failure(.internal, "cannot write to standard output: \(String(cString: strerror(errno)))")
      }
    }
    return true
  }

  /// One line.
  static func say(_ line: String) throws(Failure) { try write(line + "\n") }

  /// Whether a person looks at it.
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// False when it is a pipe whose reader went away: for those who have to clean up before they end.
  static var hasReader: Bool {
    var entry = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
    return poll(&entry, 1, 0) <= 0 || entry.revents & Int16(POLLERR) == 0
  }

  /// The parent may have made the descriptor non-blocking.
  private static func waitUntilWritable(_ descriptor: Int32) {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    _ = poll(&entry, 1, 1_000)
  }
}

/// Standard error: what is said to people beside the result.
enum StandardError {
  /// One line. When it cannot be written there is nobody left to tell.
  static func say(_ line: String) { write(line + "\n") }

  /// Whether a person looks at it.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  static func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
