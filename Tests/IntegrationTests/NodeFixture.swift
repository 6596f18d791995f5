import Base
import Foundation
import Glibc
import TestKit
import Testing

/// A real node: the built program in a process of its own, with its own state folder, socket and port.
final class NodeFixture: Sendable {
  let folder: TemporaryFolder
  let port: Int
  let executable: String
  let environment: [String: String]

  var state: String { folder.file("state") }
  var socket: String { folder.file("run/signalbox.sock") }

  init(_ changes: [String: String?] = [:]) throws {
    folder = try TemporaryFolder()
    port = Int(try FreePort.next())
    executable = try signalboxExecutable()
    try folder.write("run/.keep", "")
    #expect(chmod(folder.file("run"), 0o700) == 0)
    var settings: [String: String?] = [
      "SIGNALBOX_STATE": folder.file("state"), "XDG_RUNTIME_DIR": folder.file("run"),
      "XDG_CONFIG_HOME": folder.file("config"), "HOME": folder.path, "SIGNALBOX_API_PORT": "\(port)",
      // Any free one: `status` says which.
      "WEBSOCKET_PORT": "0",
      // Interpreters that wait for a program cost every node of every test its start.
      "SANDBOX_WARM_PYTHON": "0", "SANDBOX_WARM_NODE": "0",
      // The runtime's own crash reporter takes seconds to start and is not what is tested.
      "SWIFT_BACKTRACE": "enable=no",
    ]
    settings.merge(changes) { _, change in change }
    environment = Environment.clean(settings)
  }

  /// A headless node in the foreground; returns when it is ready.
  func start(_ arguments: [String] = ["--no-tui"]) async throws -> ProgramProcess {
    let node = try spawn(arguments)
    let isReady = await eventually {
      !node.isRunning || HTTPProbe.request("/health/ready", port: self.port)?.status == 200
    }
    try #require(isReady && node.isRunning, "the node did not come up: \(node.standardError)")
    return node
  }

  func spawn(_ arguments: [String]) throws -> ProgramProcess {
    try ProgramProcess(executable, arguments, .init(environment: environment, folder: folder.path))
  }

  /// Runs a command to its end.
  func run(_ arguments: String..., changes: [String: String?] = [:]) async throws -> ProgramProcess.Outcome {
    var environment = environment
    for (name, value) in changes { environment[name] = value }
    return try await ProgramProcess.run(
      executable, arguments, .init(environment: environment, folder: folder.path))
  }

  func json(_ arguments: String...) async throws -> [String: Any] {
    let outcome = try await ProgramProcess.run(
      executable, arguments, .init(environment: environment, folder: folder.path))
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    return try Self.object(outcome.standardOutput)
  }

  static func object(_ text: String) throws -> [String: Any] {
    let any = try JSONSerialization.jsonObject(with: Data(text.utf8))
    return try #require(any as? [String: Any])
  }
}
