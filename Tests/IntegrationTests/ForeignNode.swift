import ControlPlane
import Glibc
import Testing

/// A node of another protocol version: it says so in its preamble and hangs up. It works when `answer` is called.
final class ForeignNode {
  private let descriptor: Int32
  private let version: UInt16

  init(path: String, version: UInt16 = ControlPreamble.currentVersion + 1) throws {
    self.version = version
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    try #require(path.utf8.count < MemoryLayout.size(ofValue: address.sun_path))
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    unlink(path)
    let socket = descriptor
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(status == 0 && listen(socket, 8) == 0)
  }

  deinit { close(descriptor) }

  /// Greets whoever waits.
  func answer() {
    while true {
      let client = accept(descriptor, nil, nil)
      guard client >= 0 else { return }
      let bytes = ControlPreamble(version: version).bytes
      _ = send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      // Half closed: what the other side still sends must not reset the connection before it has read.
      shutdown(client, Int32(SHUT_WR))
      var rest = [UInt8](repeating: 0, count: 4_096)
      var file = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
      while poll(&file, 1, 2_000) > 0, recv(client, &rest, rest.count, 0) > 0 {}
      close(client)
    }
  }
}
