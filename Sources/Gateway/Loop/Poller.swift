internal import CSockets
internal import Glibc

/// Nanoseconds of the monotonic clock: deadlines and latencies of the loops.
enum MonotonicTime {
  static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// An epoll instance and the place its answers go to.
struct Poller: ~Copyable {
  static let readyMax = 1_024
  static let readable = UInt32(SB_READABLE)
  static let writable = UInt32(SB_WRITABLE)
  static let gone = UInt32(SB_ERROR | SB_HANGUP)

  private let descriptor: Int32
  private let ready: UnsafeMutablePointer<sb_ready>

  init() throws(GatewayError) {
    let made = sb_epoll_create()
    guard made >= 0 else { throw .system("no epoll instance", errno: -made) }
    descriptor = made
    ready = .allocate(capacity: Self.readyMax)
  }

  deinit {
    close(descriptor)
    ready.deallocate()
  }

  @discardableResult
  func add(_ watched: Int32, _ events: UInt32, tag: UInt64) -> Bool {
    sb_epoll_add(descriptor, watched, events, tag) == 0
  }

  func change(_ watched: Int32, _ events: UInt32, tag: UInt64) {
    _ = sb_epoll_change(descriptor, watched, events, tag)
  }

  func remove(_ watched: Int32) { _ = sb_epoll_remove(descriptor, watched) }

  /// How many are ready; `nanoseconds` nil: waits until one is.
  func wait(nanoseconds: UInt64?) -> Int {
    let limit = nanoseconds.map { Int64(min($0, 3_600_000_000_000)) } ?? -1
    return max(0, Int(sb_epoll_wait(descriptor, ready, Int32(Self.readyMax), limit)))
  }

  subscript(index: Int) -> (tag: UInt64, events: UInt32) { (ready[index].tag, ready[index].events) }
}
