import Glibc
import SocketProtocol
import Synchronization

/// A small blocking client: raw HTTP, and WebSocket frames by hand. Every wait ends after ten seconds.
final class SocketClient {
  struct Frame: Equatable {
    var opcode: UInt8
    var payload: [UInt8]
    var isCompressed = false
    var text: String { String(decoding: payload, as: UTF8.self) }
    var closeCode: UInt16? { payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil }
  }

  let descriptor: Int32
  private var buffer: [UInt8] = []

  init?(port: Int, receiveBuffer: Int32? = nil, sendBuffer: Int32? = nil) {
    descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
    if var size = sendBuffer { setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, 4) }
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { return nil }
  }

  deinit { close(descriptor) }

  // MARK: Bytes

  func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard sent > 0 else { return }
      rest = rest.dropFirst(sent)
    }
  }

  func write(_ text: String) { write(Array(text.utf8)) }

  /// Sends `bytes` again and again, until nothing was taken for two seconds or `bytesMax` are sent. Returns how many.
  func flood(_ bytes: [UInt8], bytesMax: Int) -> Int {
    var (sent, place) = (0, 0)
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    while sent < bytesMax, poll(&entry, 1, 2_000) > 0 {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress.map { $0 + place }, bytes.count - place, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
      if count < 0, errno == EAGAIN { continue }
      guard count > 0 else { break }
      sent += count
      place = (place + count) % bytes.count
    }
    return sent
  }

  /// False at the end of the stream, or when nothing came in time.
  private func fill() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else { return false }
    buffer += chunk[..<count]
    return true
  }

  /// Whether the other end closes without another byte.
  func isClosed() -> Bool { buffer.isEmpty && !fill() && errno != EAGAIN }

  private func take(_ count: Int) -> [UInt8]? {
    while buffer.count < count { guard fill() else { return nil } }
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }

  // MARK: HTTP

  struct Response {
    var status: Int
    var head: String
    var body: String
  }

  func response() -> Response? {
    while true {
      if let end = buffer.firstRange(of: [13, 10, 13, 10]) {
        let head = String(decoding: buffer[..<end.lowerBound], as: UTF8.self)
        buffer.removeFirst(end.upperBound)
        let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
          .flatMap { Int($0.split(separator: ":")[1].drop { $0 == " " }) }
        guard let body = take(length ?? 0) else { return nil }
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return Response(status: status ?? 0, head: head, body: String(decoding: body, as: UTF8.self))
      }
      guard fill() else { return nil }
    }
  }

  func request(
    _ method: String, _ target: String, headers: [String] = [], body: String = "", host: String = "localhost"
  ) -> Response? {
    var lines = ["\(method) \(target) HTTP/1.1", "Host: \(host)"] + headers
    if !body.isEmpty || method == "POST" { lines.append("Content-Length: \(body.utf8.count)") }
    write(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    return response()
  }

  static let upgradeHeaders = [
    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ]

  func upgrade(_ target: String, headers: [String] = []) -> Response? {
    request("GET", target, headers: Self.upgradeHeaders + headers)
  }

  // MARK: Frames

  func send(frame opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, isMasked: Bool = true) {
    write(Self.frame(opcode, payload, isFinal: isFinal, isMasked: isMasked))
  }

  /// Several texts in one piece, so that the node reads them together.
  func batch(_ texts: [String]) {
    write(texts.flatMap { Self.frame(1, Array($0.utf8), isFinal: true, isMasked: true) })
  }

  private static func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool, isMasked: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    WebSocketFrameHeader(
      WebSocketOpcode(rawValue: opcode) ?? .text, payloadBytes: payload.count, isFinal: isFinal,
      maskingKey: isMasked ? 0x0403_0201 : nil
    ).append(to: &bytes)
    let key: [UInt8] = [1, 2, 3, 4]
    return bytes + (isMasked ? payload.enumerated().map { $1 ^ key[$0 & 3] } : payload)
  }

  func send(_ text: String) { send(frame: 1, Array(text.utf8)) }

  /// Nil when the stream ended or nothing came in time.
  func frame() -> Frame? {
    guard let head = take(2) else { return nil }
    var length = Int(head[1] & 0x7F)
    if length == 126 {
      guard let more = take(2) else { return nil }
      length = Int(more[0]) << 8 | Int(more[1])
    } else if length == 127 {
      guard let more = take(8) else { return nil }
      length = more.reduce(0) { $0 << 8 | Int($1) }
    }
    return take(length).map { Frame(opcode: head[0] & 0x0F, payload: $0, isCompressed: head[0] & 0x40 != 0) }
  }

  /// The next text that is no heartbeat; pings are answered.
  func text() -> String? {
    while let frame = frame() {
      if frame.opcode == 9 { continue }
      guard frame.opcode == 1 else { return nil }
      if frame.text == "2" {
        send("3")
        continue
      }
      return frame.text
    }
    return nil
  }

  /// Reads until the close frame; its code, or nil when the stream ended without one.
  func closeCode() -> UInt16? {
    while let frame = frame() { if frame.opcode == 8 { return frame.closeCode } }
    return nil
  }

  /// A Socket.IO socket on `/socket.io/`, connected with `auth`; the answer to CONNECT is `greeting`.
  static func socket(port: Int, auth: String = "", headers: [String] = []) -> (client: SocketClient, greeting: String)?
  {
    guard let client = SocketClient(port: port),
      client.upgrade("/socket.io/?EIO=4&transport=websocket", headers: headers)?.status == 101,
      client.text()?.hasPrefix("0{") == true
    else { return nil }
    client.send("40\(auth)")
    guard let greeting = client.text() else { return nil }
    return (client, greeting)
  }
}
