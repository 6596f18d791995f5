internal import Glibc

/// One HTTP/1.1 request over a fresh connection to 127.0.0.1, byte for byte what a test says: for looking at a server
/// from outside, without a client that would mend the request or hide the answer.
public enum HTTPProbe {
  public struct Response: Sendable, Equatable {
    public var status: Int
    /// Names in lower case.
    public var headers: [String: String]
    public var body: String
  }

  private static let bytesMax = 8 << 20

  /// Nil when nobody answers, or the answer is not HTTP.
  public static func request(
    _ path: String, method: String = "GET", port: Int, headers: [String: String] = [:], body: String = ""
  ) -> Response? {
    var lines = ["\(method) \(path) HTTP/1.1", "Connection: close"]
    if headers["Host"] == nil { lines.append("Host: 127.0.0.1:\(port)") }
    if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
    lines += headers.map { "\($0.key): \($0.value)" }
    // The answer's end ends it: only a machine under load is silent for so long.
    return exchange(lines.joined(separator: "\r\n") + "\r\n\r\n" + body, port: port, silence: 10).flatMap(parse)
  }

  /// Sends exactly these bytes and returns all that comes back before the end or `silence` seconds without any.
  public static func exchange(_ text: String, port: Int, silence: Int = 1) -> String? {
    guard let descriptor = LoopbackSocket.connect(port: UInt16(port)) else { return nil }
    defer { close(descriptor) }
    var limit = timeval(tv_sec: silence, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { break }
      sent += count
    }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while answer.count < bytesMax {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { break }
      answer.append(contentsOf: chunk.prefix(count))
    }
    return answer.isEmpty ? nil : String(decoding: answer, as: UTF8.self)
  }

  private static func parse(_ text: String) -> Response? {
    // A carriage return and a line feed are one Character, so this splits where the protocol does.
    guard let end = text.range(ofHead: "\r\n\r\n") else { return nil }
    let lines = text[..<end.lowerBound].split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      headers[line[..<colon].lowercased()] = String(value)
    }
    let body = String(text[end.upperBound...])
    return Response(
      status: status, headers: headers, body: headers["transfer-encoding"] == "chunked" ? dechunk(body) : body)
  }

  private static func dechunk(_ text: String) -> String {
    var rest = Array(text.utf8)[...]
    var body: [UInt8] = []
    while let lineEnd = rest.firstIndex(of: 13),
      let size = Int(String(decoding: rest[..<lineEnd], as: UTF8.self), radix: 16)
    {
      let start = lineEnd + 2
      guard size > 0, start + size <= rest.endIndex else { break }
      body += rest[start..<start + size]
      rest = rest[min(start + size + 2, rest.endIndex)...]
    }
    return String(decoding: body, as: UTF8.self)
  }
}

extension String {
  fileprivate func range(ofHead separator: String) -> Range<String.Index>? {
    let bytes = Array(utf8)
    let wanted = Array(separator.utf8)
    guard bytes.count >= wanted.count else { return nil }
    for start in 0...(bytes.count - wanted.count) where Array(bytes[start..<start + wanted.count]) == wanted {
      return utf8.index(startIndex, offsetBy: start)..<utf8.index(startIndex, offsetBy: start + wanted.count)
    }
    return nil
  }
}
