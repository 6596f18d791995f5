/// Reads the kernel's `/proc/net/tcp` and `/proc/net/tcp6` tables (proc(5)).
enum SocketTable {
  /// The user of the socket whose own end is `local` and whose other end is `remote`. Nil when no line fits, or when
  /// the socket has no inode: then no process holds it, and its user column means nothing.
  static func owner(in table: String, local: SocketEndpoint, remote: SocketEndpoint) -> UInt32? {
    let ends = "\(column(local)) \(column(remote)) "
    for line in table.split(separator: "\n") {
      guard let match = line.firstRange(of: ends) else { continue }
      // After the two ends: st, tx:rx queue, tr:tm, retrnsmt, uid, timeout, inode.
      let fields = line[match.upperBound...].split(separator: " ", omittingEmptySubsequences: true)
      guard fields.count > 6, fields[6] != "0" else { return nil }
      return UInt32(fields[4])
    }
    return nil
  }

  /// The address as 32-bit words in the machine's own byte order, and the port, in hexadecimal.
  static func column(_ endpoint: SocketEndpoint) -> String {
    var text = ""
    for word in stride(from: 0, to: endpoint.address.bytes.count, by: 4) {
      let bytes = endpoint.address.bytes[word..<word + 4]
      let value = bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      text += hex(UInt64(UInt32(bigEndian: value)), digits: 8)
    }
    return "\(text):\(hex(UInt64(endpoint.port), digits: 4))"
  }

  private static func hex(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
