import Access
import Base
import ControlPlane
import Glibc
import Telemetry
import TestKit
import Testing

@testable import EngineRoom

/// Commands as they pass the one door: policy, audit, deed, audit.
@Suite struct LocalControlPlaneTests {
  private struct Stage {
    let folder: TemporaryFolder
    let core: NodeCore

    init() throws {
      folder = try TemporaryFolder()
      for name in ["audit", "bench", "cache", "project"] { #expect(mkdir(folder.file(name), 0o700) == 0) }
      let settings = NodeSettings(
        version: "0.0.0", stateFolder: folder.path, socketPath: folder.file("s"), access: AccessSettings(), apiPort: 0,
        doctor: DoctorSettings(
          redis: nil, dockerHost: "unix:///nowhere", stateFolder: folder.path, environment: [:], ports: []))
      core = try NodeCore(
        settings: settings, bus: EventBus(), log: LogSink(output: .none), registry: PrometheusRegistry(),
        clock: ManualClock(startMilliseconds: 1_000))
    }

    func door(_ role: Grants.Role, projects: [Glob]? = nil) -> any ControlPlane {
      NodeDoorkeeper(core: core).door(
        for: Caller(actor: "kris", origin: .console, grants: Grants(role: role, projects: projects)))
    }

    var audit: [AuditRecord] { core.audit.query(AuditQuery()) }
  }

  @Test func aCommandIsAuditedBeforeItRunsAndAfter() async throws {
    let stage = try Stage()
    let outcome = try await stage.door(.operator).perform(.addProject(path: stage.folder.file("project"), id: nil))
    let audit = stage.audit
    #expect(audit.map(\.outcome) == [nil, "ok"])
    #expect(audit.map(\.id) == [outcome.auditID, outcome.auditID])
    #expect(audit.allSatisfy { $0.actor == "kris" && $0.origin == .console && $0.action == "project.add" })
    #expect(AuditFile.records(stage.folder.lines("audit/audit.log"), query: AuditQuery()) == audit)
  }

  private static func write(_ names: String..., namespace: String = "default") -> Command {
    let entries = names.map { CacheWrite.Entry(key: $0, value: Blob(Array("payload".utf8))) }
    return .cacheSet(CacheWrite(namespace: namespace, entries: entries))
  }

  @Test func aValueThatIsSetIsOneLineOfTheAuditAfterwardsAndWithoutIt() async throws {
    let stage = try Stage()
    let door = stage.door(.operator)
    let outcome = try await door.perform(Self.write("k"))
    _ = try await door.perform(Self.write("a", "b"))
    #expect(stage.audit.map(\.target) == ["default k", "default 2 keys"])
    #expect(stage.audit.allSatisfy { $0.actor == "kris" && $0.action == "cache.set" && $0.outcome == "ok" })
    #expect(stage.audit.first?.id == outcome.auditID)
    #expect(stage.folder.lines("audit/audit.log").isEmpty, "it is written later")
    // Administration finds the list and writes it first: the file is in order.
    _ = try await door.perform(.setLogLevel(.debug))
    let lines = stage.folder.lines("audit/audit.log")
    let actions = AuditFile.records(lines, query: AuditQuery()).map(\.action)
    #expect(actions == ["cache.set", "cache.set", "log.level", "log.level"])
    #expect(!lines.contains { $0.contains("payload") })
  }

  @Test func aSetThatFailsIsAuditedToo() async throws {
    let stage = try Stage()
    await #expect(throws: Failure.self) {
      try await stage.door(.operator).perform(Self.write("k", namespace: "sb-own"))
    }
    #expect(stage.audit.count == 1)
    #expect(stage.audit.first?.outcome?.hasPrefix("denied") == true)
  }

  @Test func noLineOfTrafficIsLostWhenTheListIsFullOrTheWriterStops() async throws {
    let stage = try Stage()
    let audit = stage.core.audit
    let writer = Task { await AuditWriter(audit: audit, health: stage.core.health).run() }
    let count = AuditLog.notedMax + 100
    for number in 0..<count {
      audit.note(
        AuditRecord(
          id: "\(number)", timeMilliseconds: 1, actor: "kris", origin: .http, action: "cache.set", target: "default k",
          outcome: "ok"))
    }
    writer.cancel()
    await writer.value
    let ids = AuditFile.records(stage.folder.lines("audit/audit.log"), query: AuditQuery(limit: count * 2)).map(\.id)
    #expect(ids == (0..<count).map(String.init))
  }

  @Test func anAuditThatCannotTakeTrafficIsSaid() throws {
    let stage = try Stage()
    #expect(mkdir(stage.folder.file("audit/audit.log"), 0o700) == 0)
    stage.core.audit.note(
      AuditRecord(id: "1", timeMilliseconds: 1, actor: "kris", origin: .http, action: "cache.set", target: "default k"))
    AuditWriter(audit: stage.core.audit, health: stage.core.health).write()
    #expect(stage.core.health.health.components.first { $0.name == "audit" }?.state == .degraded)
  }

  @Test func aRefusedCommandChangesNothingAndIsAudited() async throws {
    let stage = try Stage()
    let failure = await #expect(throws: Failure.self) {
      try await stage.door(.viewer).perform(.addProject(path: stage.folder.file("project"), id: nil))
    }
    #expect(failure?.code == .denied)
    #expect(stage.core.projects.all.isEmpty)
    #expect(stage.audit.count == 1)
    #expect(stage.audit.first?.outcome?.hasPrefix("denied") == true)
  }

  @Test func whatCannotBeAuditedIsNotDoneButAStopIs() async throws {
    let stage = try Stage()
    // A folder in the file's place: it cannot be written, whoever asks.
    #expect(mkdir(stage.folder.file("audit/audit.log"), 0o700) == 0)
    let failure = await #expect(throws: Failure.self) {
      try await stage.door(.operator).perform(.addProject(path: stage.folder.file("project"), id: nil))
    }
    #expect(failure?.message.contains("audit") == true)
    #expect(stage.core.projects.all.isEmpty)
    #expect(stage.core.health.health.state == .degraded)
    _ = try await stage.door(.operator).perform(.stop)
    var stops = stage.core.stops.makeAsyncIterator()
    #expect(await stops.next() == .command)
  }

  @Test func anAuditOfAnEarlierLifeIsStillThere() async throws {
    let stage = try Stage()
    _ = try await stage.door(.operator).perform(.setLogLevel(.debug))
    let before = stage.audit
    let log = AuditLog(path: stage.folder.file("audit/audit.log"), node: .random())
    #expect(log.query(AuditQuery()) == before)
    #expect(log.query(AuditQuery(sinceMilliseconds: 2_000)).isEmpty)
  }

  @Test func aCallerOfSomeProjectsSeesNoOthers() async throws {
    let stage = try Stage()
    let door = stage.door(.operator)
    _ = try await door.perform(
      .addProject(path: stage.folder.file("project"), id: ProjectID(folderName: "apple")))
    let narrow = stage.door(.viewer, projects: [try Glob("pear*")])
    #expect(try await narrow.snapshot().projects.isEmpty)
    #expect(try await narrow.ask(.projects) == .projects([]))
    #expect(try await door.snapshot().projects.count == 1)
  }

  @Test func healthIsPublishedWhenItChangesAndKeepsItsSince() async throws {
    let stage = try Stage()
    let events = stage.core.bus.subscribe()
    stage.core.health.set("redis", .degraded, reason: "gone")
    stage.core.health.set("redis", .degraded, reason: "gone")
    stage.core.health.set("redis", .ok)
    stage.core.bus.finish()
    var states: [Health.State] = []
    for await event in events {
      if case .health(let health) = event.body { states.append(health.state) }
    }
    #expect(states == [.degraded, .ok])
  }

  @Test func everyNumberOfTheStatusIsAMetric() async throws {
    let stage = try Stage()
    stage.core.registry.register { StatusMetrics.families(stage.core.snapshot()) }
    let page = try PrometheusText(stage.core.registry.render())
    let snapshot = stage.core.snapshot()
    #expect(page.value("signalbox_process_open_files_max") == Double(snapshot.process.openFilesMax))
    #expect(page.value("signalbox_control_commands_total") == 0)
    #expect(page.value("signalbox_node_health", ["state": "ok"]) == 1)
  }
}

extension TemporaryFolder {
  fileprivate func lines(_ name: String) -> [String] {
    (read(name) ?? "").split(separator: "\n").map(String.init)
  }
}
