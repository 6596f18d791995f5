internal import Base
internal import ControlPlane
internal import ControlSocket
internal import Pty
internal import Synchronization

/// A node of the bench, a console attached to it, and a client that gives it commands: what they write into the log and
/// the audit has no place in the node of the user.
final class ConsoleStage: Sendable {
  /// The cheapest command: its audit, its log line, and their events.
  private static let command = Command.setLogLevel(.info)

  let node: BenchNode
  let console: BenchConsole
  private let client: ControlClient

  /// `logLines`: at least so many are in the log when the console opens.
  init(
    _ bench: Workbench, width: Int = BenchConsole.width, height: Int = BenchConsole.height, logLines: Int = 0
  ) async throws(Failure) {
    node = try await bench.startNode()
    var client: ControlClient?
    do throws(Failure) {
      let connected = try await ControlClient.connect(path: node.socketPath, hello: BenchNode.hello)
      client = connected
      for _ in 0..<logLines { _ = try await connected.perform(Self.command) }
      console = try await BenchConsole.attached(bench, to: node, width: width, height: height)
      self.client = connected
    } catch {
      await client?.close()
      node.child.kill()
      throw error
    }
  }

  func writeLogLine() async throws(Failure) { _ = try await client.perform(Self.command) }

  func close() async {
    console.session.close()
    await client.close()
    node.child.kill()
  }
}

/// Where a workload keeps its stage between `prepare` and `cleanup`.
final class ConsoleStageSlot: Sendable {
  private let value = Mutex<ConsoleStage?>(nil)

  func set(_ stage: ConsoleStage) { value.withLock { $0 = stage } }

  func get() throws(Failure) -> ConsoleStage {
    guard let stage = value.withLock({ $0 }) else { throw Failure(.internal, "it was not prepared") }
    return stage
  }

  func close() async { await value.withLock { $0 }?.close() }
}
