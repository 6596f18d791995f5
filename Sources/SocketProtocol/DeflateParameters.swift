/// What was agreed about permessage-deflate (RFC 7692 section 7.1).
///
/// A client offers a list of alternatives, the one it likes best first; the server takes the first that it can keep.
/// An offer with an unknown parameter, one twice, or a value that may not be, is passed over, not repaired.
///
/// The server forgets its window between messages (`server_no_context_takeover`), whatever was offered: then a
/// broadcast is compressed once for all, and a connection owns no compressor of 256 kB. It asks the same of the client,
/// which it may without being offered it (section 7.1.1.2).
public struct DeflateParameters: Sendable, Equatable {
  /// The window that the server's messages may use, 2^n bytes; 9...15. A frame compressed with a larger one must not be
  /// sent to this client.
  public var serverWindowBits: Int
  /// Whether the answer must name it.
  private var namesServerWindow: Bool

  /// The first offer in the values of all `Sec-WebSocket-Extensions` headers that can be kept; nil when there is none.
  public static func negotiate(_ headers: [String]) -> DeflateParameters? {
    for header in headers {
      for offer in pieces(header, at: UInt8(ascii: ",")).prefix(16) {
        if let parameters = DeflateParameters(offer: offer) { return parameters }
      }
    }
    return nil
  }

  /// The value of the answer's header.
  public var response: String {
    let window = namesServerWindow ? "; server_max_window_bits=\(serverWindowBits)" : ""
    return "permessage-deflate; server_no_context_takeover; client_no_context_takeover" + window
  }

  private init?(offer: Substring.UTF8View) {
    let parts = Self.pieces(Substring(offer), at: UInt8(ascii: ";"))
    guard let name = parts.first, Self.trimmed(name) == "permessage-deflate" else { return nil }
    serverWindowBits = 15
    namesServerWindow = false
    var seen: Set<String> = []
    for part in parts.dropFirst() {
      let text = Self.trimmed(part)
      let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let first = halves.first else { return nil }
      let key = Self.trimmed(first.utf8)
      let value = halves.count == 2 ? Self.unquoted(Self.trimmed(halves[1].utf8)) : nil
      guard seen.insert(key).inserted, accepts(key, value) else { return nil }
    }
  }

  private mutating func accepts(_ key: String, _ value: String?) -> Bool {
    switch key {
    case "server_no_context_takeover", "client_no_context_takeover": return value == nil
    case "client_max_window_bits": return value == nil || Self.bits(value) != nil
    case "server_max_window_bits":
      // zlib cannot compress raw with a window of 256 bytes.
      guard let bits = Self.bits(value), bits >= 9 else { return false }
      serverWindowBits = bits
      namesServerWindow = true
      return true
    default: return false
    }
  }

  /// 8...15 without leading zeros.
  private static func bits(_ value: String?) -> Int? {
    guard let value, let bits = Int(value), (8...15).contains(bits), value == "\(bits)" else { return nil }
    return bits
  }

  /// Splits outside of quoted strings.
  private static func pieces(_ text: some StringProtocol, at separator: UInt8) -> [Substring.UTF8View] {
    let bytes = Substring(text).utf8
    var pieces: [Substring.UTF8View] = []
    var start = bytes.startIndex
    var isQuoted = false
    for index in bytes.indices {
      if bytes[index] == UInt8(ascii: "\"") { isQuoted.toggle() }
      guard bytes[index] == separator, !isQuoted else { continue }
      pieces.append(bytes[start..<index])
      start = bytes.index(after: index)
    }
    pieces.append(bytes[start...])
    return pieces
  }

  private static func trimmed(_ bytes: Substring.UTF8View) -> String {
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
    let front = bytes.drop(while: isSpace)
    let end = front.lastIndex { !isSpace($0) }.map { front.index(after: $0) } ?? front.startIndex
    return String(Substring(front[..<end])).lowercased()
  }

  private static func unquoted(_ text: String) -> String {
    guard text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
    return String(text.dropFirst().dropLast())
  }
}
