// Both carry `timespec`; which one the compiler finds it in depends on the other files of a build.
internal import CHiredis
internal import Glibc

/// A non-blocking stream socket to Redis. Owns its descriptor until `release`.
struct RedisSocket: ~Copyable {
  let descriptor: Int32

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { _ = Glibc.close(descriptor) }

  /// Hands the descriptor to the caller, who closes it.
  consuming func release() -> Int32 {
    let descriptor = self.descriptor
    discard self
    return descriptor
  }

  /// Resolves and connects, trying each address in turn, all before `deadline`. Name resolution itself knows no
  /// deadline, which is why this runs on the connection's own thread.
  static func connect(to url: RedisURL, deadline: UInt64) throws(RedisError) -> RedisSocket {
    switch url.address {
    case .unix(let path): try connectUnix(path, url, deadline)
    case .tcp(let host, let port): try connectTCP(host, port, url, deadline)
    }
  }

  private static func connectUnix(_ path: String, _ url: RedisURL, _ deadline: UInt64) throws(RedisError)
    -> RedisSocket
  {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8) + [0]
    guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path) else {
      throw .unreachable("the path of the Redis socket is too long")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let error = Errno()
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let socket = withUnsafeBytes(of: &address) { raw -> RedisSocket? in
      guard let base = raw.baseAddress else { return nil }
      return attempt(AF_UNIX, base.assumingMemoryBound(to: sockaddr.self), length, deadline, error)
    }
    guard let socket else { throw .unreachable("cannot connect to Redis at \(url): \(error.text)") }
    return socket
  }

  private static func connectTCP(_ host: String, _ port: UInt16, _ url: RedisURL, _ deadline: UInt64)
    throws(RedisError) -> RedisSocket
  {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(port), &hints, &list)
    guard status == 0, let list else {
      throw .unreachable("cannot resolve \(url): \(String(cString: gai_strerror(status)))")
    }
    defer { freeaddrinfo(list) }
    let error = Errno()
    var next: UnsafeMutablePointer<addrinfo>? = list
    while let entry = next {
      let info = entry.pointee
      if let address = info.ai_addr,
        let socket = attempt(info.ai_family, address, info.ai_addrlen, deadline, error)
      {
        socket.tune()
        return socket
      }
      next = info.ai_next
    }
    throw .unreachable("cannot connect to Redis at \(url): \(error.text)")
  }

  private static func attempt(
    _ family: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t, _ deadline: UInt64, _ error: Errno
  ) -> RedisSocket? {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = Glibc.socket(family, kind, 0)
    guard descriptor >= 0 else {
      error.code = errno
      return nil
    }
    let socket = RedisSocket(descriptor: descriptor)
    if Glibc.connect(descriptor, address, length) == 0 { return socket }
    guard errno == EINPROGRESS else {
      error.code = errno
      return nil
    }
    guard MonotonicTime.wait(for: descriptor, Int16(POLLOUT), until: deadline) else {
      error.code = ETIMEDOUT
      return nil
    }
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0, code == 0 else {
      error.code = code == 0 ? errno : code
      return nil
    }
    return socket
  }

  private func tune() {
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
    _ = setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, size)
  }
}

/// The error of the last attempt, carried out of the helpers.
private final class Errno {
  var code: Int32 = 0
  var text: String { String(cString: strerror(code)) }
}

/// CLOCK_MONOTONIC in nanoseconds, the clock of the timer descriptor.
enum MonotonicTime {
  static func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// Waits for `events`; false when the deadline passed first.
  static func wait(for descriptor: Int32, _ events: Int16, until deadline: UInt64) -> Bool {
    while true {
      let now = now()
      guard now < deadline else { return false }
      let milliseconds = Int32(clamping: (deadline - now) / 1_000_000 + 1)
      var entry = pollfd(fd: descriptor, events: events, revents: 0)
      let ready = poll(&entry, 1, milliseconds)
      if ready > 0 { return true }
      if ready < 0, errno != EINTR { return false }
    }
  }
}
