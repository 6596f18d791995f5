public import Base
internal import ControlPlane
internal import ControlSocket
internal import FoundationEssentials
internal import Glibc

/// A node of a bench: a process with its own state folder, socket and port, which shares nothing with production.
public final class BenchNode: Sendable {
  /// From start to the first `ready` on its control socket.
  private static let readyDeadline = Duration.seconds(60)
  /// Between two looks at the socket; a figure of `node ready` is at most this too large.
  private static let lookInterval = Duration.milliseconds(1)
  /// Another process may take the port between our look and the node's bind.
  private static let attemptsMax = 3
  /// How long a graceful stop may take; less than what a command has for cleaning up after Ctrl-C.
  private static let stopDeadline = Duration.milliseconds(1_200)

  public let socketPath: String
  /// Where its sockets connect.
  let gatewayPort: UInt16
  /// From before the start of the process until it answered that it is ready.
  let readyDuration: Duration
  let child: BenchChild
  /// Its output, and with it its last words.
  private let said: String

  var processID: Int32 { child.processID }

  private init(socketPath: String, gatewayPort: UInt16, readyDuration: Duration, child: BenchChild, said: String) {
    self.said = said
    self.socketPath = socketPath
    self.gatewayPort = gatewayPort
    self.readyDuration = readyDuration
    self.child = child
  }

  /// Starts `executable` as a node that keeps everything in `folder`, and returns when it is ready. `hasOwnSession`:
  /// the terminal's Ctrl-C does not reach it, and stopping it ends its descendants too. `settings` are by the names of
  /// the environment. Throws what it said when it cannot start, `timeout`, or `unavailable` when the task is cancelled;
  /// no process is left then.
  public static func start(
    executable: String, folder: String, hasOwnSession: Bool = false, settings: [String: String] = [:]
  ) async throws(Failure) -> BenchNode {
    var attempt = 1
    while true {
      do throws(Failure) {
        return try await startOnce(executable, "\(folder)/\(attempt)", hasOwnSession, settings)
      } catch {
        guard error.code == .conflict, attempt < attemptsMax else { throw error }
        attempt += 1
      }
    }
  }

  /// What went wrong; when it is that the node has ended, how it did.
  func explained(_ failure: Failure) -> Failure {
    guard child.hasEnded else { return failure }
    let status = child.kill()
    return Failure(
      .internal, "the node that was measured ended with wait status \(status): \(Self.lastLine(of: said))")
  }

  /// Asks it to stop, and ends it when it does not.
  public func stop() async {
    child.send(SIGTERM)
    _ = await child.end(within: Self.stopDeadline)
  }

  /// The environment of a program that is to reach the node at `socket` and nothing of production.
  static func environment(folder: String, socket: String) -> [String: String] {
    [
      "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8",
      "XDG_CONFIG_HOME": "\(folder)/config", "SIGNALBOX_STATE": "\(folder)/state", "SIGNALBOX_SOCKET": socket,
      // The runtime's crash reporter is a second program that takes seconds to start.
      "SWIFT_BACKTRACE": "enable=no", "WEBSOCKET_PORT": "0",
    ]
  }

  private static func startOnce(
    _ executable: String, _ folder: String, _ hasOwnSession: Bool, _ settings: [String: String]
  ) async throws(Failure) -> BenchNode {
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
      throw Failure(.unavailable, "cannot make \(folder): \(String(cString: strerror(errno)))")
    }
    let socket = "\(folder)/socket"
    var launch = BenchChild.Launch(
      arguments: ["--no-tui"], environment: environment(folder: folder, socket: socket), output: "\(folder)/said",
      hasOwnSession: hasOwnSession)
    let gatewayPort = try freePort()
    launch.environment["SIGNALBOX_API_PORT"] = "\(try freePort())"
    launch.environment["WEBSOCKET_PORT"] = "\(gatewayPort)"
    launch.environment.merge(settings) { _, setting in setting }
    let began = ContinuousClock.now
    let child = try BenchChild(executable, launch)
    do throws(Failure) {
      try await waitUntilReady(child, socket, said: launch.output)
      return BenchNode(
        socketPath: socket, gatewayPort: gatewayPort, readyDuration: began.duration(to: .now), child: child,
        said: launch.output)
    } catch {
      child.kill()
      throw error
    }
  }

  private static func waitUntilReady(_ child: BenchChild, _ socket: String, said: String) async throws(Failure) {
    let end = ContinuousClock.now + readyDeadline
    while ContinuousClock.now < end {
      if Task.isCancelled { throw Failure(.unavailable, "the bench was cancelled") }
      if await isReady(socket) { return }
      if child.hasEnded { throw Failure(.conflict, "a node of the bench ended at its start: \(lastLine(of: said))") }
      // A cancelled sleep is seen at the next turn.
      try? await Task.sleep(for: lookInterval)
    }
    throw Failure(.timeout, "a node of the bench was not ready within \(readyDeadline)")
  }

  private static func isReady(_ socket: String) async -> Bool {
    guard access(socket, F_OK) == 0 else { return false }
    do throws(Failure) {
      return try await withControlClient(path: socket, hello: hello) { $0.welcome.phase == .ready }
    } catch {
      return false  // not yet; the caller's deadline decides
    }
  }

  static let hello = ControlHello(version: Version.current, operatorLabel: "bench", origin: .commandLine)

  private static func lastLine(of path: String) -> String {
    guard let data = FileManager.default.contents(atPath: path),
      let line = String(decoding: data.suffix(2_000), as: UTF8.self).split(separator: "\n").last
    else { return "it said nothing" }
    return String(line)
  }

  /// A TCP port of loopback that nothing listens on now.
  static func freePort() throws(Failure) -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(.unavailable, "cannot make a socket") }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
      }
    }
    guard isBound else { throw Failure(.unavailable, "found no free TCP port on 127.0.0.1") }
    return UInt16(bigEndian: address.sin_port)
  }
}
