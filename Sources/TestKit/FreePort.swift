public import Base
internal import Glibc
internal import Synchronization

/// TCP ports of loopback that nothing listens on. Another program may take one before the test does, so whoever starts
/// a server on it tries again with the next; within this process no port is handed out twice.
public enum FreePort {
  private static let handedOut = Mutex<Set<UInt16>>([])
  private static let attemptsMax = 100
  /// Below the ports that kernels give to outgoing connections: one of those may be taken by any client of any test.
  private static let range: Range<UInt16> = 10_000..<32_768

  public static func next() throws(Failure) -> UInt16 {
    for _ in 0..<attemptsMax {
      guard let port = unused() else { continue }
      if handedOut.withLock({ $0.insert(port).inserted }) { return port }
    }
    throw Failure(.unavailable, "found no free TCP port on 127.0.0.1")
  }

  private static func unused() -> UInt16? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16.random(in: range).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
      }
    }
    return status ? UInt16(bigEndian: address.sin_port) : nil
  }
}
