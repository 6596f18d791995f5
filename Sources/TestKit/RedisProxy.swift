public import Base
internal import Glibc
internal import Synchronization

/// A TCP relay between a node and a real redis-server that can be told to misbehave. One thread a connection; all of
/// them end with the object.
public final class RedisProxy: Sendable {
  public enum Mode: Sendable, Equatable {
    case relay
    /// Accepts and passes nothing on, in either direction.
    case stall
    /// Every reply is held back so long.
    case slow(milliseconds: Int)
    /// Passes so many bytes of replies on, then hangs up; and refuses new connections the same way.
    case cut(afterBytes: Int)
    /// Answers every request with bytes that are no RESP.
    case garbage
    /// Answers every request with this error line, such as `-LOADING …`.
    case refuse(String)
    /// Passes requests on and answers with this error line only those that contain the word.
    case refuseOnly(word: String, String)
    /// Hangs up on every connection at once.
    case hangUp
  }

  private struct State {
    var mode = Mode.relay
    var descriptors: Set<Int32> = []
    var isClosed = false
    var accepted = 0
  }

  public let port: UInt16
  private let target: UInt16
  private let listener: Int32
  private let shared: Shared

  private final class Shared: Sendable {
    let state = Mutex(State())
  }

  public init(to target: UInt16) throws(Failure) {
    self.target = target
    shared = Shared()
    (listener, port) = try LoopbackSocket.listen()
    let shared = shared
    Self.thread { [listener] in Self.accept(on: listener, to: target, shared) }
  }

  deinit { close() }

  public var url: String { "redis://127.0.0.1:\(port)" }

  /// Connections accepted so far.
  public var accepted: Int { shared.state.withLock { $0.accepted } }

  /// Changes how bytes are treated from now on, also on open connections.
  public func set(_ mode: Mode) {
    shared.state.withLock { state in
      state.mode = mode
      guard mode == .hangUp else { return }
      for descriptor in state.descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
  }

  /// Hangs up on every open connection; new ones are treated as the mode says.
  public func dropConnections() {
    shared.state.withLock { state in
      for descriptor in state.descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
  }

  public func close() {
    let isFirst = shared.state.withLock { state in
      defer { state.isClosed = true }
      for descriptor in state.descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
      return !state.isClosed
    }
    guard isFirst else { return }
    shutdown(listener, Int32(SHUT_RDWR))
  }

  private static func accept(on listener: Int32, to target: UInt16, _ shared: Shared) {
    while true {
      let client = Glibc.accept(listener, nil, nil)
      let mode = shared.state.withLock { $0.isClosed ? nil : $0.mode }
      guard client >= 0, let mode else { break }
      shared.state.withLock { $0.accepted += 1 }
      guard mode != .hangUp, let server = LoopbackSocket.connect(port: target) else {
        Glibc.close(client)
        continue
      }
      var forever = timeval(tv_sec: 0, tv_usec: 0)
      setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &forever, socklen_t(MemoryLayout<timeval>.size))
      shared.state.withLock { _ = ($0.descriptors.insert(client), $0.descriptors.insert(server)) }
      thread { pump(client, server, shared) }
    }
    Glibc.close(listener)
  }

  /// Both directions of one connection.
  private static func pump(_ client: Int32, _ server: Int32, _ shared: Shared) {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    var passed = 0
    var entries = [
      pollfd(fd: client, events: Int16(POLLIN), revents: 0), pollfd(fd: server, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      // What comes while it stalls is not looked at, so that waiting for it is not to spin.
      let events = shared.state.withLock { $0.mode == .stall } ? 0 : Int16(POLLIN)
      for index in entries.indices { entries[index].events = events }
      guard poll(&entries, 2, 20) >= 0 else { break }
      let (mode, isClosed) = shared.state.withLock { ($0.mode, $0.isClosed) }
      if isClosed || mode == .hangUp || events == 0 && entries.contains(where: { $0.revents != 0 }) { break }
      if mode == .stall { continue }
      if entries[0].revents != 0 {
        let count = recv(client, &bytes, bytes.count, 0)
        guard count > 0, request(bytes[..<count], mode, client, server) else { break }
      }
      if entries[1].revents != 0 {
        let count = recv(server, &bytes, bytes.count, 0)
        guard count > 0, reply(bytes[..<count], mode, client, &passed) else { break }
      }
    }
    shared.state.withLock { _ = ($0.descriptors.remove(client), $0.descriptors.remove(server)) }
    Glibc.close(client)
    Glibc.close(server)
  }

  private static func request(_ bytes: ArraySlice<UInt8>, _ mode: Mode, _ client: Int32, _ server: Int32) -> Bool {
    switch mode {
    case .garbage: return write([0x00, 0xFF, 0x21, 0x0D, 0x0A, 0x7F], to: client)
    case .refuse(let line): return write(Array("\(line)\r\n".utf8), to: client)
    case .refuseOnly(let word, let line):
      if Array(bytes).firstRange(of: Array(word.utf8)) != nil { return write(Array("\(line)\r\n".utf8), to: client) }
      return write(Array(bytes), to: server)
    default: return write(Array(bytes), to: server)
    }
  }

  private static func reply(_ bytes: ArraySlice<UInt8>, _ mode: Mode, _ client: Int32, _ passed: inout Int) -> Bool {
    switch mode {
    case .slow(let milliseconds):
      usleep(UInt32(milliseconds) * 1_000)
      return write(Array(bytes), to: client)
    case .cut(let limit):
      let rest = max(0, limit - passed)
      passed += bytes.count
      return write(Array(bytes.prefix(rest)), to: client) && bytes.count <= rest
    case .garbage, .refuse: return true
    default: return write(Array(bytes), to: client)
    }
  }

  static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }

  /// Without a thread nothing is passed on, and the test that waits for it says so.
  static func thread(_ body: @escaping @Sendable () -> Void) { _ = DetachedThread.start(body) }
}
