public import Base

/// A block of addresses such as `10.0.0.0/8` or `fd00::/8`; a bare address is a block of one.
public struct CIDR: Hashable, Sendable, CustomStringConvertible {
  public let network: IPAddress
  /// Leading bits that must agree: 0…32 or 0…128.
  public let prefixLength: Int

  /// Throws `invalid`, naming the text, unless it is an address with an optional `/length` in range.
  public init(_ text: String) throws(Failure) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let address = IPAddress(String(parts[0])), parts.count <= 2 else { throw Self.malformed(text) }
    let bits = address.bytes.count * 8
    var length = bits
    if parts.count == 2 {
      guard parts[1].utf8.count <= 3, parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
        let value = Int(parts[1]), value <= bits
      else { throw Self.malformed(text) }
      length = value
    }
    network = address
    prefixLength = length
  }

  /// A comma-separated list; blanks around the commas are allowed.
  public static func list(_ text: String) throws(Failure) -> [CIDR] {
    var blocks: [CIDR] = []
    for item in text.split(separator: ",", omittingEmptySubsequences: true) {
      let trimmed = item.trimmingBlanks()
      if !trimmed.isEmpty { blocks.append(try CIDR(trimmed)) }
    }
    return blocks
  }

  /// IPv4 clients of a dual-stack listener (`::ffff:10.1.2.3`) belong to IPv4 blocks.
  public func contains(_ address: IPAddress) -> Bool {
    Self.agree(network.bytes, address.bytes, bits: prefixLength)
      || (network.isIPv4 && Self.agree(network.bytes, address.unmapped.bytes, bits: prefixLength))
      || (!network.isIPv4 && Self.agree(network.bytes, address.mapped.bytes, bits: prefixLength) && prefixLength >= 96)
  }

  private static func agree(_ left: [UInt8], _ right: [UInt8], bits: Int) -> Bool {
    guard left.count == right.count else { return false }
    let whole = bits / 8
    guard left[..<whole] == right[..<whole] else { return false }
    let rest = bits % 8
    guard rest > 0 else { return true }
    let mask = UInt8(truncatingIfNeeded: 0xff00 >> rest)
    return left[whole] & mask == right[whole] & mask
  }

  private static func malformed(_ text: String) -> Failure {
    Failure(
      .invalid, "\"\(DisplayText(text).truncated(to: 64))\" is no address block",
      hint: "accepted: an IP address with an optional length, such as 10.0.0.0/8 or fd00::/8")
  }

  public var description: String { "\(network)/\(prefixLength)" }
}
