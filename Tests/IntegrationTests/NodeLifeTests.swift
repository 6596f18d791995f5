import Base
import Foundation
import Glibc
import TestKit
import Testing

/// How a node starts, stops, dies and comes back, seen from outside.
@Suite(.timeLimit(.minutes(5))) struct NodeLifeTests {
  @Test func aNodeAnswersOnBothDoors() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start(["--no-tui", fixture.folder.path])
    defer { node.kill() }
    let health = try #require(HTTPProbe.request("/health", port: fixture.port))
    #expect(health.status == 200)
    #expect(try NodeFixture.object(health.body)["status"] as? String == "ok")
    #expect(HTTPProbe.request("/health/live", port: fixture.port)?.status == 200)
    let page = try #require(HTTPProbe.request("/metrics", port: fixture.port))
    let metrics = try PrometheusText(page.body)
    #expect(metrics.value("signalbox_node_health", ["state": "ok"]) == 1)
    #expect(metrics.value("signalbox_node_projects") == 1)

    let status = try await fixture.json("status", "--json")
    #expect(status["phase"] as? String == "ready")
    #expect((status["process"] as? [String: Any])?["processID"] as? Int == Int(node.processID))
    let overHTTP = try #require(HTTPProbe.request("/v1/status", port: fixture.port))
    #expect(try NodeFixture.object(overHTTP.body)["node"] as? String == status["node"] as? String)
  }

  @Test(arguments: [SIGTERM, SIGINT]) func aSignalStopsItGracefullyAndLeavesNothing(signal: Int32) async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    node.signal(signal)
    let outcome = try await node.outcome(within: .seconds(20))
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    #expect(access(fixture.socket, F_OK) != 0)
    #expect(HTTPProbe.request("/health", port: fixture.port) == nil)
    #expect(outcome.standardError.contains("stopped"))
  }

  @Test func hangingUpDoesNotStopAHeadlessNode() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    node.signal(SIGHUP)
    #expect(await eventually { node.standardError.contains("HUP") })
    #expect(HTTPProbe.request("/health", port: fixture.port)?.status == 200)
  }

  @Test func aKilledNodeLeavesNothingThatHindersTheNext() async throws {
    let fixture = try NodeFixture()
    let first = try await fixture.start(["--no-tui", fixture.folder.path])
    first.signal(SIGKILL)
    _ = try await first.outcome()
    #expect(access(fixture.socket, F_OK) == 0, "a killed node cannot remove its socket file")
    let second = try await fixture.start()
    defer { second.kill() }
    let status = try await fixture.json("status", "--json")
    #expect((status["process"] as? [String: Any])?["processID"] as? Int == Int(second.processID))
    #expect((status["projects"] as? [Any])?.count == 1, "what the first node knew is still known")
  }

  @Test func aSecondNodeOnOneStateFolderIsToldWhoHoldsIt() async throws {
    let fixture = try NodeFixture()
    let first = try await fixture.start()
    defer { first.kill() }
    let second = try await fixture.run(
      "--no-tui",
      changes: ["SIGNALBOX_API_PORT": "\(try FreePort.next())", "SIGNALBOX_SOCKET": fixture.folder.file("b.sock")])
    #expect(second.status == .exited(1))
    #expect(second.standardError.contains("process \(first.processID)"))
    #expect(second.standardError.split(separator: "\n").count == 1)
    #expect(HTTPProbe.request("/health", port: fixture.port)?.status == 200)
  }

  @Test func aLiveSocketIsNeverReplaced() async throws {
    let fixture = try NodeFixture()
    let first = try await fixture.start()
    defer { first.kill() }
    let second = try await fixture.run(
      "--no-tui",
      changes: ["SIGNALBOX_API_PORT": "\(try FreePort.next())", "SIGNALBOX_STATE": fixture.folder.file("other")])
    #expect(second.status == .exited(1))
    #expect(second.standardError.contains(fixture.socket))
    let status = try await fixture.json("status", "--json")
    #expect((status["process"] as? [String: Any])?["processID"] as? Int == Int(first.processID))
  }

  @Test func aPortInUseIsOneClearLineAndNothingIsLeft() async throws {
    let fixture = try NodeFixture()
    let first = try await fixture.start()
    defer { first.kill() }
    let otherState = fixture.folder.file("other")
    let otherSocket = fixture.folder.file("other.sock")
    let second = try await fixture.run(
      "--no-tui", changes: ["SIGNALBOX_STATE": otherState, "SIGNALBOX_SOCKET": otherSocket])
    #expect(second.status != .exited(0))
    #expect(second.standardError.contains("\(fixture.port)"))
    #expect(second.standardError.contains("SIGNALBOX_API_PORT"))
    #expect(access(otherSocket, F_OK) != 0)
  }

  @Test func startReturnsWhenTheNodeIsHealthyAndStopWhenItIsGone() async throws {
    let fixture = try NodeFixture()
    let start = try await fixture.run("start", fixture.folder.path)
    #expect(start.status == .exited(0), "\(start.standardError)")
    #expect(HTTPProbe.request("/health/ready", port: fixture.port)?.status == 200)
    let status = try await fixture.json("status", "--json")
    let processID = try #require((status["process"] as? [String: Any])?["processID"] as? Int)
    #expect(getsid(pid_t(processID)) == pid_t(processID), "it has a session of its own")

    let again = try await fixture.run("start")
    #expect(again.status == .exited(1))
    #expect(again.standardError.contains("\(processID)"))

    let stop = try await fixture.run("stop")
    #expect(stop.status == .exited(0), "\(stop.standardError)")
    // Whoever adopted the process may not have buried it yet; then it is a zombie, which holds nothing.
    let left = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8)
    #expect(left.map { $0.contains(") Z ") } ?? true, "the process has ended when stop returns")
    #expect(access(fixture.socket, F_OK) != 0)
    let nothing = try await fixture.run("stop")
    #expect(nothing.status == .exited(69))
  }

  @Test func aBackgroundNodeThatCannotStartSaysWhy() async throws {
    let fixture = try NodeFixture(["SIGNALBOX_STATE": "/proc/no/such/place"])
    let start = try await fixture.run("start")
    #expect(start.status == .exited(69))
    #expect(start.standardError.contains("/proc/no/such/place"))
    #expect(start.standardError.split(separator: "\n").count == 1)
  }

  @Test func drainStopsTheNode() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    let drain = try await fixture.run("drain")
    #expect(drain.status == .exited(0), "\(drain.standardError)")
    let outcome = try await node.outcome(within: .seconds(30))
    #expect(outcome.status == .exited(0))
  }

  @Test func twentyClientsAtOnceAreAllAnswered() async throws {
    let fixture = try NodeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    let answers = try await withThrowingTaskGroup(of: Int?.self) { group in
      for _ in 0..<20 {
        group.addTask {
          let status = try await fixture.json("status", "--json")
          return (status["process"] as? [String: Any])?["processID"] as? Int
        }
      }
      return try await group.reduce(into: [Int?]()) { $0.append($1) }
    }
    #expect(answers == Array(repeating: Int(node.processID), count: 20))
  }

  @Test func aCrashLeavesABacktraceThatTheNextLifeTells() async throws {
    let fixture = try NodeFixture()
    let first = try await fixture.start()
    first.signal(SIGSEGV)
    let outcome = try await first.outcome()
    #expect(outcome.status == .signalled(SIGSEGV), "the parent sees the true cause")
    let report = try #require(fixture.folder.read("state/crash/last.txt"))
    #expect(report.contains("signal SEGV"))
    #expect(report.split(separator: "\n").count > 4, "it holds a stack:\n\(report)")

    let second = try await fixture.start()
    #expect(await eventually { second.standardError.contains("crashed") })
    let doctor = try await fixture.run("doctor", "--json")
    #expect(doctor.standardOutput.contains("crash"))
    second.signal(SIGTERM)
    _ = try await second.outcome()
    let third = try await fixture.start()
    defer { third.kill() }
    #expect(!third.standardError.contains("crashed"), "it is told once")
  }
}
