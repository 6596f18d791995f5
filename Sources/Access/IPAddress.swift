internal import Glibc

/// An IPv4 or IPv6 address as its bytes in network order.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  /// 4 bytes (IPv4) or 16 (IPv6).
  public let bytes: [UInt8]

  /// Nil unless there are 4 or 16 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = bytes
  }

  /// Reads `127.0.0.1`, `::1`, `[::1]` or `fe80::1%eth0` (the zone is ignored). Nil for anything else, names included.
  public init?(_ text: String) {
    var literal = Substring(text)
    if literal.hasPrefix("["), literal.hasSuffix("]") { literal = literal.dropFirst().dropLast() }
    if literal.contains(":"), let zone = literal.firstIndex(of: "%") { literal = literal[..<zone] }
    // A NUL would end the C string early, and inet_pton would see another text than we do.
    guard literal.utf8.count <= 45, !literal.utf8.contains(0) else { return nil }
    let isSix = literal.contains(":")
    var parsed = [UInt8](repeating: 0, count: isSix ? 16 : 4)
    guard inet_pton(isSix ? AF_INET6 : AF_INET, String(literal), &parsed) == 1 else { return nil }
    bytes = parsed
  }

  public var isIPv4: Bool { bytes.count == 4 }

  /// `::ffff:a.b.c.d` as `a.b.c.d`; every other address as it is. A dual-stack listener sees IPv4 clients mapped.
  public var unmapped: IPAddress {
    guard bytes.count == 16, bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff,
      let four = IPAddress(bytes: Array(bytes[12...]))
    else { return self }
    return four
  }

  /// `a.b.c.d` as `::ffff:a.b.c.d`; an IPv6 address as it is.
  var mapped: IPAddress {
    guard isIPv4, let six = IPAddress(bytes: [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + bytes) else {
      return self
    }
    return six
  }

  /// 127.0.0.0/8 or ::1, mapped or not.
  public var isLoopback: Bool {
    let address = unmapped.bytes
    if address.count == 4 { return address[0] == 127 }
    return address[..<15].allSatisfy { $0 == 0 } && address[15] == 1
  }

  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(isIPv4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
