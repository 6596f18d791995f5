public import Base
internal import Glibc
internal import Synchronization

/// A file of whole lines that keeps itself small: `node.log` and the audit. When a line would take it past `bytesMax`,
/// it becomes `.1`, the former `.1` becomes `.2`, and the one after `.keep` goes.
///
/// A full disk, a missing folder or a symbolic link in its place never stops the node: the line is lost and counted,
/// the reason is reported once, and the next line tries again. A file that was deleted or moved away is opened anew.
public final class RotatingFile: Sendable {
  private struct State {
    var descriptor: Int32 = -1
    var linesLost: UInt64 = 0
    var failure: Failure?
  }

  public let path: String
  public let bytesMax: Int64
  public let keep: Int
  private let onFailure: @Sendable (Failure) -> Void
  private let state = Mutex(State())

  /// Opens at the first line. `onFailure` is called once for each run of failures.
  public init(
    path: String, bytesMax: Int64 = 16 << 20, keep: Int = 3, onFailure: @escaping @Sendable (Failure) -> Void = { _ in }
  ) {
    precondition(bytesMax > 0 && (0...100).contains(keep), "a rotating file keeps 0 to 100 old files")
    self.path = path
    self.bytesMax = bytesMax
    self.keep = keep
    self.onFailure = onFailure
  }

  deinit { state.withLock { Self.close(&$0) } }

  /// Appends one line in one write; a line feed is added when there is none, and one inside becomes a space. False when
  /// the line is not in the file.
  @discardableResult
  public func append(_ line: String) -> Bool { append([line]) }

  /// The same for several lines: all of them are in the file, in one write, or none.
  @discardableResult
  public func append(_ lines: [String]) -> Bool {
    guard !lines.isEmpty else { return true }
    var bytes: [UInt8] = []
    for line in lines {
      let start = bytes.count
      bytes += line.utf8
      if bytes.count > start, bytes.last == 10 { bytes.removeLast() }
      for index in start..<bytes.count where bytes[index] == 10 { bytes[index] = 32 }
      bytes.append(10)
    }
    let (isWritten, news) = state.withLock { state in attempt(bytes, lines.count, &state) }
    if let news { onFailure(news) }
    return isWritten
  }

  /// Opens the path anew at the next line: what SIGHUP asks for after another program moved the file.
  public func reopen() { state.withLock { Self.close(&$0) } }

  public var linesLost: UInt64 { state.withLock { $0.linesLost } }

  /// Why lines are being lost; nil when the last one was written.
  public var failure: Failure? { state.withLock { $0.failure } }

  /// The failure is returned only when it is the first of its run.
  private func attempt(_ bytes: [UInt8], _ count: Int, _ state: inout State) -> (Bool, Failure?) {
    do throws(Failure) {
      try write(bytes, &state)
      state.failure = nil
      return (true, nil)
    } catch {
      let isNews = state.failure == nil
      state.failure = error
      state.linesLost += UInt64(count)
      return (false, isNews ? error : nil)
    }
  }

  private func write(_ bytes: [UInt8], _ state: inout State) throws(Failure) {
    var size = try openedSize(&state)
    if size > 0, size + Int64(bytes.count) > bytesMax {
      try rotate(&state)
      size = try openedSize(&state)
    }
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { Glibc.write(state.descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        sent += count
      } else if count < 0, errno != EINTR {
        let failure = problem("write to")
        ftruncate(state.descriptor, off_t(size))  // no half line stays behind
        throw failure
      }
    }
  }

  /// Opens when nothing is open, or when what is open is no longer in any folder; the file's size.
  private func openedSize(_ state: inout State) throws(Failure) -> Int64 {
    var status = stat()
    if state.descriptor >= 0 {
      if fstat(state.descriptor, &status) == 0, status.st_nlink > 0 { return Int64(status.st_size) }
      Self.close(&state)
    }
    let descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    guard descriptor >= 0 else { throw problem("open") }
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      Glibc.close(descriptor)
      throw Failure(.invalid, "cannot write \(shownPath): it is not a regular file")
    }
    if status.st_mode & 0o077 != 0 { fchmod(descriptor, 0o600) }
    state.descriptor = descriptor
    return Int64(status.st_size) + Self.endTornLine(descriptor, Int64(status.st_size))
  }

  /// A writer that was killed may have left half a line: it ends here, so that the next one starts a line of its own.
  private static func endTornLine(_ descriptor: Int32, _ size: Int64) -> Int64 {
    var last: UInt8 = 10
    guard size > 0, pread(descriptor, &last, 1, off_t(size - 1)) == 1, last != 10 else { return 0 }
    var lineFeed: UInt8 = 10
    return Int64(max(0, Glibc.write(descriptor, &lineFeed, 1)))
  }

  /// From the oldest to the newest, so that nothing but the oldest is overwritten.
  private func rotate(_ state: inout State) throws(Failure) {
    if keep == 0 {
      guard ftruncate(state.descriptor, 0) == 0 else { throw problem("empty") }
      return
    }
    for number in stride(from: keep - 1, through: 1, by: -1) {
      if rename("\(path).\(number)", "\(path).\(number + 1)") != 0, errno != ENOENT { throw problem("rotate") }
    }
    guard rename(path, "\(path).1") == 0 || errno == ENOENT else { throw problem("rotate") }
    Self.close(&state)
  }

  private static func close(_ state: inout State) {
    if state.descriptor >= 0 { Glibc.close(state.descriptor) }
    state.descriptor = -1
  }

  private var shownPath: String { DisplayText(path).text }

  /// Reads `errno`, so it must come right after the call that failed.
  private func problem(_ action: String) -> Failure {
    let number = errno
    if number == ELOOP { return Failure(.invalid, "cannot \(action) \(shownPath): it is a symbolic link") }
    return Failure(.unavailable, "cannot \(action) \(shownPath): \(String(cString: strerror(number)))")
  }
}
