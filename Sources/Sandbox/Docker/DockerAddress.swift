/// Where a Docker Engine listens, out of `DOCKER_HOST`.
public enum DockerAddress: Sendable, Equatable {
  case unix(String)
  case tcp(host: String, port: UInt16)

  /// Only loopback may be reached without a socket file: the API has no password, whoever can speak to it is root on
  /// its machine, and whoever sits between could change programs and results. Another machine's Engine is reached
  /// through an SSH tunnel that ends here.
  public init(_ text: String) throws(SandboxError) {
    let fix = "DOCKER_HOST=unix:///var/run/docker.sock"
    if text.hasPrefix("unix://") {
      let path = String(text.dropFirst("unix://".count))
      guard path.hasPrefix("/"), path.utf8.count < 108 else {
        throw .unavailable("DOCKER_HOST names no usable socket", fix: fix)
      }
      self = .unix(path)
      return
    }
    guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":"), text[colon...].count > 1,
      let port = UInt16(text[text.index(after: colon)...])
    else { throw .unavailable("DOCKER_HOST is neither unix:///path nor tcp://127.0.0.1:port", fix: fix) }
    let host = String(text[text.index(text.startIndex, offsetBy: "tcp://".count)..<colon])
    guard ["127.0.0.1", "localhost", "[::1]"].contains(host) else {
      throw .unavailable(
        "DOCKER_HOST is another machine, and tcp:// has no encryption",
        fix: "ssh -NL 127.0.0.1:2375:/var/run/docker.sock HOST & export DOCKER_HOST=tcp://127.0.0.1:2375")
    }
    self = .tcp(host: host, port: port)
  }

  /// As people read it.
  var text: String {
    switch self {
    case .unix(let path): "unix://\(path)"
    case .tcp(let host, let port): "tcp://\(host):\(port)"
    }
  }
}
