internal import Base
internal import Glibc
internal import Synchronization

/// One running launcher: its process, the engine's end of its socket, and the thread that reads from it. The thread
/// ends with the launcher; closing our end makes the launcher kill its sandbox and end.
final class LauncherProcess: Sendable {
  private struct State {
    var socket: Int32
    var deadline: ContinuousClock.Instant?
  }

  private let process: pid_t
  private let state: Mutex<State>
  /// What the thread does with each message, in order; nil after the last.
  private let onMessage: @Sendable (LauncherProcess, LauncherMessage?) -> Void

  private static let chunkSize = 64 * 1_024
  /// For a launcher that is told to end, or that does not read.
  private static let patience = Duration.seconds(10)
  private static let socketInLauncher: Int32 = 3

  /// Sends the plan. `deadline`: when a launcher that has not ended by itself is killed; nil for one that runs on.
  static func start(
    _ executable: String, _ plan: LaunchPlan, deadline: Duration?,
    onMessage: @escaping @Sendable (LauncherProcess, LauncherMessage?) -> Void
  ) throws(SandboxError) -> LauncherProcess {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw .broken("cannot make a socket: \(String(cString: strerror(errno)))")
    }
    let spawned = spawn(executable, socket: ends[1])
    close(ends[1])
    guard let process = spawned else {
      close(ends[0])
      throw .unavailable("\(executable) cannot be started", fix: "install sandbox-launcher beside signalbox")
    }
    // A launcher that does not read is broken; nobody waits for it without end.
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    let launcher = LauncherProcess(
      process, ends[0], deadline.map { ContinuousClock.now.advanced(by: $0) }, onMessage)
    launcher.startThread()
    launcher.write(plan.bytes)
    return launcher
  }

  private init(
    _ process: pid_t, _ socket: Int32, _ deadline: ContinuousClock.Instant?,
    _ onMessage: @escaping @Sendable (LauncherProcess, LauncherMessage?) -> Void
  ) {
    self.process = process
    self.onMessage = onMessage
    state = Mutex(State(socket: socket, deadline: deadline))
  }

  private static func spawn(_ executable: String, socket: Int32) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor: Int32 in 0...2 {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, socket, socketInLauncher)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own, so that a Ctrl-C on the terminal reaches us alone; no signal blocked or ignored.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    let name = strdup(executable)
    defer { free(name) }
    var process: pid_t = 0
    guard posix_spawn(&process, executable, &actions, &attributes, [name, nil], [nil]) == 0 else { return nil }
    return process
  }

  func send(_ tag: Character, _ payload: [UInt8] = []) { send([(tag, payload)]) }

  /// In one piece. A payload that is larger than a frame becomes several.
  func send(_ frames: [(tag: Character, payload: [UInt8])]) {
    var out: [UInt8] = []
    for (tag, payload) in frames {
      var rest = payload[...]
      repeat {
        LaunchPlan.frame(&out, tag, rest.prefix(1 << 20))
        rest = rest.dropFirst(1 << 20)
      } while !rest.isEmpty
    }
    write(out)
  }

  /// Ends the sandbox, if it has not ended. The thread still delivers what comes until the launcher is gone.
  func hangUp() {
    state.withLock { state in
      if state.socket >= 0 { shutdown(state.socket, Int32(SHUT_WR)) }
    }
  }

  /// From now on the launcher has this long to end by itself; nil: no end is due.
  func expectEnd(within limit: Duration?) {
    state.withLock { $0.deadline = limit.map { ContinuousClock.now.advanced(by: $0) } }
  }

  private func write(_ bytes: [UInt8]) {
    state.withLock { state in
      var sent = 0
      while state.socket >= 0, sent < bytes.count {
        let count = bytes.withUnsafeBytes {
          Glibc.send(state.socket, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno == EINTR { continue }
        // The reading side hears of the end and says why.
        guard count > 0 else { return }
        sent += count
      }
    }
  }

  // MARK: The thread

  private func startThread() {
    if DetachedThread.start({ self.readToEnd() }) != 0 { end() }
  }

  private func readToEnd() {
    var decoder = LauncherDecoder()
    var chunk = [UInt8](repeating: 0, count: Self.chunkSize)
    let socket = state.withLock { $0.socket }
    reading: while waitForMore(socket) {
      let count = recv(socket, &chunk, chunk.count, 0)
      if count < 0, errno == EINTR || errno == EAGAIN { continue }
      guard count > 0 else { break }
      decoder.feed(chunk[..<count])
      do {
        while let message = try decoder.next() { onMessage(self, message) }
      } catch {
        onMessage(self, .failure("\(error.failure.message)"))
        break reading
      }
    }
    end()
  }

  /// False when the launcher had its time. Looks again every second, because the deadline may be moved.
  private func waitForMore(_ socket: Int32) -> Bool {
    while true {
      var ready = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      if poll(&ready, 1, 1_000) > 0 { return true }
      let isOver = state.withLock { $0.deadline.map { $0 < .now } ?? false }
      if isOver { return false }
    }
  }

  /// The launcher holds its end of the socket until it is gone: end of file is the sign that no process of it is left
  /// to wait for. One that still holds it is told to end, and killed when it does not.
  private func end() {
    let socket = state.withLock { state in
      defer { state.socket = -1 }
      return state.socket
    }
    shutdown(socket, Int32(SHUT_WR))
    if !isClosed(socket, within: Self.patience) { kill(process, SIGKILL) }
    close(socket)
    while waitpid(process, nil, 0) < 0, errno == EINTR {}
    onMessage(self, nil)
  }

  /// Throws away what still comes.
  private func isClosed(_ socket: Int32, within limit: Duration) -> Bool {
    let deadline = ContinuousClock.now.advanced(by: limit)
    var chunk = [UInt8](repeating: 0, count: Self.chunkSize)
    while true {
      let left = ContinuousClock.now.duration(to: deadline).milliseconds
      var ready = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      guard left > 0 else { return false }
      guard poll(&ready, 1, Int32(left)) > 0 else { continue }
      let count = recv(socket, &chunk, chunk.count, 0)
      if count == 0 || count < 0 && errno != EINTR && errno != EAGAIN { return true }
    }
  }
}
