/// One end of a TCP connection.
public struct SocketEndpoint: Hashable, Sendable, CustomStringConvertible {
  public var address: IPAddress
  public var port: UInt16

  public init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// Nil when `address` is no IP literal or `port` is out of range.
  public init?(_ address: String, port: Int) {
    guard let address = IPAddress(address), let port = UInt16(exactly: port) else { return nil }
    self.init(address: address, port: port)
  }

  public var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
