/// A web origin: scheme, host and port (RFC 6454). Pages of one origin trust each other, and no other page.
struct WebOrigin: Hashable, CustomStringConvertible {
  let scheme: String
  let host: String
  let port: Int

  /// Reads `scheme://host[:port]` with nothing after it. `null`, paths and user names are no origin.
  init?(_ text: String) {
    guard let separator = text.firstRange(of: "://") else { return nil }
    let scheme = text[..<separator.lowerBound].lowercased()
    guard scheme == "http" || scheme == "https" else { return nil }
    self.init(scheme: scheme, authority: String(text[separator.upperBound...]))
  }

  /// `authority`: the `Host` header of a request that came by `scheme`.
  init?(scheme: String, authority: String) {
    guard let (host, port) = HostRule.split(authority) else { return nil }
    self.scheme = scheme
    self.host = host
    self.port = port ?? (scheme == "https" ? 443 : 80)
  }

  var description: String {
    let isDefaultPort = port == (scheme == "https" ? 443 : 80)
    return "\(scheme)://\(host)\(isDefaultPort ? "" : ":\(port)")"
  }
}
