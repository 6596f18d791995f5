internal import CSockets
internal import Glibc

/// The system calls of a load: non-blocking sockets on loopback, and one epoll.
enum LoadSocket {
  /// From <linux/in.h>, which Swift does not import: the port is chosen at `connect`, when the other end is known, so
  /// that each pair of addresses has all of the local ports.
  private static let bindAddressNoPort: Int32 = 24

  /// Raises the soft limit of open files to the hard one. A refusal shows when the files run out.
  static func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// Begins to connect 127.0.0.`source` with 127.0.0.1:`port`. `receiveBytes`: what the kernel keeps for a reader that
  /// does not come; nil: as it likes.
  static func connect(port: UInt16, source: Int, receiveBytes: Int32? = nil) throws(LoadError) -> Int32 {
    let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
    let descriptor = socket(AF_INET, Int32(kind), 0)
    guard descriptor >= 0 else { throw .system("socket", errno) }
    do throws(LoadError) {
      var on: Int32 = 1
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      if var receiveBytes {
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, socklen_t(MemoryLayout<Int32>.size))
      }
      if source > 1 {
        setsockopt(descriptor, Int32(IPPROTO_IP), bindAddressNoPort, &on, socklen_t(MemoryLayout<Int32>.size))
        try call("bind", address(source, 0)) { bind(descriptor, $0, $1) }
      }
      try call("connect", address(1, port)) { Glibc.connect(descriptor, $0, $1) }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// What came of a `connect` that was under way: 0 or an errno.
  static func pendingError(_ descriptor: Int32) -> Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
  }

  /// `index` comes back with each event.
  static func watch(
    _ epoll: Int32, _ descriptor: Int32, index: Int, isWriting: Bool, isNew: Bool
  ) throws(LoadError) {
    var event = epoll_event()
    event.events = EPOLLIN.rawValue | (isWriting ? EPOLLOUT.rawValue : 0)
    event.data.u64 = UInt64(index)
    guard epoll_ctl(epoll, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, &event) == 0 else {
      throw .system("epoll_ctl", errno)
    }
  }

  static func unwatch(_ epoll: Int32, _ descriptor: Int32) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
  }

  /// Waits at most `nanoseconds`; epoll_wait counts milliseconds, which is too coarse for fixed sending times.
  static func wait(_ epoll: Int32, _ events: inout [epoll_event], nanoseconds: Int64) throws(LoadError) -> Int {
    let limit = max(0, nanoseconds)
    var time = timespec(tv_sec: Int(limit / 1_000_000_000), tv_nsec: Int(limit % 1_000_000_000))
    let count = epoll_pwait2(epoll, &events, Int32(events.count), &time, nil)
    if count < 0, errno != EINTR { throw .system("epoll_pwait2", errno) }
    return Int(max(0, count))
  }

  private static func address(_ host: Int, _ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = (UInt32(0x7F00_0000) + UInt32(host)).bigEndian
    return address
  }

  private static func call(
    _ name: String, _ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws(LoadError) {
    let status = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard status == 0 || errno == EINPROGRESS else { throw .system(name, errno) }
  }
}
