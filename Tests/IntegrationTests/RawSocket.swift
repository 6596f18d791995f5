import Foundation
import Glibc
import TestKit
import Testing

/// A client of the raw WebSocket at `/ws`, by hand, with all events it was sent in order. Nothing waits in it: a test
/// waits by `eventually`.
final class RawSocket {
  struct Event {
    var name: String
    var data: Any?
    var object: [String: Any] { data as? [String: Any] ?? [:] }
  }

  private let descriptor: Int32
  private var bytes: [UInt8] = []
  private var isUpgraded = false
  private var answers: Set<Int> = []
  private var nextID = 0
  private(set) var events: [Event] = []

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(descriptor >= 0 && status == 0, "no gateway at \(port)")
    let lines = [
      "GET /ws HTTP/1.1", "Host: 127.0.0.1:\(port)", "Connection: Upgrade", "Upgrade: websocket",
      "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    write(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
  }

  deinit { close(descriptor) }

  /// Connected, and a member of `project:ID`.
  static func subscribed(to project: String, port: Int) async throws -> RawSocket {
    let socket = try RawSocket(port: port)
    #expect(await eventually { socket.isOpen() })
    #expect(await socket.ask("subscribe-project", "\"\(project)\""), "the subscription was not answered")
    return socket
  }

  func isOpen() -> Bool {
    take()
    return isUpgraded
  }

  /// Sends an event and waits for its acknowledgement.
  func ask(_ event: String, _ json: String) async -> Bool {
    nextID += 1
    let id = nextID
    send(#"{"event":"\#(event)","data":\#(json),"id":\#(id)}"#)
    return await eventually {
      self.take()
      return self.answers.contains(id)
    }
  }

  /// What came by this name so far.
  func events(_ name: String) -> [Event] {
    take()
    return events.filter { $0.name == name }
  }

  /// The first of this name that is as wanted.
  func first(_ name: String, where isWanted: ([String: Any]) -> Bool = { _ in true }) async -> Event? {
    _ = await eventually { self.events(name).contains { isWanted($0.object) } }
    return events(name).first { isWanted($0.object) }
  }

  // MARK: Frames

  private func send(_ text: String) { send(0x81, Array(text.utf8)) }

  private func send(_ head: UInt8, _ payload: [UInt8]) {
    var frame = [head]
    if payload.count < 126 {
      frame.append(0x80 | UInt8(payload.count))
    } else {
      frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    }
    // A mask of zeros is one.
    write(frame + [0, 0, 0, 0] + payload)
  }

  private func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  private func take() {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    if !isUpgraded {
      guard let end = bytes.firstRange(of: [13, 10, 13, 10]) else { return }
      isUpgraded = bytes.starts(with: "HTTP/1.1 101".utf8)
      bytes.removeFirst(end.upperBound)
    }
    while let (opcode, payload) = nextFrame() { hear(opcode, payload) }
  }

  private func nextFrame() -> (UInt8, [UInt8])? {
    guard bytes.count >= 2 else { return nil }
    var (start, length) = (2, Int(bytes[1] & 0x7F))
    if length > 125 {
      start = length == 126 ? 4 : 10
      guard bytes.count >= start else { return nil }
      length = bytes[2..<start].reduce(0) { $0 << 8 | Int($1) }
    }
    guard bytes.count >= start + length else { return nil }
    defer { bytes.removeFirst(start + length) }
    return (bytes[0] & 0x0F, Array(bytes[start..<start + length]))
  }

  private func hear(_ opcode: UInt8, _ payload: [UInt8]) {
    if opcode == 9 { send(0x8A, payload) }
    guard opcode == 1, let any = try? JSONSerialization.jsonObject(with: Data(payload)),
      let object = any as? [String: Any], let name = object["event"] as? String
    else { return }
    if let id = object["id"] as? Int {
      answers.insert(id)
    } else {
      events.append(Event(name: name, data: object["data"]))
    }
  }
}
