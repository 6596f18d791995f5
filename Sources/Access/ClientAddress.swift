/// Who is really at the other end when reverse proxies stand between.
///
/// Each proxy appends the address it was called from to `X-Forwarded-For`, so the list is read from the right: as long
/// as the machine that spoke is a trusted proxy, the entry it wrote is believed, and the first address that is no
/// trusted proxy is the client. What stands further left was written by the client itself and is ignored.
public enum ClientAddress {
  /// Entries looked at; a longer header is a game, and the last address reached is taken.
  public static let hopsMax = 32

  /// `forwardedFor`: the values of all `X-Forwarded-For` headers in order. An entry that is no address stops the walk.
  public static func resolve(peer: IPAddress, forwardedFor: [String], trustedProxies: [CIDR]) -> IPAddress {
    var client = peer.unmapped
    guard !trustedProxies.isEmpty else { return client }
    let hops = forwardedFor.flatMap { $0.split(separator: ",") }
    for hop in hops.reversed().prefix(hopsMax) {
      guard trustedProxies.contains(where: { $0.contains(client) }), let next = address(hop.trimmingBlanks()) else {
        break
      }
      client = next.unmapped
    }
    return client
  }

  /// Some proxies write a port: `10.0.0.1:4711`, `[2001:db8::1]:4711`.
  private static func address(_ text: String) -> IPAddress? {
    if let plain = IPAddress(text) { return plain }
    guard let colon = text.lastIndex(of: ":") else { return nil }
    return IPAddress(String(text[..<colon]))
  }
}
