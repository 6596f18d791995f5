internal import Base
internal import Glibc
internal import Synchronization

/// The connection to a container's input and output: HTTP up to the Engine's answer, then no HTTP any more
/// (docs.docker.com/reference/api/engine, "Attach to a container"), which is why it is no matter for an HTTP client.
/// What we write is the container's input. What comes is its two outputs in frames: eight bytes of head (stream,
/// three zeros, big-endian length) and the payload. One thread reads until the end.
final class DockerStream: Sendable {
  private typealias Opening = CheckedContinuation<Result<DockerStream, SandboxError>, Never>

  private struct State {
    var socket: Int32
    var deadline: ContinuousClock.Instant
    var isEndless = false
    var isPastDeadline = false
  }

  private let state: Mutex<State>
  private let onMessage: @Sendable (LauncherMessage?) -> Void

  private static let chunkSize = 64 * 1_024
  private static let headBytesMax = 16 * 1_024
  private static let patienceSeconds = 10

  /// Connects and attaches; returns when the Engine has agreed. `onMessage` hears what the launcher in the container
  /// says, from the thread, in order; nil after the last.
  static func open(
    _ address: DockerAddress, path: String, deadline: Duration,
    onMessage: @escaping @Sendable (LauncherMessage?) -> Void
  ) async throws(SandboxError) -> DockerStream {
    let opened = await withCheckedContinuation { (continuation: Opening) in
      let begun = DetachedThread.start {
        do throws(SandboxError) {
          let (socket, rest) = try attach(address, path)
          let stream = DockerStream(socket, .now.advanced(by: deadline), onMessage)
          continuation.resume(returning: .success(stream))
          stream.readToEnd(rest)
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
      if begun != 0 { continuation.resume(returning: .failure(.broken("no thread can be started"))) }
    }
    return try opened.get()
  }

  private init(
    _ socket: Int32, _ deadline: ContinuousClock.Instant, _ onMessage: @escaping @Sendable (LauncherMessage?) -> Void
  ) {
    state = Mutex(State(socket: socket, deadline: deadline))
    self.onMessage = onMessage
  }

  /// Whether it was closed because its time was up.
  var isPastDeadline: Bool { state.withLock { $0.isPastDeadline } }

  /// When the container has not ended by then, the stream ends; nil: no end is due.
  func expectEnd(within limit: Duration?) {
    state.withLock { state in
      state.isEndless = limit == nil
      if let limit { state.deadline = .now.advanced(by: limit) }
    }
  }

  func send(_ tag: Character, _ payload: [UInt8] = []) { send([(tag, payload)]) }

  func send(_ frames: [(tag: Character, payload: [UInt8])]) {
    var out: [UInt8] = []
    for (tag, payload) in frames {
      // A program's file is one frame; input may be larger than a frame can be.
      guard tag == "I" else {
        LaunchPlan.frame(&out, tag, payload)
        continue
      }
      var rest = payload[...]
      while !rest.isEmpty {
        LaunchPlan.frame(&out, tag, rest.prefix(1 << 20))
        rest = rest.dropFirst(1 << 20)
      }
    }
    state.withLock { state in
      // The reading side hears of the end and says why.
      if state.socket >= 0 { _ = Self.write(state.socket, out) }
    }
  }

  /// Ends the container's input, and by that the container.
  func close() {
    state.withLock { state in
      if state.socket >= 0 { shutdown(state.socket, Int32(SHUT_RDWR)) }
    }
  }

  // MARK: Attaching

  private static func attach(_ address: DockerAddress, _ path: String) throws(SandboxError) -> (Int32, [UInt8]) {
    guard let socket = connect(address) else {
      throw .unavailable("the Docker Engine at \(address.text) cannot be reached", fix: "start it, or set DOCKER_HOST")
    }
    var patience = timeval(tv_sec: patienceSeconds, tv_usec: 0)
    for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
      setsockopt(socket, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
    let request =
      "POST \(path) HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    guard write(socket, Array(request.utf8)), let (status, rest) = readHead(socket) else {
      Glibc.close(socket)
      throw .broken("the Docker Engine did not answer when a container's streams were asked for")
    }
    guard status == 101 || status == 200 else {
      Glibc.close(socket)
      throw .broken("the Docker Engine did not hand over a container's streams: status \(status)")
    }
    return (socket, rest)
  }

  private static func connect(_ address: DockerAddress) -> Int32? {
    let stream = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    switch address {
    case .unix(let path):
      let socket = Glibc.socket(AF_UNIX, stream, 0)
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      let bytes = Array(path.utf8)
      withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes.prefix($0.count - 1)) }
      return connected(socket, &name)
    case .tcp(let host, let port):
      guard host != "[::1]" else {
        let socket = Glibc.socket(AF_INET6, stream, 0)
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port.bigEndian
        name.sin6_addr = in6addr_loopback
        return connected(socket, &name)
      }
      let socket = Glibc.socket(AF_INET, stream, 0)
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = port.bigEndian
      name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      return connected(socket, &name)
    }
  }

  private static func connected<Name>(_ socket: Int32, _ name: inout Name) -> Int32? {
    guard socket >= 0 else { return nil }
    let status = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(socket, $0, socklen_t(MemoryLayout<Name>.size))
      }
    }
    if status == 0 { return socket }
    Glibc.close(socket)
    return nil
  }

  /// Status, and what came behind the head.
  private static func readHead(_ socket: Int32) -> (Int, [UInt8])? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    let end = Array("\r\n\r\n".utf8)
    while bytes.count < headBytesMax {
      let count = recv(socket, &chunk, chunk.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      bytes += chunk[..<count]
      guard let range = bytes.firstRange(of: end) else { continue }
      let words = String(decoding: bytes.prefix { $0 != 13 }, as: UTF8.self).split(separator: " ")
      guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
      return (status, Array(bytes[range.upperBound...]))
    }
    return nil
  }

  private static func write(_ socket: Int32, _ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  // MARK: The thread

  private func readToEnd(_ first: [UInt8]) {
    var frames = DockerFrames()
    var chunk = [UInt8](repeating: 0, count: Self.chunkSize)
    let socket = state.withLock { $0.socket }
    var isFine = deliver(&frames, first[...])
    while isFine, waitForMore(socket) {
      let count = recv(socket, &chunk, chunk.count, 0)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else { break }
      isFine = deliver(&frames, chunk[..<count])
    }
    state.withLock { state in
      Glibc.close(state.socket)
      state.socket = -1
    }
    onMessage(nil)
  }

  private func deliver(_ frames: inout DockerFrames, _ bytes: ArraySlice<UInt8>) -> Bool {
    do throws(SandboxError) {
      try frames.feed(bytes) { onMessage($0) }
      return true
    } catch {
      onMessage(.failure(error.failure.message))
      return false
    }
  }

  /// False when the container had its time. Looks again every second at least, because the deadline may be moved.
  private func waitForMore(_ socket: Int32) -> Bool {
    while true {
      let left = state.withLock { state -> Int in
        state.isEndless ? 1_000 : ContinuousClock.now.duration(to: state.deadline).milliseconds
      }
      if left <= 0 {
        state.withLock { $0.isPastDeadline = true }
        return false
      }
      var ready = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      if poll(&ready, 1, Int32(min(left, 1_000))) > 0 { return true }
    }
  }
}

/// Takes the Engine's frames apart: standard output is the launcher's frames, standard error is its last words.
struct DockerFrames {
  private var bytes: [UInt8] = []
  private var launcher = LauncherDecoder()
  private static let payloadMax = 32 << 20

  mutating func feed(
    _ more: ArraySlice<UInt8>, _ receive: (LauncherMessage) -> Void
  ) throws(SandboxError) {
    bytes += more
    var position = 0
    while bytes.count - position >= 8 {
      let head = bytes[position..<position + 8]
      let count = head.suffix(4).reduce(0) { $0 << 8 | Int($1) }
      guard count <= Self.payloadMax else { throw .broken("the Docker Engine sent a frame of \(count) bytes") }
      guard bytes.count - position - 8 >= count else { break }
      let payload = bytes[position + 8..<position + 8 + count]
      position += 8 + count
      if head.first == 1 {
        launcher.feed(payload)
        while let message = try launcher.next() { receive(message) }
      } else {
        receive(.failure(DockerClient.plain(String(decoding: payload, as: UTF8.self))))
      }
    }
    bytes.removeFirst(position)
  }
}
