public import Base
internal import Glibc
internal import Synchronization

/// A load balancer before several nodes, as simple as those in the field are: each connection goes to the next node,
/// and stays there. A connection whose first request bears the cookie `node` goes to that node instead; the first
/// answer of every other one, unless it leaves HTTP (101), gets the cookie. So polling clients, which keep cookies,
/// stay where their session is, and WebSocket clients go wherever it is their turn.
public final class RoundRobinProxy: Sendable {
  private struct State {
    var next = 0
    var taken: [Int]
    var descriptors: Set<Int32> = []
    var isClosed = false
  }

  private final class Shared: Sendable {
    let state: Mutex<State>
    init(_ count: Int) { state = Mutex(State(taken: [Int](repeating: 0, count: count))) }
  }

  static let headBytesMax = 64 << 10

  public let port: UInt16
  private let listener: Int32
  private let shared: Shared

  /// `client` is what `X-Forwarded-For` says of everyone; nil: nothing.
  public init(to targets: [UInt16], forwardedFor client: String? = nil) throws(Failure) {
    precondition(!targets.isEmpty, "a proxy has somewhere to go")
    shared = Shared(targets.count)
    (listener, port) = try LoopbackSocket.listen()
    let shared = shared
    RedisProxy.thread { [listener] in Self.accept(on: listener, targets, client, shared) }
  }

  deinit { close() }

  public var url: String { "http://127.0.0.1:\(port)" }

  /// Connections that each target got so far.
  public var taken: [Int] { shared.state.withLock(\.taken) }

  public func close() {
    let isFirst = shared.state.withLock { state in
      defer { state.isClosed = true }
      for descriptor in state.descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
      return !state.isClosed
    }
    if isFirst { shutdown(listener, Int32(SHUT_RDWR)) }
  }

  private static func accept(on listener: Int32, _ targets: [UInt16], _ client: String?, _ shared: Shared) {
    while true {
      let descriptor = Glibc.accept(listener, nil, nil)
      guard descriptor >= 0, !shared.state.withLock(\.isClosed) else { break }
      RedisProxy.thread { serve(descriptor, targets, client, shared) }
    }
    Glibc.close(listener)
  }

  private static func serve(_ client: Int32, _ targets: [UInt16], _ address: String?, _ shared: Shared) {
    defer { Glibc.close(client) }
    guard var request = head(client) else { return }
    let wanted = cookie(request.head).flatMap { targets.indices.contains($0) ? $0 : nil }
    let chosen = shared.state.withLock { state in
      let chosen = wanted ?? state.next % targets.count
      if wanted == nil { state.next += 1 }
      state.taken[chosen] += 1
      return chosen
    }
    guard let server = LoopbackSocket.connect(port: targets[chosen]) else { return }
    defer { Glibc.close(server) }
    var forever = timeval(tv_sec: 0, tv_usec: 0)
    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &forever, socklen_t(MemoryLayout<timeval>.size))
    shared.state.withLock { _ = ($0.descriptors.insert(client), $0.descriptors.insert(server)) }
    defer { shared.state.withLock { _ = ($0.descriptors.remove(client), $0.descriptors.remove(server)) } }
    if let address { request.add("X-Forwarded-For: \(address)") }
    guard RedisProxy.write(request.bytes, to: server) else { return }
    pump(client, server, cookieOf: wanted == nil ? chosen : nil, shared)
  }

  /// Both directions until one ends. The first bytes of the answer are held until its head is whole.
  private static func pump(_ client: Int32, _ server: Int32, cookieOf target: Int?, _ shared: Shared) {
    var (bytes, isFirst) = ([UInt8](repeating: 0, count: 1 << 16), true)
    var entries = [
      pollfd(fd: client, events: Int16(POLLIN), revents: 0), pollfd(fd: server, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&entries, 2, 100) >= 0, !shared.state.withLock(\.isClosed) {
      if entries[0].revents != 0 {
        let count = recv(client, &bytes, bytes.count, 0)
        guard count > 0, RedisProxy.write(Array(bytes[..<count]), to: server) else { return }
      }
      guard entries[1].revents != 0 else { continue }
      if isFirst {
        isFirst = false
        guard var answer = head(server) else { return }
        if let target, !answer.head.hasPrefix("HTTP/1.1 101") { answer.add("Set-Cookie: node=\(target); Path=/") }
        guard RedisProxy.write(answer.bytes, to: client) else { return }
      } else {
        let count = recv(server, &bytes, bytes.count, 0)
        guard count > 0, RedisProxy.write(Array(bytes[..<count]), to: client) else { return }
      }
    }
  }

  private struct Head {
    var head: String
    /// What came behind the empty line.
    var rest: [UInt8]
    var bytes: [UInt8] { Array((head + "\r\n\r\n").utf8) + rest }

    mutating func add(_ line: String) { head += "\r\n\(line)" }
  }

  private static func head(_ descriptor: Int32) -> Head? {
    var (bytes, chunk) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
    while bytes.count < headBytesMax {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { return nil }
      bytes += chunk[..<count]
      if let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
        return Head(
          head: String(decoding: bytes[..<end.lowerBound], as: UTF8.self), rest: Array(bytes[end.upperBound...]))
      }
    }
    return nil
  }

  private static func cookie(_ head: String) -> Int? {
    for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("cookie:") {
      for pair in line.dropFirst(7).split(separator: ";") {
        let pair = pair.drop { $0 == " " }
        if pair.hasPrefix("node=") { return Int(pair.dropFirst(5)) }
      }
    }
    return nil
  }
}
