internal import CSockets
internal import Glibc

/// Which user of this machine holds the other end of a loopback connection.
///
/// The kernel is asked for the socket whose two ends are ours swapped (socket diagnostics); where that is not allowed,
/// `/proc/net/tcp` and `tcp6` say the same. A socket that its process has closed already has no owner any more: the
/// kernel would report user 0 for it, so it counts as unknown.
public enum PeerOwner {
  /// Bytes read of a `/proc/net/tcp` table: about 50,000 sockets.
  static let tableBytesMax = 8 << 20

  /// The user id, or nil when it cannot be told. Costs two to three system calls, and blocks for none of them.
  public static func userID(peer: SocketEndpoint, local: SocketEndpoint) -> UInt32? {
    let forms = candidates(peer: peer, local: local)
    for form in forms {
      if let owner = askKernel(peer: form.peer, local: form.local) { return owner }
    }
    return readTables(forms)
  }

  /// A mapped pair is tried as IPv4 first: the client may have either kind of socket.
  private static func candidates(
    peer: SocketEndpoint, local: SocketEndpoint
  ) -> [(peer: SocketEndpoint, local: SocketEndpoint)] {
    var forms: [(peer: SocketEndpoint, local: SocketEndpoint)] = []
    for convert in [\IPAddress.unmapped, \IPAddress.mapped] {
      let form = (
        peer: SocketEndpoint(address: peer.address[keyPath: convert], port: peer.port),
        local: SocketEndpoint(address: local.address[keyPath: convert], port: local.port)
      )
      guard form.peer.address.isIPv4 == form.local.address.isIPv4 else { continue }
      if forms.first.map({ $0 == form }) != true { forms.append(form) }
    }
    return forms
  }

  private static func askKernel(peer: SocketEndpoint, local: SocketEndpoint) -> UInt32? {
    var owner: UInt32 = 0
    let code = withSocketAddress(peer) { own in withSocketAddress(local) { other in sb_tcp_owner(own, other, &owner) } }
    return code == 0 ? owner : nil
  }

  private static func withSocketAddress<Result>(
    _ endpoint: SocketEndpoint, _ body: (UnsafePointer<sockaddr>) -> Result
  ) -> Result {
    var storage = sockaddr_storage()
    return withUnsafeMutablePointer(to: &storage) { pointer in
      if endpoint.address.isIPv4 {
        pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { four in
          four.pointee.sin_family = sa_family_t(AF_INET)
          four.pointee.sin_port = endpoint.port.bigEndian
          withUnsafeMutableBytes(of: &four.pointee.sin_addr) { $0.copyBytes(from: endpoint.address.bytes) }
        }
      } else {
        pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { six in
          six.pointee.sin6_family = sa_family_t(AF_INET6)
          six.pointee.sin6_port = endpoint.port.bigEndian
          withUnsafeMutableBytes(of: &six.pointee.sin6_addr) { $0.copyBytes(from: endpoint.address.bytes) }
        }
      }
      return pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
    }
  }

  private static func readTables(_ forms: [(peer: SocketEndpoint, local: SocketEndpoint)]) -> UInt32? {
    for form in forms {
      let path = form.peer.address.isIPv4 ? "/proc/net/tcp" : "/proc/net/tcp6"
      guard let table = BoundedFile.read(path, bytesMax: tableBytesMax) else { continue }
      let text = String(decoding: table, as: UTF8.self)
      if let owner = SocketTable.owner(in: text, local: form.peer, remote: form.local) { return owner }
    }
    return nil
  }
}
