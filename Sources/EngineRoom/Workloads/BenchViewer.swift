internal import Base
internal import Dispatch
internal import FoundationEssentials
internal import Glibc
internal import SocketProtocol
internal import Synchronization

/// A client of the raw WebSocket of a bench's node, subscribed to a project's room. Its thread notes when each event
/// came; who waits for one learns that time, however late it is told.
final class BenchViewer: Sendable {
  private struct State {
    var isOpen = false
    var isOver = false
    var arrivals: [(text: String, at: ContinuousClock.Instant)] = []
    var received = 0
  }

  private static let patience = Duration.seconds(30)
  private static let readBytes = 65_536

  private let descriptor: Int32
  /// Texts that hold one of these are kept; the others are counted.
  private let wanted: [String]
  private let state = Mutex(State())

  private init(_ descriptor: Int32, keeping wanted: [String]) {
    self.descriptor = descriptor
    self.wanted = wanted
  }

  /// Connects and subscribes. Throws `unavailable`, or `timeout` when the subscription is not answered.
  static func open(port: UInt16, project: ProjectID, keeping wanted: [String]) async throws(Failure) -> BenchViewer {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(.unavailable, "cannot make a socket") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else {
      close(descriptor)
      throw Failure(.unavailable, "the node of the bench takes no socket")
    }
    let viewer = BenchViewer(descriptor, keeping: wanted + ["\"ok\":true"])
    viewer.begin(port)
    do throws(Failure) {
      try await viewer.wait("the upgrade") { $0.isOpen }
      viewer.send(#"{"event":"subscribe-project","data":"\#(project)","id":1}"#)
      _ = try await viewer.arrival { $0.contains("\"ok\":true") }
      return viewer
    } catch {
      viewer.end()
      throw error
    }
  }

  /// When the first text came that is as wanted; it is taken, and all before it.
  func arrival(_ isWanted: @Sendable (String) -> Bool) async throws(Failure) -> ContinuousClock.Instant {
    var found: ContinuousClock.Instant?
    try await wait("an event") { state in
      guard let index = state.arrivals.firstIndex(where: { isWanted($0.text) }) else { return false }
      found = state.arrivals[index].at
      state.arrivals.removeSubrange(...index)
      return true
    }
    guard let found else { throw Failure(.internal, "an event has no time") }
    return found
  }

  var received: Int { state.withLock { $0.received } }

  /// Its thread ends soon after.
  func end() { whileOpen { shutdown($0, Int32(SHUT_RDWR)) } }

  /// Once its thread has closed the descriptor, the number may be another's.
  private func whileOpen(_ body: (Int32) -> Void) {
    state.withLock { state in
      if !state.isOver { body(descriptor) }
    }
  }

  private func wait(_ what: String, _ isThere: (inout State) -> Bool) async throws(Failure) {
    let end = ContinuousClock.now + Self.patience
    while !state.withLock({ isThere(&$0) }) {
      guard ContinuousClock.now < end else { throw Failure(.timeout, "\(what) did not come within \(Self.patience)") }
      guard !state.withLock({ $0.isOver }) else { throw Failure(.unavailable, "the node of the bench hung up") }
      do { try await Task.sleep(for: .milliseconds(1)) } catch {
        throw Failure(.unavailable, "the bench was cancelled")
      }
    }
  }

  // MARK: The thread

  private func begin(_ port: UInt16) {
    let lines = [
      "GET /ws HTTP/1.1", "Host: 127.0.0.1:\(port)", "Connection: Upgrade", "Upgrade: websocket",
      "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    write(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    DispatchQueue(label: "signalbox.bench.viewer").async { self.read() }
  }

  private func read() {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: Self.readBytes)
    while true {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { break }
      let now = ContinuousClock.now
      bytes.append(contentsOf: chunk[..<count])
      if !state.withLock({ $0.isOpen }) {
        guard let end = bytes.firstRange(of: [13, 10, 13, 10]) else { continue }
        guard bytes.starts(with: "HTTP/1.1 101".utf8) else { break }
        bytes.removeFirst(end.upperBound)
        state.withLock { $0.isOpen = true }
      }
      takeFrames(&bytes, now)
    }
    state.withLock { state in
      state.isOver = true
      close(descriptor)
    }
  }

  private func takeFrames(_ bytes: inout [UInt8], _ now: ContinuousClock.Instant) {
    var start = 0
    while bytes.count - start >= 2 {
      var (head, length) = (2, Int(bytes[start + 1] & 0x7F))
      if length > 125 {
        head = length == 126 ? 4 : 10
        guard bytes.count - start >= head else { break }
        length = bytes[start + 2..<start + head].reduce(0) { $0 << 8 | Int($1) }
      }
      guard bytes.count - start >= head + length else { break }
      let payload = bytes[start + head..<start + head + length]
      hear(bytes[start] & 0x0F, payload, now)
      start += head + length
    }
    bytes.removeFirst(start)
  }

  private func hear(_ opcode: UInt8, _ payload: ArraySlice<UInt8>, _ now: ContinuousClock.Instant) {
    if opcode == 9 { send(0x8A, Array(payload)) }
    guard opcode == 1 else { return }
    let text = String(decoding: payload, as: UTF8.self)
    let isKept = wanted.contains { text.contains($0) }
    state.withLock { state in
      state.received += 1
      if isKept { state.arrivals.append((text, now)) }
    }
  }

  private func send(_ text: String) { send(0x81, Array(text.utf8)) }

  /// Of 125 bytes at most.
  private func send(_ head: UInt8, _ payload: [UInt8]) {
    guard payload.count < 126 else { return }
    // A mask of zeros is one.
    write([head, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload)
  }

  private func write(_ bytes: [UInt8]) {
    // A socket that takes less has ended, which its thread finds out.
    whileOpen { descriptor in
      _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
  }
}
