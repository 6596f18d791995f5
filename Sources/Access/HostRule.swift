/// Guards an open loopback port against DNS rebinding: a page of `evil.example` whose name suddenly resolves to
/// 127.0.0.1 still sends `Host: evil.example`, so only names that can mean nothing but this machine are served.
public enum HostRule {
  /// `localhost`, `*.localhost` (RFC 6761), 127.0.0.0/8 or `[::1]`, with or without a port.
  public static func isLoopbackName(_ host: String?) -> Bool {
    guard let host, let (name, _) = split(host) else { return false }
    if name == "localhost" || name.hasSuffix(".localhost") { return true }
    return IPAddress(name)?.isLoopback == true
  }

  /// Host in lower case (an IPv6 literal keeps its brackets) and port. Nil when it is neither a name nor an address.
  static func split(_ authority: String) -> (host: String, port: Int?)? {
    guard !authority.isEmpty, authority.utf8.count <= 261 else { return nil }
    var host = authority.lowercased()[...]
    var port: Int?
    if let colon = host.lastIndex(of: ":"), host.last != "]" {
      let digits = host[host.index(after: colon)...]
      guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let value = UInt16(digits) else {
        return nil
      }
      port = Int(value)
      host = host[..<colon]
    }
    if host.hasPrefix("[") {
      guard host.hasSuffix("]"), let address = IPAddress(String(host)), !address.isIPv4 else { return nil }
      return ("[\(address)]", port)
    }
    let isName = host.utf8.allSatisfy {
      (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 46 || $0 == 95
    }
    guard isName, !host.isEmpty, !host.hasPrefix(".") else { return nil }
    if host.hasSuffix(".") { host = host.dropLast() }
    return host.isEmpty ? nil : (String(host), port)
  }
}
