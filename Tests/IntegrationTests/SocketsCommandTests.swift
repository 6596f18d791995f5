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
