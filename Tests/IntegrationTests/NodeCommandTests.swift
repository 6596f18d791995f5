import Base
import Foundation
import Glibc
import TestKit
import Testing

/// What the commands do to a running node, and what the audit keeps of it.
@Suite(.timeLimit(.minutes(5))) struct NodeCommandTests {
  @Test func projectsAreTheSameOverEveryFaceAndAfterTheNode() async throws {
    let fixture = try NodeFixture()
    try fixture.folder.write("api/main.py", "print()\n")
    let offline = try await fixture.run("projects", "add", "api")
    #expect(offline.status == .exited(0), "\(offline.standardError)")
    let node = try await fixture.start()
    try fixture.folder.write("web/index.js", "\n")
    let added = try await fixture.run("projects", "add", fixture.folder.file("web"), "--id", "front")
    #expect(added.status == .exited(0), "\(added.standardError)")
    let listed = try await fixture.run("projects", "list")
    #expect(listed.standardOutput.contains("api") && listed.standardOutput.contains("front"))

    let taken = try await fixture.run("projects", "add", fixture.folder.file("api"), "--id", "front")
    #expect(taken.status == .exited(1))
    #expect(taken.standardError.contains("/web") && taken.standardError.contains("/api"))

    let removed = try await fixture.run("projects", "remove", "api")
    #expect(removed.status == .exited(0))
    node.signal(SIGTERM)
    _ = try await node.outcome()
    let after = try await fixture.run("projects", "list")
    #expect(after.standardOutput.contains("front") && !after.standardOutput.contains("api "))
  }

  @Test func everyCommandIsAuditedBeforeAndAfter() async throws {
    let fixture = try NodeFixture(["SIGNALBOX_OPERATOR": "kris"])
    let node = try await fixture.start()
    _ = try await fixture.run("projects", "add", fixture.folder.path, "--id", "one")
    _ = try await fixture.run("projects", "remove", "missing")
    let audit = try await fixture.run("audit", "--json")
    let document = try JSONSerialization.jsonObject(with: Data(audit.standardOutput.utf8))
    let lines = try #require(document as? [[String: Any]])
    #expect(
      lines.map { $0["action"] as? String } == ["project.add", "project.add", "project.remove", "project.remove"])
    #expect(lines.map { $0["outcome"] == nil } == [true, false, true, false])
    #expect(lines.allSatisfy { $0["actor"] as? String == "kris" })
    #expect((lines.last?["outcome"] as? String)?.contains("missing") == true)
    node.signal(SIGKILL)
    _ = try await node.outcome()
    let offline = try await fixture.run("audit", "--json")
    #expect(offline.standardOutput == audit.standardOutput, "the file says the same when the node is dead")
  }

  @Test func secretsAreInNoOutputAndNoFile() async throws {
    let secret = "correct-horse-battery-staple-0123456789"
    let fixture = try NodeFixture(["SIGNALBOX_TOKEN": secret, "SIGNALBOX_LOG_LEVEL": "trace"])
    let node = try await fixture.start()
    let refused = HTTPProbe.request("/v1/status", port: fixture.port)
    #expect(refused?.status == 401)
    let wrong = HTTPProbe.request("/v1/status?token=\(secret)x", port: fixture.port)
    #expect(wrong?.status == 401)
    let allowed = HTTPProbe.request("/v1/status", port: fixture.port, headers: ["Authorization": "Bearer \(secret)"])
    #expect(allowed?.status == 200)
    let metrics = HTTPProbe.request("/metrics", port: fixture.port)?.body ?? ""
    let config = try await fixture.run("config")
    let logs = try await fixture.run("logs", "--json")
    let doctor = try await fixture.run("doctor")
    node.signal(SIGTERM)
    let outcome = try await node.outcome()
    for text in [config.standardOutput, logs.standardOutput, doctor.standardOutput, metrics, outcome.standardError] {
      #expect(!text.contains("correct-horse"))
    }
    #expect(config.standardOutput.contains("set"))
    #expect(!(fixture.folder.read("state/audit/audit.log") ?? "").contains("correct-horse"))
  }

  @Test func aStoppedClientDoesNotDelayTheOthers() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let stopped = try fixture.spawn(["logs", "--follow", "--json"])
    defer { stopped.kill() }
    #expect(await eventually { await clients(fixture) >= 2 })
    stopped.signal(SIGSTOP)
    // Each round makes events that the stopped client does not read; the node must answer all the same.
    for round in 0..<20 {
      let id = "p\(round)"
      let added = try await fixture.run("projects", "add", fixture.folder.path, "--id", id)
      #expect(added.status == .exited(0), "\(added.standardError)")
      let removed = try await fixture.run("projects", "remove", id)
      #expect(removed.status == .exited(0))
    }
    stopped.signal(SIGCONT)
    #expect(await eventually { stopped.standardOutput.contains("p19") }, "it catches up when it is let go")
  }

  private func clients(_ fixture: NodeFixture) async -> Int {
    let status = try? await fixture.json("status", "--json")
    return (status?["control"] as? [String: Any])?["clients"] as? Int ?? 0
  }

  @Test func wrongUsageIsOneLineAndSixtyFour() async throws {
    let fixture = try NodeFixture()
    let calls: [[String]] = [
      ["statsu"], ["status", "--jsn"], ["projects", "add"], ["projects", "remove", "No Such ID"],
      ["logs", "--since", "yesterday-ish"], ["logs", "--level", "loud"], ["--api-port", "99999", "status"],
      ["status", "--api-port"], ["completions", "tcsh"], ["bench", "no-such-suite"], ["/no/such/folder"],
    ]
    for call in calls {
      let outcome = try await ProgramProcess.run(
        fixture.executable, call, .init(environment: fixture.environment, folder: fixture.folder.path))
      #expect(outcome.status == .exited(64), "\(call): \(outcome.status) \(outcome.standardError)")
      #expect(outcome.standardError.split(separator: "\n").count == 1, "\(call): \(outcome.standardError)")
      #expect(outcome.standardOutput.isEmpty, "\(call)")
    }
  }

  /// A node that cannot write its audit refuses; the command must not go behind its back to the state folder.
  @Test func whatANodeRefusesIsNoSignThatThereIsNone() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let audit = fixture.state + "/audit/audit.log"
    unlink(audit)
    #expect(mkdir(audit, 0o700) == 0)
    var last = ""
    let isRefused = try await eventually {
      // A node that is ready may not hear signals yet.
      #expect(node.signal(SIGHUP))
      last = try await fixture.run("projects", "remove", "nosuch").standardError
      return last.contains("audit.log")
    }
    #expect(isRefused, "\(last)")
    #expect(!last.contains("in use"), "\(last)")
    #expect(try await fixture.run("logs", "--engine", "nosuch").status == .exited(64))
  }

  @Test func withoutANodeStatusSaysHowToStartOne() async throws {
    let fixture = try NodeFixture()
    let outcome = try await fixture.run("status")
    #expect(outcome.status == .exited(69))
    #expect(outcome.standardError.contains("signalbox start"))
  }
}
