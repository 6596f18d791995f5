internal import CNcurses
internal import Glibc

/// Ends the console's wait from any thread: one write to a descriptor that the console polls. Owns the descriptor, so
/// that a late call never writes into another file.
public final class Waker: Sendable {
  let descriptor: Int32

  init?() {
    descriptor = sb_wake_open()
    if descriptor < 0 { return nil }
  }

  deinit { close(descriptor) }

  /// Never blocks; calls before the console looks are one.
  public func wake() {
    var one: UInt64 = 1
    // A full counter wakes as well.
    _ = write(descriptor, &one, 8)
  }

  /// Takes all calls so far.
  func drain() {
    var count: UInt64 = 0
    _ = read(descriptor, &count, 8)
  }
}
