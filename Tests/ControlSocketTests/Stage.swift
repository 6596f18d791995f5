import Base
import ControlPlane
import Glibc
import Logging
import Testing

@testable import ControlSocket

/// Everything a test of the socket needs: a folder of its own, a server that runs, and its end.
struct Stage {
  let folder: String
  let path: String
  let desk: Desk
  let server: ControlServer

  static let hello = ControlHello(version: "1.2.3", operatorLabel: "mira", origin: .commandLine)

  func client(_ hello: ControlHello = Stage.hello) async throws -> ControlClient {
    try await ControlClient.connect(path: path, hello: hello, deadline: .seconds(60))
  }
}

func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
  var template = Array("/tmp/sbx-XXXXXX".utf8CString)
  try #require(mkdtemp(&template) != nil)
  let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer {
    for name in ["s", "s2", "old", "file"] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }
  return try await body(folder)
}

func makeServer(
  _ path: String, desk: Desk, change: (inout ControlServer.Configuration) -> Void = { _ in }
) -> ControlServer {
  var configuration = ControlServer.Configuration(path: path)
  change(&configuration)
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  return ControlServer(
    configuration: configuration, doorkeeper: desk,
    welcome: { ControlWelcome(node: "0badcafe", version: "1.2.3", phase: .ready) }, logger: logger)
}

/// Listens before `body` runs, so that nobody has to wait for it.
func withServer(
  change: (inout ControlServer.Configuration) -> Void = { _ in }, _ body: (Stage) async throws -> Void
) async throws {
  try await withFolder { folder in
    let desk = Desk()
    let server = makeServer("\(folder)/s", desk: desk, change: change)
    try await server.listen()
    try await running(server) {
      try await body(Stage(folder: folder, path: "\(folder)/s", desk: desk, server: server))
    }
  }
}

/// Runs the server beside `body`, and cancels it after.
func running(_ server: ControlServer, _ body: () async throws -> Void) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      do { try await server.run() } catch is CancellationError {}
    }
    defer { group.cancelAll() }
    try await body()
  }
}

/// Looks again and again until the condition holds; the deadline is for a machine that is very slow.
func eventually(
  _ what: Comment, within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while ContinuousClock.now < end {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(5))
  }
  Issue.record(what, sourceLocation: sourceLocation)
  throw Failure(.timeout, "\(what)")
}

func failure(_ body: () async throws -> Void) async -> Failure? {
  do {
    try await body()
    return nil
  } catch {
    return error as? Failure
  }
}
