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
    let rows = GatewayWorkloads.all(
      Workbench(executable: "/nonexistent", folder: "/nonexistent", isQuick: true), peers: [])
    #expect(Set(rows.map(\.name)).count == rows.count && rows.allSatisfy { $0.suite == "gateway" })
    #expect(rows.count { $0.target != nil } >= 10)
  }

  /// A peer is installed or not as the machine pleases; one that is must serve the clients that measure it.
  @Test func installedPeersServeALoadFromAProcessOfItsOwn() async throws {
    for peer in await GatewayPeer.installed() {
      let folder = try TemporaryFolder()
      let bench = Workbench(executable: try signalboxExecutable(), folder: folder.path, isQuick: true)
      let stage = try await GatewayStage.open(bench, .init(nodes: 0, peer: peer))
      defer { stage.close() }
      var scenario = LoadScenario()
      scenario.clients = 20
      scenario.rooms = 2
      scenario.inFlight = 4
      scenario.publishers = 2
      let report = try #require(try await stage.loadOnPeer(scenario))
      #expect(report.published > 4 && report.expected == report.published * 10, "\(peer.name)")
      #expect(report.lost == 0 && report.orderViolations == 0 && report.drops == 0, "\(peer.name): \(report)")
      #expect(report.latency.samples > 0 && report.residentBytesBefore ?? 0 > 0)
    }
  }

  @Test func aLoadThatFailsSaysWhy() async throws {
    let folder = try TemporaryFolder()
    let bench = Workbench(executable: try signalboxExecutable(), folder: folder.path, isQuick: true)
    let stage = try await GatewayStage.open(bench, .init(nodes: 0))
    defer { stage.close() }
    let failure = await #expect(throws: Failure.self) { _ = try await stage.load(LoadScenario()) }
    #expect(failure?.message.contains("ports") == true)
    #expect(try await stage.loadOnPeer(LoadScenario()) == nil)
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
