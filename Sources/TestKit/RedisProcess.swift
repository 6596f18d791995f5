public import Base
internal import Glibc
internal import Synchronization

/// A real redis-server of one test, on a free loopback port or a Unix socket in a temporary folder, without
/// persistence. It is killed with the object, whatever state it is in.
public final class RedisProcess: Sendable {
  public enum Listener: Sendable {
    case port
    case unixSocket
  }

  public let folder: TemporaryFolder
  private let listener: Listener
  private let state: Mutex<State>

  private struct State {
    var process: ProgramProcess?
    var port: UInt16 = 0
  }

  /// Starts the server and returns when it answers.
  public init(_ listener: Listener = .port) async throws(Failure) {
    self.listener = listener
    folder = try TemporaryFolder()
    state = Mutex(State())
    try await start()
  }

  deinit { kill() }

  /// What `REDIS_URL` takes.
  public var url: String {
    switch listener {
    case .port: "redis://127.0.0.1:\(port)"
    case .unixSocket: "unix://\(socketPath)"
    }
  }

  /// 0 on a Unix socket.
  public var port: UInt16 { state.withLock { $0.port } }
  public var socketPath: String { folder.file("redis.sock") }
  public var isRunning: Bool { state.withLock { $0.process?.isRunning ?? false } }

  /// Starts it again after `stop` or `kill`, at the same address. Another program may have taken a port that was free a
  /// moment ago, so a first start tries a few.
  public func start() async throws(Failure) {
    guard !isRunning else { return }
    var said = ""
    for _ in 0..<5 {
      let port = try choosePort()
      let process = try ProgramProcess("redis-server", arguments(port), .init(folder: folder.path))
      let isReady = await eventually { self.answers(port) || !process.isRunning }
      if isReady, process.isRunning {
        state.withLock { $0 = State(process: process, port: port) }
        return
      }
      said = process.standardOutput
      process.kill()
      if state.withLock({ $0.port }) != 0 || listener == .unixSocket { break }
    }
    throw Failure(.unavailable, "redis-server did not start: \(said)")
  }

  /// Asks it to end (SIGTERM) and waits for that.
  public func stop() async {
    guard let process = state.withLock({ $0.process }) else { return }
    process.signal(SIGCONT)
    process.signal(SIGTERM)
    _ = await eventually { !process.isRunning }
    kill()
  }

  /// `kill -9`.
  public func kill() { state.withLock { $0.process }?.kill() }

  public func restart() async throws(Failure) {
    await stop()
    try await start()
  }

  /// Stops its clock (SIGSTOP): connections stay open and nothing answers.
  public func pause() { state.withLock { $0.process }?.signal(SIGSTOP) }

  public func resume() { state.withLock { $0.process }?.signal(SIGCONT) }

  /// Whether a PING is answered within a second.
  public func isAnswering() -> Bool { answers(port) }

  private func choosePort() throws(Failure) -> UInt16 {
    let known = state.withLock { $0.port }
    if known != 0 { return known }
    return listener == .port ? try FreePort.next() : 0
  }

  private func arguments(_ port: UInt16) -> [String] {
    let common = ["--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder.path]
    return listener == .port ? common : common + ["--unixsocket", socketPath, "--unixsocketperm", "700"]
  }

  private func answers(_ port: UInt16) -> Bool {
    let descriptor = listener == .port ? LoopbackSocket.connect(port: port) : LoopbackSocket.connect(path: socketPath)
    guard let descriptor else { return false }
    defer { close(descriptor) }
    let question = Array("PING\r\n".utf8)
    guard send(descriptor, question, question.count, Int32(MSG_NOSIGNAL)) == question.count else {
      return false
    }
    var answer = [UInt8](repeating: 0, count: 7)
    return recv(descriptor, &answer, answer.count, 0) == 7 && answer.starts(with: "+PONG".utf8)
  }
}
