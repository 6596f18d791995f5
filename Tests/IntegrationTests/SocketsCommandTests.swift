import Base
import Glibc
import TestKit
import Testing

/// `signalbox sockets …` where there is nothing to ask, and where it was asked wrongly.
@Suite(.timeLimit(.minutes(2))) struct SocketsCommandTests {
  @Test(arguments: [
    ["sockets", "list", "--limit", "0"], ["sockets", "list", "--sort", "size"],
    ["sockets", "list", "--filter", "size>1"],
    ["sockets", "list", "--filter", "re:("], ["sockets", "show", "a b"], ["sockets", "kick", "ok", "not ok"],
    ["sockets", "kick"], ["sockets", "broadcast", "room"], ["sockets", "broadcast", "", "e"],
    ["sockets", "broadcast", "r", "connect"], ["sockets", "broadcast", "r", "e", "{"],
    ["sockets", "broadcast", "r", "e", "1", "--also", "*"],
    ["sockets", "broadcast", "r", "task-update", "--also", "s"],
    ["sockets", "broadcast", "r", "e", "1", "--priority", "10"], ["sockets", "lst"],
  ])
  func wrongUsageIsOneLineAnd64(arguments: [String]) async throws {
    let fixture = try NodeFixture()
    let outcome = try await ProgramProcess.run(
      fixture.executable, arguments, .init(environment: fixture.environment, folder: fixture.folder.path))
    #expect(outcome.status == .exited(64), "\(outcome.standardError)")
    #expect(outcome.standardOutput.isEmpty)
    #expect(outcome.standardError.split(separator: "\n").count == 1)
  }

  @Test func aNodeWithoutTheGatewaySaysSoAtEveryDoor() async throws {
    let fixture = try NodeFixture(["SIGNALBOX_ENGINES": "cache"])
    let node = try await fixture.start()
    defer { node.kill() }
    for arguments in [["list"], ["show", "a"], ["kick", "a"], ["broadcast", "r", "e", "{}"]] {
      let outcome = try await ProgramProcess.run(
        fixture.executable, ["sockets"] + arguments,
        .init(environment: fixture.environment, folder: fixture.folder.path))
      #expect(outcome.status == .exited(69))
      #expect(outcome.standardError.contains("this node does not run the gateway"))
      #expect(outcome.standardError.contains("SIGNALBOX_ENGINES"))
    }
    for (method, path, body) in [
      ("GET", "/v1/sockets", ""), ("GET", "/v1/sockets/a", ""), ("DELETE", "/v1/sockets/a", ""),
      ("POST", "/v1/rooms/r/events", "{\"event\":\"e\"}"),
      ("POST", "/v1/agents/a/thoughts", "{\"thought\":\"x\"}"),
      ("POST", "/v1/tasks/t/updates", "{\"status\":\"failed\"}"),
      ("POST", "/v1/projects/p/events", "{\"event\":\"e\"}"),
    ] {
      let answer = HTTPProbe.request(
        path, method: method, port: fixture.port, headers: ["Content-Type": "application/json"], body: body)
      #expect(answer?.status == 503, "\(method) \(path)")
      #expect(answer?.body.contains("SIGNALBOX_ENGINES") == true)
    }
    #expect(try await fixture.json("status", "--json")["gateway"] == nil)
  }

  @Test(arguments: [
    ["sockets", "list"], ["sockets", "show", "a"], ["sockets", "kick", "a"], ["sockets", "broadcast", "r", "e", "{}"],
  ])
  func withoutANodeItIs69(arguments: [String]) async throws {
    let fixture = try NodeFixture()
    let outcome = try await ProgramProcess.run(
      fixture.executable, arguments + ["--json"], .init(environment: fixture.environment, folder: fixture.folder.path))
    #expect(outcome.status == .exited(69), "\(outcome.standardError)")
    #expect(outcome.standardOutput.isEmpty && outcome.standardError.contains("signalbox start"))
  }
}
