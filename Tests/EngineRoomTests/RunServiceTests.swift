import Access
import Base
import ControlPlane
import Glibc
import Telemetry
import TestKit
import Testing

@testable import EngineRoom

/// The sandbox behind the one door: whose runs they are, what is told of them, and a machine that has none.
@Suite struct RunServiceTests {
  static let isPossible = system("/usr/bin/bwrap --unshare-all --ro-bind / / /bin/true >/dev/null 2>&1") == 0
  static let impossible: Comment = "bubblewrap is not installed, or may not make namespaces here"

  private struct Stage {
    let folder: TemporaryFolder
    let core: NodeCore

    init(_ change: (inout RunSettings) -> Void = { _ in }) throws {
      folder = try TemporaryFolder()
      for name in ["audit", "bench", "cache", "runs"] { #expect(mkdir(folder.file(name), 0o700) == 0) }
      var runs = RunSettings()
      runs.require = .isolation
      change(&runs)
      let settings = NodeSettings(
        version: "0.0.0", stateFolder: folder.path, socketPath: folder.file("s"), access: AccessSettings(), apiPort: 0,
        engines: [.sandbox], runs: runs,
        doctor: DoctorSettings(
          redis: nil, dockerHost: "unix:///nowhere", stateFolder: folder.path, environment: [:], ports: []))
      core = try NodeCore(
        settings: settings, bus: EventBus(), log: LogSink(output: .none), registry: PrometheusRegistry())
    }

    func door(_ role: Grants.Role, _ actor: String) -> any ControlPlane {
      NodeDoorkeeper(core: core).door(for: Caller(actor: actor, origin: .http, grants: Grants(role: role)))
    }
  }

  @Test func aMachineWithoutASandboxIsDegradedAndSaysTheFix() async throws {
    let stage = try Stage { $0.launcher = "/nonexistent/sandbox-launcher" }
    let runs = try stage.core.runs()
    let failure = await #expect(throws: Failure.self) {
      try await runs.run(RunRequest(language: "python", code: "1"), by: .node)
    }
    #expect(failure?.code == .unavailable)
    let component = stage.core.health.health.components.first { $0.name == "sandbox" }
    #expect(component?.state == .degraded)
    #expect(component?.reason?.contains("install sandbox-launcher beside signalbox") == true)
    let snapshot = stage.core.snapshot().sandbox
    #expect(snapshot?.backend == "none")
    #expect(snapshot?.languages.allSatisfy { $0.missing != nil } == true)
  }

  @Test func anAgentSeesItsOwnRunsAndAnOperatorAll() async throws {
    let stage = try Stage()
    let runs = try stage.core.runs()
    for (id, actor) in [("run-of-ada", "ada"), ("run-of-bob", "bob")] {
      let summary = RunSummary(
        id: id, state: .finished, language: "python", actor: actor, timeMilliseconds: 1, outcome: .succeeded)
      try await runs.log.append(RunDetail(summary: summary, code: "x"), files: [])
    }
    let ada = stage.door(.agent, "ada")
    #expect(try await ada.ask(.runs(RunQuery())).runs?.map(\.id) == ["run-of-ada"])
    #expect(try await ada.ask(.run(id: "run-of-ada")).detail?.code == "x")
    for query in [Query.run(id: "run-of-bob"), .runFile(id: "run-of-bob", path: "x"), .run(id: "no-such-run")] {
      let failure = await #expect(throws: Failure.self) { try await ada.ask(query) }
      #expect(failure?.code == .notFound, "that there is one is not told either")
    }
    let failure = await #expect(throws: Failure.self) { try await ada.perform(.killRun(id: "run-of-bob")) }
    #expect(failure?.code == .notFound)
    let chief = stage.door(.operator, "chief")
    #expect(try await chief.ask(.runs(RunQuery())).runs?.count == 2)
    #expect(try await chief.perform(.killRun(id: "run-of-bob")).result == .stopped(false))
    await #expect(throws: Failure.self) { try await stage.door(.viewer, "vic").ask(.runs(RunQuery())) }
  }

  @Test(.enabled(if: isPossible, impossible)) func aRunIsToldFromItsBeginningToItsEnd() async throws {
    let stage = try Stage()
    let told = Collected<ProjectEvent>()
    let bodies = Collected<Event.Body>()
    let service = RunService(
      stage.core.settings.runs, stateFolder: stage.folder.path, health: stage.core.health,
      clock: SystemWallClock(), logger: stage.core.logger,
      links: .init(cache: nil, publish: { bodies.append($0) }, announce: { told.append($0) }))
    let project = try #require(ProjectID(rawValue: "demo"))
    let request = RunRequest(
      id: "chosen-by-us", language: "python", code: "#!x\n\n  print('hi')", project: project)
    let result = try await service.run(request, by: Caller(actor: "ada", origin: .http, grants: .operator))
    #expect(result.exitCode == 1, "indentation is an error of the program")
    let states = bodies.values.compactMap { body -> RunSummary? in
      guard case .run(let summary) = body else { return nil }
      return summary
    }
    #expect(states.map(\.state) == [.queued, .running, .finished])
    #expect(states.allSatisfy { $0.id == "chosen-by-us" && $0.actor == "ada" && $0.title == "print('hi')" })
    #expect(told.values.first?.event == "run-finished")
    #expect(told.values.first?.data?.text.contains(#""outcome":"failed","exitCode":1"#) == true)
    let failure = await #expect(throws: Failure.self) {
      try await service.run(request, by: .node)
    }
    #expect(failure?.code == .conflict, "the id is taken")
    service.close()
    await #expect(throws: Failure.self) { try await service.run(RunRequest(language: "python", code: ""), by: .node) }
    await service.endAll()
  }

  @Test func outputIsGatheredAndKeepsItsOrder() async {
    let bodies = Collected<Event.Body>()
    let feed = RunOutputFeed(id: "run-0001", actor: "a") { bodies.append($0) }
    let text = (0..<20_000).map { "\($0)\n" }.joined()
    async let fed: Void = feed.run()
    for piece in Array(text.utf8).chunked(7) { feed.append(piece, to: .stdout) }
    feed.append([33], to: .stderr)
    feed.finish()
    await fed
    let outputs = bodies.values.compactMap { body -> RunOutput? in
      guard case .runOutput(let output) = body else { return nil }
      return output
    }
    let stdout = outputs.filter { $0.stream == .stdout }
    #expect(stdout.flatMap(\.bytes.bytes) == Array(text.utf8))
    #expect(stdout.allSatisfy { $0.bytes.bytes.count <= RunOutputFeed.pieceBytesMax })
    #expect(outputs.filter { $0.stream == .stderr }.flatMap(\.bytes.bytes) == [33])
    #expect(outputs.count < 1_000, "fifteen thousand pieces became \(outputs.count)")
    var offset = 0
    for output in stdout {
      #expect(output.offset == offset)
      offset += output.bytes.bytes.count
    }
  }
}

extension Answer {
  fileprivate var runs: [RunSummary]? {
    guard case .runs(let runs) = self else { return nil }
    return runs
  }

  fileprivate var detail: RunDetail? {
    guard case .run(let detail) = self else { return nil }
    return detail
  }
}

extension Array {
  fileprivate func chunked(_ size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
