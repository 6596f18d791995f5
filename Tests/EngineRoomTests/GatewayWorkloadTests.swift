import Base
import Bench
import Load
import TestKit
import Testing

@testable import EngineRoom

/// The `gateway` suite but for the node: its rows, and the peers that stand beside it. A whole run is an integration
/// test.
@Suite(.timeLimit(.minutes(2))) struct GatewayWorkloadTests {
  @Test func rowsHaveNamesOfTheirOwn() throws {
    let rows = GatewayWorkloads.all(Workbench(executable: "/nonexistent", folder: "/nonexistent", isQuick: true))
    #expect(Set(rows.map(\.name)).count == rows.count && rows.allSatisfy { $0.suite == "gateway" })
    #expect(rows.count { $0.target != nil } >= 10)
  }

  /// A peer is installed or not as the machine pleases; one that is must serve the clients that measure it.
  @Test func installedPeersServeALoad() async throws {
    for peer in GatewayPeer.installed {
      let folder = try TemporaryFolder()
      let bench = Workbench(executable: "/nonexistent", folder: folder.path, isQuick: true)
      let (child, port) = try await peer.start(bench)
      defer { child.kill() }
      var scenario = LoadScenario()
      scenario.ports = [port]
      scenario.serverProcesses = [child.processID]
      scenario.clients = 20
      scenario.rooms = 2
      scenario.inFlight = 4
      scenario.publishers = 2
      scenario.warmUpSeconds = 0
      scenario.seconds = 0.3
      let report = try LoadRun(scenario).run()
      #expect(report.published > 4 && report.expected == report.published * 10, "\(peer.name)")
      #expect(report.lost == 0 && report.orderViolations == 0 && report.drops == 0, "\(peer.name): \(report)")
      _ = try GatewayWorkloads.perCPUSecond(report)
    }
  }

  @Test func aLoadThatLostSomethingIsNoFigure() throws {
    var report = LoadReport()
    _ = try GatewayWorkloads.whole(report)
    report.lost = 1
    #expect(throws: Failure.self) { _ = try GatewayWorkloads.whole(report) }
    report.lost = 0
    report.drops = 1
    #expect(throws: Failure.self) { _ = try GatewayWorkloads.whole(report) }
  }
}
