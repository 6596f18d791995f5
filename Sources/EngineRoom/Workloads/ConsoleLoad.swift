internal import Base
internal import ControlPlane
internal import ControlSocket
internal import FoundationEssentials
internal import Glibc
internal import Load

/// A node at work: thousands of Socket.IO clients at human pace, a project that is indexed from scratch all the time,
/// and a bench that runs. A console is attached to it.
final class ConsoleLoad: Sendable {
  private static let sockets = 5_000
  private static let files = 2_000
  private static let comingDeadline = Duration.seconds(120)
  private static let project = ProjectID(folderName: "corpus")

  let node: BenchNode
  private let crowd: BenchChild
  private let work: Task<Void, Never>

  /// Returns when everybody is there and the first reindex runs.
  init(_ bench: Workbench) async throws(Failure) {
    let node = try await bench.startNode()
    var crowd: BenchChild?
    do throws(Failure) {
      let client = try await ControlClient.connect(path: node.socketPath, hello: BenchNode.hello)
      let folder = "\(bench.folder)/corpus-\(node.gatewayPort)"
      guard mkdir(folder, 0o700) == 0 else { throw Failure(.unavailable, "cannot make \(folder)") }
      let corpus = try await IndexCorpus.make(in: folder, files: bench.isQuick ? 60 : Self.files)
      _ = try await client.perform(.addProject(path: corpus.path, id: Self.project))
      let came = try Self.startCrowd(bench, node)
      crowd = came
      try await Self.wait(for: bench.isQuick ? 20 : Self.sockets, client, came, bench)
      (self.node, self.crowd) = (node, came)
      work = Task { await Self.workOn(client) }
    } catch {
      crowd?.kill()
      node.child.kill()
      throw error
    }
  }

  func console(_ bench: Workbench) async throws(Failure) -> BenchConsole {
    try await BenchConsole.attached(bench, to: node)
  }

  func close() async {
    work.cancel()
    crowd.kill()
    node.child.kill()
    await work.value
  }

  private static func startCrowd(_ bench: Workbench, _ node: BenchNode) throws(Failure) -> BenchChild {
    var scenario = CrowdScenario()
    scenario.port = node.gatewayPort
    scenario.viewers = bench.isQuick ? 20 : sockets
    scenario.isSteady = true
    // More would be a test of the gateway, which has one of its own.
    scenario.agents = bench.isQuick ? 2 : 8
    let json: String
    do { json = String(decoding: try JSONEncoder().encode(scenario), as: UTF8.self) } catch {
      throw Failure(.internal, "a scenario has no JSON")
    }
    return try BenchChild(
      bench.executable,
      .init(
        arguments: ["load", "--crowd", json],
        environment: BenchNode.environment(folder: bench.folder, socket: "\(bench.folder)/none"),
        output: "\(bench.folder)/crowd-\(node.gatewayPort)"))
  }

  private static func wait(
    for count: Int, _ client: ControlClient, _ crowd: BenchChild, _ bench: Workbench
  ) async throws(Failure) {
    let end = ContinuousClock.now + comingDeadline
    while try await client.snapshot().gateway?.connections ?? 0 < count {
      if crowd.hasEnded { throw Failure(.internal, "the clients of the bench ended") }
      guard ContinuousClock.now < end else {
        throw Failure(.timeout, "\(count) clients did not come within \(comingDeadline)")
      }
      try await bench.sleep(.milliseconds(100))
    }
  }

  /// Until cancelled. What fails is tried again: the figures are of the console and not of this.
  private static func workOn(_ client: ControlClient) async {
    await withTaskGroup(of: Void.self) { tasks in
      let bench = BenchOptions(suites: ["control"], isLiveConfirmed: true, isQuick: true)
      for command in [Command.reindex(ReindexRequest(project: project, isFull: true)), .runBench(bench)] {
        tasks.addTask {
          while !Task.isCancelled {
            _ = try? await client.perform(command)
            // A cancelled sleep is seen at the next turn.
            try? await Task.sleep(for: .milliseconds(50))
          }
        }
      }
    }
    await client.close()
  }
}
