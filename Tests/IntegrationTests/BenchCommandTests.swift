import Base
import Foundation
import Glibc
import TestKit
import Testing

/// `signalbox bench` from outside: that every workload works, and that nothing of it remains. No figure is judged.
@Suite(.timeLimit(.minutes(5))) struct BenchCommandTests {
  private static let controlWorkloads = [
    "program start", "status command", "status round trip", "node ready", "idle cpu", "idle memory", "stopped client",
  ]
  /// Whatever a bench makes for a while, it makes in here.
  private func makeFixture() throws -> NodeFixture {
    let fixture = try NodeFixture(["REDIS_URL": "redis://nobody.invalid:1"])
    try fixture.folder.write("tmp/.keep", "")
    return fixture
  }

  private func bench(_ fixture: NodeFixture, _ arguments: String...) async throws -> ProgramProcess.Outcome {
    try await ProgramProcess.run(
      fixture.executable, ["bench"] + arguments,
      .init(environment: environment(fixture), folder: fixture.folder.path), within: .seconds(120))
  }

  private func environment(_ fixture: NodeFixture) -> [String: String] {
    fixture.environment.merging(["TMPDIR": fixture.folder.file("tmp")]) { _, new in new }
  }

  /// Processes whose folders are those of this test. One that has ended but is not reaped has no environment.
  private func processes(_ fixture: NodeFixture) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []  // none: the test fails below
    #expect(names.contains("self"))
    return names.filter { name in
      guard Int(name) != nil, let bytes = FileManager.default.contents(atPath: "/proc/\(name)/environ") else {
        return false
      }
      return String(decoding: bytes, as: UTF8.self).contains("\(fixture.folder.path)/tmp/signalbox-bench-")
    }
  }

  private func leavings(_ fixture: NodeFixture) -> [String] {
    // A folder that cannot be listed shows as one that is not as it was.
    (try? FileManager.default.contentsOfDirectory(atPath: fixture.folder.file("tmp"))) ?? ["?"]
  }

  @Test func withoutANodeItMeasuresOneOfItsOwnAndLeavesNothing() async throws {
    let fixture = try makeFixture()
    let outcome = try await bench(fixture, "control", "console", "--json", "--quick")
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    let report = try NodeFixture.object(outcome.standardOutput)
    let results = try #require(report["results"] as? [[String: Any]])
    let control = results.filter { $0["suite"] as? String == "control" }
    #expect(control.map { $0["name"] as? String } == Self.controlWorkloads)
    #expect(Set(results.map { $0["suite"] as? String }) == ["control", "console"])
    for result in results {
      #expect(result["target"] is Double && result["met"] is Bool && (result["value"] as? Double ?? -1) >= 0)
      #expect((result["samples"] as? Int ?? 0) > 0)
    }
    #expect(!((report["commit"] as? String) ?? "").isEmpty)
    #expect(leavings(fixture) == [".keep"])
    #expect(processes(fixture).isEmpty)
    #expect(access(fixture.socket, F_OK) != 0, "the node was not at the user's own socket")

    let history = try await bench(fixture, "--history", "--json")
    #expect(history.status == .exited(0), "\(history.standardError)")
    #expect(history.standardOutput.contains(try #require(report["id"] as? String)))
  }

  @Test func theCacheIsMeasuredOnARedisOfItsOwnWithItsPeers() async throws {
    let fixture = try makeFixture()
    let outcome = try await bench(fixture, "cache", "--json", "--quick")
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    let results = try #require(try NodeFixture.object(outcome.standardOutput)["results"] as? [[String: Any]])
    #expect(results.allSatisfy { $0["suite"] as? String == "cache" } && results.count >= 9)
    #expect(results.contains { $0["unit"] as? String == "x" }, "a peer ran beside it")
    #expect(leavings(fixture) == [".keep"])
    #expect(processes(fixture).isEmpty)
  }

  @Test func theGatewayIsMeasuredByClientsInOtherProcesses() async throws {
    let fixture = try makeFixture()
    let outcome = try await bench(fixture, "gateway", "--json", "--quick")
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    let results = try #require(try NodeFixture.object(outcome.standardOutput)["results"] as? [[String: Any]])
    #expect(results.allSatisfy { $0["suite"] as? String == "gateway" } && results.count >= 20)
    #expect(results.contains { ($0["name"] as? String)?.hasPrefix("two nodes") == true })
    #expect(leavings(fixture) == [".keep"])
    #expect(processes(fixture).isEmpty)
  }

  @Test func withANodeTheRunIsInItsHistoryAndStatus() async throws {
    let fixture = try makeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let outcome = try await bench(fixture, "control", "--json", "--quick")
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    let report = try NodeFixture.object(outcome.standardOutput)
    let id = try #require(report["id"] as? String)
    let history = try await bench(fixture, "--history", "--json")
    #expect(history.standardOutput.contains(id))
    let status = try await fixture.json("status", "--json")
    let summary = try #require(status["bench"] as? [String: Any])
    #expect(summary["lastRun"] as? Int == report["timeMilliseconds"] as? Int)
    #expect((summary["met"] as? Int ?? 0) + (summary["missed"] as? Int ?? 0) == Self.controlWorkloads.count)
    #expect(node.isRunning && processes(fixture).isEmpty)
  }

  @Test func aWorseFigureThanInTheComparedRunExitsWithOne() async throws {
    let fixture = try makeFixture()
    let first = try await bench(fixture, "control", "--json", "--quick")
    for (id, value, code) in [("unreachable", 1e-7, Int32(1)), ("hopeless", 1e12, 0)] {
      var report = try NodeFixture.object(first.standardOutput)
      let results = try #require(report["results"] as? [[String: Any]])
      report["id"] = id
      report["results"] = results.map { result in
        result.merging(["value": value]) { _, new in new }.filter { $0.key != "noise" }
      }
      try fixture.folder.write("state/bench/\(id).json", bytes: Array(JSONSerialization.data(withJSONObject: report)))
      let compared = try await bench(fixture, "control", "--json", "--quick", "--compare", id)
      #expect(compared.status == .exited(code), "\(compared.standardError)")
      #expect(compared.standardError.contains("worse than run \(id)") == (code == 1))
      _ = try NodeFixture.object(compared.standardOutput)
    }
  }

  @Test func whatCannotBeMeasuredIsRefusedBeforeANodeStarts() async throws {
    let fixture = try makeFixture()
    let unknown = try await bench(fixture, "no-such-suite")
    #expect(unknown.status == .exited(64))
    #expect(unknown.standardError.split(separator: "\n").count == 1, "\(unknown.standardError)")
    let missing = try await bench(fixture, "--compare", "17")
    #expect(missing.status == .exited(1))
    #expect(missing.standardError.split(separator: "\n").count == 1, "\(missing.standardError)")
    #expect(access(fixture.state, F_OK) != 0)
  }

  @Test func ctrlCEndsTheNodeOfTheBenchAndLeavesNothing() async throws {
    let fixture = try makeFixture()
    let run = try ProgramProcess(
      fixture.executable, ["bench", "--json"],
      .init(environment: environment(fixture), folder: fixture.folder.path))
    defer { run.kill() }
    #expect(await eventually { run.standardError.contains("control/program start") })
    #expect(!processes(fixture).isEmpty)
    run.signal(SIGINT)
    let outcome = try await run.outcome()
    #expect(outcome.status == .exited(130), "\(outcome.standardError)")
    #expect(outcome.standardOutput.isEmpty)
    #expect(processes(fixture).isEmpty)
    #expect(leavings(fixture) == [".keep"])
    #expect(access(fixture.state, F_OK) != 0, "a run that was not finished is in no history")
  }
}
