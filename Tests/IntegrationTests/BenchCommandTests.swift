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
      .init(environment: environment(fixture), folder: fixture.folder.path), within: .seconds(240))
  }

  private func environment(_ fixture: NodeFixture) -> [String: String] {
    fixture.environment.merging(["TMPDIR": fixture.folder.file("tmp")]) { _, new in new }
  }

  /// Processes that were told of this test's folders or work in them. One that has ended but is not reaped has neither.
  private func processes(_ fixture: NodeFixture) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []  // none: the test fails below
    #expect(names.contains("self"))
    return names.filter { name in
      guard Int(name) != nil, let bytes = FileManager.default.contents(atPath: "/proc/\(name)/environ") else {
        return false
      }
      // A process may end between two looks at it; then it is none of ours any more.
      let folder = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(name)/cwd")) ?? ""
      let own = "\(fixture.folder.path)/tmp/signalbox-bench-"
      return folder.contains(own) || String(decoding: bytes, as: UTF8.self).contains(own)
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
      // The workloads of a quick run are smaller than what the targets are for.
      #expect(result["target"] == nil && result["met"] == nil && (result["value"] as? Double ?? -1) >= 0)
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
    #expect(summary["met"] as? Int == 0 && summary["missed"] as? Int == 0, "a quick run is not judged")
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
        result.merging(["value": value, "figures": [value, value, value]]) { _, new in new }
      }
      try fixture.folder.write("state/bench/\(id).json", bytes: Array(JSONSerialization.data(withJSONObject: report)))
      let compared = try await bench(fixture, "control", "--json", "--quick", "--compare", id)
      #expect(compared.status == .exited(code), "\(compared.standardError)")
      #expect(compared.standardError.contains("worse than run \(id)") == (code == 1))
      #expect(compared.standardError.contains("measured again") == (code == 1))
      let comparison = try #require(try NodeFixture.object(compared.standardOutput)["comparison"] as? [String: Any])
      let verdicts = (comparison["rows"] as? [[String: Any]])?.compactMap { $0["verdict"] as? String } ?? []
      #expect(verdicts.count == results.count && verdicts.contains(code == 1 ? "regressed" : "better"), "\(verdicts)")
      #expect(((comparison["regressions"] as? Int ?? -1) > 0) == (code == 1))
    }
  }

  @Test func aSingleEarlierRunIsShownAndProvesNothing() async throws {
    let fixture = try makeFixture()
    let first = try await bench(fixture, "control", "--json", "--quick")
    var report = try NodeFixture.object(first.standardOutput)
    let results = try #require(report["results"] as? [[String: Any]])
    report["id"] = "single"
    report["results"] = results.map { $0.merging(["value": 1e-7]) { _, new in new } }
    report["commit"] = "of-long-ago"
    try fixture.folder.write("state/bench/single.json", bytes: Array(JSONSerialization.data(withJSONObject: report)))
    let compared = try await bench(fixture, "control", "--quick", "--compare", "single")
    #expect(compared.status == .exited(0), "\(compared.standardError)")
    #expect(compared.standardOutput.contains("unproven") && compared.standardError.contains("prove nothing"))
  }

  @Test func aSweepHasARowForEachValueAndNamesTheDefault() async throws {
    let fixture = try makeFixture()
    let outcome = try await bench(fixture, "--sweep", "batch=1,64", "--json", "--quick")
    #expect(outcome.status == .exited(0), "\(outcome.standardError)")
    let results = try #require(try NodeFixture.object(outcome.standardOutput)["results"] as? [[String: Any]])
    #expect(results.map { $0["suite"] as? String } == ["sweep", "sweep"])
    let names = results.compactMap { $0["name"] as? String }
    #expect(names.count == 2 && names[0].hasPrefix("batch=1: ") && names[1].hasPrefix("batch=64 (default): "))
    let values = results.compactMap { $0["value"] as? Double }
    #expect(values.count == 2 && values[1] > values[0], "two hundred milliseconds a call")
  }

  @Test func whatCannotBeMeasuredIsRefusedBeforeANodeStarts() async throws {
    let fixture = try makeFixture()
    let unknown = try await bench(fixture, "no-such-suite")
    #expect(unknown.status == .exited(64))
    #expect(unknown.standardError.split(separator: "\n").count == 1, "\(unknown.standardError)")
    for refused in [
      ["--sweep", "nothing=1"], ["--sweep", "batch=0"], ["control", "--sweep", "batch=1"], ["--runs", "21"],
    ] {
      let outcome = try await ProgramProcess.run(
        fixture.executable, ["bench"] + refused,
        .init(environment: environment(fixture), folder: fixture.folder.path), within: .seconds(60))
      #expect(outcome.status == .exited(64) && outcome.standardOutput.isEmpty, "\(refused): \(outcome.standardError)")
    }
    let missing = try await bench(fixture, "--compare", "17")
    #expect(missing.status == .exited(1))
    #expect(missing.standardError.split(separator: "\n").count == 1, "\(missing.standardError)")
    #expect(access(fixture.state, F_OK) != 0)
  }

  @Test(arguments: [SIGINT, SIGTERM]) func aSignalEndsTheNodeOfTheBenchAndLeavesNothing(signal: Int32) async throws {
    let fixture = try makeFixture()
    let run = try ProgramProcess(
      fixture.executable, ["bench", "--json"],
      .init(environment: environment(fixture), folder: fixture.folder.path))
    defer { run.kill() }
    #expect(await eventually { run.standardError.contains("control/program start") })
    #expect(!processes(fixture).isEmpty)
    run.signal(signal)
    let outcome = try await run.outcome()
    #expect(outcome.status == .exited(128 + signal), "\(outcome.standardError)")
    #expect(outcome.standardOutput.isEmpty)
    #expect(processes(fixture).isEmpty)
    #expect(leavings(fixture) == [".keep"])
    #expect(access(fixture.state, F_OK) != 0, "a run that was not finished is in no history")
  }

  @Test func aBenchIsCancelledFromElsewhereAndTheNodeRunsTheNext() async throws {
    let fixture = try makeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    #expect(try await bench(fixture, "--cancel").standardOutput == "no bench is running\n")
    let run = try ProgramProcess(
      fixture.executable, ["bench", "control", "--json"],
      .init(environment: environment(fixture), folder: fixture.folder.path))
    defer { run.kill() }
    #expect(await eventually { run.standardError.contains("control/program start") })
    #expect(try await bench(fixture, "--cancel", "--json").standardOutput == "{\"stopped\":true}\n")
    let outcome = try await run.outcome()
    #expect(outcome.status == .exited(69) && outcome.standardOutput.isEmpty, "\(outcome.standardError)")
    #expect(outcome.standardError.contains("cancelled"))
    #expect(await eventually { leavings(fixture) == [".keep"] })
    #expect(try await bench(fixture, "--history").standardOutput.contains("no bench run"))
    let next = try await bench(fixture, "control", "--quick", "--json")
    #expect(next.status == .exited(0), "\(next.standardError)")
  }

  @Test func anEarlierRunIsShownAndItsMarkdownIsATable() async throws {
    let fixture = try makeFixture()
    let report: [String: Any] = [
      "id": "17-ab", "commit": "0a1b2c3", "timeMilliseconds": 1,
      "machine": ["cores": 4, "memoryBytes": 1 << 34, "kernel": "Linux", "load": 0.5, "processor": "Some | CPU"],
      "results": [
        [
          "suite": "cache", "name": "get", "value": 1.25, "unit": "ms", "target": 5, "met": true, "p50": 1.25, "p99": 2,
          "samples": 10, "isLowerBetter": true, "baseline": ["name": "redis", "value": 2.5, "ratio": 0.5],
        ] as [String: Any]
      ], "failures": [["suite": "cache", "name": "set", "reason": "it <broke>\u{1B}[31m"]],
    ]
    try fixture.folder.write("state/bench/17-ab.json", bytes: Array(JSONSerialization.data(withJSONObject: report)))
    for id in ["17", "last"] {
      let shown = try await bench(fixture, "--show", id, "--markdown")
      #expect(shown.status == .exited(0), "\(shown.standardError)")
      let lines = shown.standardOutput.split(separator: "\n")
      #expect(lines.contains("| cache | get | 1.25 ms | ≤ 5 ms | met | 1.25 | 2 | redis 2.5 ms, ×0.5 |"), "\(lines)")
      #expect(lines.first?.contains("Some \\| CPU, 4 cores, 16.0 GiB, Linux, load 0.5") == true, "\(lines)")
      #expect(shown.standardOutput.contains("it &lt;broke>") && !shown.standardOutput.contains("\u{1B}"))
      #expect(lines.last == "1 targets met, 0 missed, 1 without a figure")
    }
    for refused in [
      ["--show", "18"], ["--show", "17", "--history"], ["--history", "--markdown"], ["--cancel", "control"],
      ["--show", "17", "--json", "--markdown"],
    ] {
      let outcome = try await ProgramProcess.run(
        fixture.executable, ["bench"] + refused,
        .init(environment: environment(fixture), folder: fixture.folder.path), within: .seconds(60))
      #expect(outcome.status == .exited(refused[1] == "18" ? 1 : 64) && outcome.standardOutput.isEmpty, "\(refused)")
    }
  }

  /// Of the three processes that a run of this suite takes, only the first can be asked to clean up.
  @Test(.enabled(if: hasRedis, "there is no redis-server")) func killingTheBenchEndsItsNodeAndItsRedis() async throws {
    let fixture = try makeFixture()
    let run = try ProgramProcess(
      fixture.executable, ["bench", "cache", "--quick"],
      .init(environment: environment(fixture), folder: fixture.folder.path))
    defer { run.kill() }
    #expect(await eventually(within: .seconds(60)) { processes(fixture).contains { name(of: $0) == "redis-server" } })
    #expect(processes(fixture).contains { name(of: $0) == "signalbox" })
    run.signal(SIGKILL)
    _ = try await run.outcome()
    #expect(await eventually { processes(fixture).isEmpty }, "left: \(processes(fixture).map(name))")
    #expect(leavings(fixture).count == 2, "its folder, which nobody was left to remove")
    let next = try await bench(fixture, "control", "--quick", "--json")
    #expect(next.status == .exited(0) && leavings(fixture) == [".keep"], "the next bench removes it")
  }

  /// Whatever puts a load on a node is killed: those rows have no figure, and the others have theirs.
  @Test func rowsThatFailAreReportedAndTheOthersAreMeasured() async throws {
    let fixture = try makeFixture()
    let run = try ProgramProcess(
      fixture.executable, ["bench", "gateway", "--json", "--quick"],
      .init(environment: environment(fixture), folder: fixture.folder.path))
    defer { run.kill() }
    #expect(
      await eventually(within: .seconds(240)) {
        for load in processes(fixture) where arguments(of: load).dropFirst().first == "load" {
          if let number = Int32(load) { kill(number, SIGKILL) }
        }
        return !run.isRunning
      })
    let outcome = try await run.outcome()
    #expect(outcome.status == .exited(1), "\(outcome.standardError)")
    let report = try NodeFixture.object(outcome.standardOutput)
    let failures = try #require(report["failures"] as? [[String: Any]])
    #expect(failures.count >= 1 && failures.allSatisfy { $0["suite"] as? String == "gateway" })
    #expect(failures.allSatisfy { ($0["reason"] as? String)?.contains("load ended") == true }, "\(failures)")
    let results = try #require(report["results"] as? [[String: Any]])
    #expect(results.count { ($0["name"] as? String)?.hasPrefix("parser") == true } == 2)
    #expect(leavings(fixture) == [".keep"])
  }

  private func arguments(of process: String) -> [String] {
    // Gone meanwhile: none.
    let bytes = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
    return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  private static let hasRedis = ["/usr/bin", "/usr/local/bin"].contains { access("\($0)/redis-server", X_OK) == 0 }

  private func name(of process: String) -> String {
    // Gone meanwhile: no name.
    let text = (try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8)) ?? ""
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  @Test func aQuickRunAndAFullOneAreNotCompared() async throws {
    let fixture = try makeFixture()
    let machine: [String: Any] = ["cores": 4, "memoryBytes": 1 << 30, "kernel": "Linux", "load": 0.5]
    for (id, isQuick) in [("quick-one", true), ("full-one", false)] {
      let report: [String: Any] = [
        "id": id, "commit": "0", "timeMilliseconds": 1, "machine": machine, "results": [Any](), "isQuick": isQuick,
      ]
      try fixture.folder.write("state/bench/\(id).json", bytes: Array(JSONSerialization.data(withJSONObject: report)))
    }
    for arguments in [["--compare", "quick-one"], ["--quick", "--compare", "full-one"]] {
      let outcome = try await ProgramProcess.run(
        fixture.executable, ["bench", "control"] + arguments,
        .init(environment: environment(fixture), folder: fixture.folder.path), within: .seconds(60))
      #expect(outcome.status == .exited(64), "\(outcome.standardError)")
      #expect(outcome.standardOutput.isEmpty && outcome.standardError.contains("compare with"))
      let lines = outcome.standardError.split(separator: "\n")
      #expect(lines.count <= 2 && lines.allSatisfy { !$0.contains("%") }, "refused before anything was measured")
    }
  }

  /// What a program that a node starts would hold: the port, clients' connections, the log, the record of operators.
  @Test(.enabled(if: hasRedis, "there is no redis-server")) func programsOfANodeInheritNothing() async throws {
    let fixture = try makeFixture()
    let node = try await fixture.start()
    defer { node.kill() }
    // Holds a connection to the API; the bench holds one to the control socket.
    let guest = try ProgramProcess("bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(fixture.port); exec sleep 60"])
    defer { guest.kill() }
    let run = try ProgramProcess(
      fixture.executable, ["bench", "cache", "--quick"],
      .init(environment: environment(fixture), folder: fixture.folder.path))
    defer { run.kill() }
    var inherited: [Descriptor]?
    var held: [Descriptor] = []
    _ = await eventually(within: .seconds(60)) {
      guard let child = children(of: node.processID).first(where: { name(of: $0) == "redis-server" }) else {
        return false
      }
      held = descriptors(of: "\(node.processID)").filter {
        $0.target.hasPrefix("socket:") || $0.target.hasPrefix(fixture.state)
      }
      let theirs = descriptors(of: child)
      // It ends with its figure; then the next one's is looked at.
      guard !theirs.isEmpty, name(of: child) == "redis-server" else { return false }
      inherited = theirs.filter { descriptor in held.contains { $0.target == descriptor.target } }
      return true
    }
    #expect(held.count { $0.target.hasPrefix("socket:") } >= 4, "two doors, two connections")
    #expect(held.contains { $0.target.hasPrefix(fixture.state) })
    let open = held.filter { $0.number > 2 && !$0.isClosedOnExec }.map(\.target)
    #expect(open.isEmpty, "not close-on-exec: \(open)")
    #expect(try #require(inherited, "a redis-server of the bench was seen").isEmpty)
  }

  private func children(of process: Int32) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []  // none: the test fails
    return names.filter { name in
      // The fourth field of proc(5)'s stat, the second after the name in brackets. Gone meanwhile: nobody's child.
      let stat = (try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8)) ?? ""
      let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
      return Int(name) != nil && fields.count > 1 && Int32(fields[1]) == process
    }
  }

  private struct Descriptor {
    let number: Int
    let target: String
    let isClosedOnExec: Bool
  }

  /// `flags` of /proc/PID/fdinfo (proc(5)) are octal and hold O_CLOEXEC as it is set now.
  private func descriptors(of process: String) -> [Descriptor] {
    let folder = "/proc/\(process)"
    // A process or descriptor that is gone has none; the tests ask for a number of them.
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/fd")) ?? []
    return numbers.compactMap { number in
      guard let descriptor = Int(number),
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/fd/\(number)"),
        let info = try? String(contentsOfFile: "\(folder)/fdinfo/\(number)", encoding: .utf8),
        let word = info.split(separator: "\n").first(where: { $0.hasPrefix("flags:") })?.split(separator: "\t").last,
        let flags = Int32(word, radix: 8)
      else { return nil }
      return Descriptor(number: descriptor, target: target, isClosedOnExec: flags & O_CLOEXEC != 0)
    }
  }
}
