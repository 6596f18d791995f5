import Access
import Base
import Glibc

/// A listening TCP socket on a free loopback port, with everything under a deadline.
final class LoopbackSocket: Sendable {
  let descriptor: Int32
  let endpoint: SocketEndpoint

  /// `address`: `127.0.0.1`, `::1`, or `::` for a dual-stack listener.
  init(_ address: String) throws {
    let isSix = address.contains(":")
    guard let ip = IPAddress(address) else { throw Failure(.invalid, "address") }
    let listener = socket(isSix ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try Self.check(Self.withAddress(SocketEndpoint(address: ip, port: 0)) { bind(listener, $0, $1) })
    try Self.check(listen(listener, 4))
    descriptor = listener
    endpoint = try Self.name(listener, getsockname)
  }

  deinit { close(descriptor) }

  /// Connects from here; the caller closes the result.
  static func connect(to endpoint: SocketEndpoint) throws -> Int32 {
    let client = socket(endpoint.address.isIPv4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    try check(withAddress(endpoint) { Glibc.connect(client, $0, $1) })
    return client
  }

  /// Accepts within 20 seconds; the caller closes the result.
  func accept() throws -> (descriptor: Int32, peer: SocketEndpoint, local: SocketEndpoint) {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&poller, 1, 20_000) == 1 else { throw Failure(.timeout, "nobody connected") }
    let accepted = Glibc.accept(descriptor, nil, nil)
    try Self.check(accepted)
    return (accepted, try Self.name(accepted, getpeername), try Self.name(accepted, getsockname))
  }

  private static func check(_ code: Int32) throws {
    if code < 0 { throw Failure(.internal, "errno \(errno)") }
  }

  private static func withAddress(
    _ endpoint: SocketEndpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    if endpoint.address.isIPv4 {
      var four = sockaddr_in()
      four.sin_family = sa_family_t(AF_INET)
      four.sin_port = endpoint.port.bigEndian
      withUnsafeMutableBytes(of: &four.sin_addr) { $0.copyBytes(from: endpoint.address.bytes) }
      return withUnsafePointer(to: &four) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
      }
    }
    var six = sockaddr_in6()
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = endpoint.port.bigEndian
    withUnsafeMutableBytes(of: &six.sin6_addr) { $0.copyBytes(from: endpoint.address.bytes) }
    return withUnsafePointer(to: &six) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in6>.size)) }
    }
  }

  private static func name(
    _ descriptor: Int32, _ ask: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) throws -> SocketEndpoint {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { ask(descriptor, $0, &length) }
    }
    try check(code)
    let isFour = Int32(storage.ss_family) == AF_INET
    return withUnsafeBytes(of: &storage) { bytes in
      let port = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
      let range = isFour ? 4..<8 : 8..<24
      guard let address = IPAddress(bytes: Array(bytes[range])) else { preconditionFailure("4 or 16 bytes") }
      return SocketEndpoint(address: address, port: port)
    }
  }
}
