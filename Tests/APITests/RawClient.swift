import Base
import Dispatch
import Glibc

/// A TCP client that sends exactly the bytes it is given. It blocks on queues of its own, never on the threads that
/// the server under test needs, and every wait ends after `deadline`.
final class RawClient: Sendable {
  struct Answer: Sendable {
    var status: Int
    /// Names in lower case.
    var headers: [String: String]
    var body: String
  }

  static let deadlineMilliseconds: Int32 = 30_000

  private let descriptor: Int32
  private let reading = DispatchQueue(label: "raw client, reading")
  private let writing = DispatchQueue(label: "raw client, writing")

  init(port: Int, receiveBuffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var size = receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 else { throw Failure(.unavailable, "errno \(errno)") }
  }

  deinit { close(descriptor) }

  /// Sends all of it, or as much as the server takes before it closes.
  func send(_ text: String) async { await onQueue { self.write(Array(text.utf8)) } }

  func shutdownSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// One answer: its head, and as much body as `Content-Length` says.
  func answer(isHead: Bool = false) async throws -> Answer {
    let head = try await read(until: "\r\n\r\n")
    let lines = head.split(separator: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
    }
    guard let first = lines.first, let status = first.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw Failure(.invalid, "no status line") }
    let length = isHead ? 0 : headers["content-length"].flatMap { Int($0) } ?? 0
    let body = try await onQueue { try self.readBytes(length) }
    return Answer(status: status, headers: headers, body: String(decoding: body, as: UTF8.self))
  }

  /// Everything up to and with `marker`.
  func read(until marker: String) async throws -> String {
    try await onQueue {
      var bytes: [UInt8] = []
      let end = Array(marker.utf8)
      while bytes.suffix(end.count) != end[...] { bytes += try self.readBytes(1) }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Everything until the server closes.
  func readToEnd() async throws -> String {
    try await onQueue {
      var bytes: [UInt8] = []
      while let byte = try self.readByte() { bytes.append(byte) }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  private func onQueue<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      reading.async { continuation.resume(with: Result { try body() }) }
    }
  }

  private func onQueue(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      writing.async {
        body()
        continuation.resume()
      }
    }
  }

  private func write(_ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  private func readBytes(_ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      guard let byte = try readByte() else { throw Failure(.unavailable, "closed after \(bytes.count) bytes") }
      bytes.append(byte)
    }
    return bytes
  }

  /// Nil when the connection is over, be it by a reset.
  private func readByte() throws -> UInt8? {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&poller, 1, Self.deadlineMilliseconds) == 1 else { throw Failure(.timeout, "nothing came") }
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, 0) == 1 ? byte : nil
  }
}
