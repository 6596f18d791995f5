internal import Base
internal import FoundationEssentials
internal import Load

/// Some hundred Socket.IO clients in a process of their own (`signalbox load --crowd`).
struct DemoClients: Sendable {
  private static let startsMax = 5
  /// Nobody looks at a demo for a week.
  private static let deadline = Duration.seconds(7 * 24 * 3_600)

  let projects: [String]

  /// Until cancelled. Clients that end by themselves are started again, a few times.
  func run(_ stage: DemoStage) async {
    for _ in 0..<Self.startsMax {
      do throws(Failure) { try await start(stage) } catch {
        guard !Task.isCancelled else { return }
        stage.tell("clients: \(error.line)")
      }
      await stage.rest(DemoStage.patience)
    }
  }

  private func start(_ stage: DemoStage) async throws(Failure) {
    var scenario = CrowdScenario()
    scenario.port = stage.node.gatewayPort
    scenario.projects = projects
    let json: String
    do { json = String(decoding: try JSONEncoder().encode(scenario), as: UTF8.self) } catch {
      throw Failure(.internal, "a scenario has no JSON")
    }
    let launch = BenchChild.Launch(
      arguments: ["load", "--crowd", json],
      environment: BenchNode.environment(folder: stage.folder, socket: "\(stage.folder)/none"),
      output: "\(stage.folder)/clients", hasOwnSession: true)
    let child = try BenchChild(stage.executable, launch)
    stage.tell("clients: \(scenario.agents) agents and \(scenario.viewers + scenario.slow) viewers are coming")
    let (status, _) = await child.end(within: Self.deadline)
    throw Failure(.unavailable, "the clients ended with wait status \(status)")
  }
}
