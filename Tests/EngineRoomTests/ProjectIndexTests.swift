import Access
import Base
import ControlPlane
import FakeServers
import Glibc
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import EngineRoom

/// What the node makes of its index: projects, runs, health, bounds and news.
@Suite(.timeLimit(.minutes(3))) struct ProjectIndexTests {
  private final class Stage: Sendable {
    let folder: TemporaryFolder
    let core: NodeCore
    let door = ScriptedDoor()
    let clock = ManualClock(startMilliseconds: 1_000_000)

    init(_ index: IndexSettings = IndexSettings()) throws {
      folder = try TemporaryFolder()
      for name in ["state", "state/audit", "state/bench"] { #expect(mkdir(folder.file(name), 0o700) == 0) }
      var settings = NodeSettings(
        version: "0.0.0", stateFolder: folder.file("state"), socketPath: folder.file("s"), access: AccessSettings(),
        apiPort: 0, index: index,
        doctor: DoctorSettings(
          redis: nil, dockerHost: "unix:///nowhere", stateFolder: folder.path, environment: [:], ports: []))
      settings.engines = [.index]
      core = try NodeCore(
        settings: settings, bus: EventBus(), log: LogSink(output: .none), registry: PrometheusRegistry(), clock: clock,
        gateway: door)
    }

    func plane(
      _ role: Grants.Role = .operator, projects: [Glob]? = nil, origin: Caller.Origin = .commandLine
    ) -> any ControlPlane {
      NodeDoorkeeper(core: core).door(
        for: Caller(actor: "kris", origin: origin, grants: Grants(role: role, projects: projects)))
    }

    /// A folder with one source file.
    func source(_ name: String, _ text: String) throws -> String {
      try folder.write("\(name)/\(name).py", text)
      return folder.file(name)
    }

    /// Runs the engine, and what brings it the projects, while `body` does.
    func run(_ body: (any ControlPlane) async throws -> Void) async throws {
      let index = try core.index()
      let pipeline = core.pipeline
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await index.run() }
        group.addTask { await pipeline?.run() }
        defer { group.cancelAll() }
        try await body(plane())
      }
    }

    var health: Health.Component? { core.health.health.components.first { $0.name == "index" } }
  }

  private static let text = "def open_the_gate(name):\n    return 'gate ' + name\n"
  /// Runs are those that a test asks for.
  private static let unasked = IndexSettings(indexesUnasked: false, watches: false)

  private func add(_ path: String, _ plane: any ControlPlane) async throws -> ProjectID {
    guard case .project(let project) = try await plane.perform(.addProject(path: path, id: nil)).result else {
      throw Failure(.internal, "another outcome")
    }
    return project.id
  }

  private func reindex(_ id: ProjectID, _ plane: any ControlPlane) async throws -> ReindexReport {
    guard case .reindexed(let report) = try await plane.perform(.reindex(ReindexRequest(project: id))).result else {
      throw Failure(.internal, "another outcome")
    }
    return report
  }

  private func hits(_ query: SearchQuery, _ plane: any ControlPlane) async throws -> [SearchHit] {
    guard case .search(let reply) = try await plane.ask(.search(query)) else {
      throw Failure(.internal, "another answer")
    }
    return reply.hits
  }

  @Test func aProjectThatIsAddedIsIndexedUnasked() async throws {
    let stage = try Stage()
    let path = try stage.source("gate", Self.text)
    try await stage.run { plane in
      let id = try await add(path, plane)
      #expect(await eventually { (try? await hits(SearchQuery("open the gate"), plane).isEmpty) == false })
      // A second look may be under way: that there is a project was seen twice.
      #expect(await eventually { stage.core.snapshot().index?.projects.first?.state == .ready })
      _ = try await plane.perform(.removeProject(id: id))
      #expect(try await hits(SearchQuery("open the gate"), plane).isEmpty)
      #expect(stage.core.snapshot().index?.projects.isEmpty == true)
    }
  }

  @Test(arguments: [200, 404, 401]) func aRemovedProjectsVectorsGoFromTheService(status: Int) async throws {
    let server = try await ScriptedServer.start { _ in
      [.head(status, [("Content-Length", "2"), ("Content-Type", "application/json")]), .bytes(Array("{}".utf8)), .end]
    }
    var settings = Self.unasked
    settings.remote = RemoteIndexSettings(
      pineconeKey: Secret("key"), pineconeHost: "http://127.0.0.1:\(server.port)")
    let stage = try Stage(settings)
    let path = try stage.source("gate", Self.text)
    try await stage.run { plane in
      let id = try await add(path, plane)
      // Also of a service that refuses: the project is gone, and the log says what is not.
      _ = try await plane.perform(.removeProject(id: id))
      #expect(stage.core.snapshot().index?.projects.isEmpty == true)
    }
    let asked = try #require(server.asked.first)
    let body = String(decoding: asked.body, as: UTF8.self)
    #expect(asked.target == "/vectors/delete" && body.contains(#""deleteAll":true"#) && body.contains("gate"))
    await server.close()
  }

  @Test func itsRoomAndItsListenersHearOfARun() async throws {
    let stage = try Stage(Self.unasked)
    let path = try stage.source("gate", Self.text)
    let events = stage.core.bus.subscribe()
    try await stage.run { plane in
      let id = try await add(path, plane)
      let report = try await reindex(id, plane)
      #expect(report.filesIndexed == 1 && report.mode == .full)
      for await event in events {
        guard case .reindexed(let ending) = event.body else { continue }
        #expect(ending.project == id && ending.report?.chunks == report.chunks)
        break
      }
      let sent = stage.door.script.withLock { $0.published }
      #expect(sent.contains { $0.room == "project:gate" && $0.event == "vectors-updated" })
      _ = try await reindex(id, plane)
      let again = stage.door.script.withLock { $0.published.count { $0.event == "vectors-updated" } }
      #expect(again == 1, "what did not change is no news")
      let index = try #require(stage.core.snapshot().index)
      #expect(index.lastRuns.count == 2 && index.embeddingsComputed == UInt64(report.chunks))
    }
  }

  @Test func aProjectThatFailsIsNamedByHealthUntilItIsWell() async throws {
    let stage = try Stage(Self.unasked)
    let path = try stage.source("gate", Self.text)
    try await stage.run { plane in
      let id = try await add(path, plane)
      _ = try await reindex(id, plane)
      #expect(rename(path, path + ".away") == 0)
      await #expect(throws: Failure.self) { try await reindex(id, plane) }
      #expect(stage.health?.state == .degraded && stage.health?.reason?.contains("project gate") == true)
      // What was indexed before goes on answering.
      #expect(try await !hits(SearchQuery("open the gate"), plane).isEmpty)
      #expect(rename(path + ".away", path) == 0)
      _ = try await reindex(id, plane)
      #expect(stage.health?.state == .ok)
    }
  }

  @Test func aFolderThatGoesAndComesBackIsSeenWithoutBeingTold() async throws {
    let stage = try Stage(IndexSettings())
    let path = try stage.source("gate", Self.text)
    try await stage.run { plane in
      let id = try await add(path, plane)
      _ = try await reindex(id, plane)
      #expect(rename(path, path + ".away") == 0)
      #expect(
        await eventually {
          stage.health?.state == .degraded && stage.health?.reason?.contains("project gate") == true
        })
      #expect(try await !hits(SearchQuery("open the gate"), plane).isEmpty)
      #expect(rename(path + ".away", path) == 0)
      #expect(await eventually(within: .seconds(40)) { stage.health?.state == .ok })
    }
  }

  @Test func aFullStateFolderRefusesRunsAndNoSearch() async throws {
    let stage = try Stage(IndexSettings(stateBytesMax: 1 << 20, indexesUnasked: false, watches: false))
    let path = try stage.source("gate", Self.text)
    try await stage.run { plane in
      let id = try await add(path, plane)
      _ = try await reindex(id, plane)
      try stage.folder.write("state/log/old", String(repeating: "x", count: 900_000))
      try await stage.core.index().measure()
      #expect(stage.health?.state == .degraded && stage.health?.reason?.contains("SIGNALBOX_STATE_MAX") == true)
      _ = try await reindex(id, plane)
      try stage.folder.write("state/log/older", String(repeating: "x", count: 200_000))
      await #expect { try await reindex(id, plane) } throws: { ($0 as? Failure)?.code == .limit }
      #expect(try await !hits(SearchQuery("open the gate"), plane).isEmpty)
    }
  }

  @Test func aStoredIndexAnswersAtOnceAfterAStart() async throws {
    let stage = try Stage(Self.unasked)
    let path = try stage.source("gate", Self.text)
    try await stage.run { plane in _ = try await reindex(try await add(path, plane), plane) }
    let again = try NodeCore(
      settings: stage.core.settings, bus: EventBus(), log: LogSink(output: .none), registry: PrometheusRegistry())
    // Nothing of it runs yet.
    let reply = try await again.index().search(SearchQuery("open the gate"))
    #expect(reply.hits.first?.path == "gate.py")
    #expect(again.snapshot().index?.projects.first?.state == .ready)
  }

  @Test func aNarrowCredentialSearchesItsProjectsOnly() async throws {
    let stage = try Stage(Self.unasked)
    let (one, two) = (try stage.source("gate", Self.text), try stage.source("door", Self.text))
    try await stage.run { plane in
      for path in [one, two] { _ = try await reindex(try await add(path, plane), plane) }
      #expect(try await Set(hits(SearchQuery("open the gate"), plane).map(\.project.rawValue)) == ["gate", "door"])
      let narrow = stage.plane(.viewer, projects: [try Glob("do*")])
      // With room for one, the hit is not lost to a project that may not be seen.
      let seen = try await hits(SearchQuery("open the gate", limit: 1), narrow)
      #expect(seen.map(\.project.rawValue) == ["door"])
      let hidden = SearchQuery("open the gate", projects: [ProjectID(folderName: "gate")])
      await #expect { try await hits(hidden, narrow) } throws: { ($0 as? Failure)?.code == .denied }
    }
  }

  @Test func aStopCancelsTheRunAndTellsWhoWaits() async throws {
    let stage = try Stage(Self.unasked)
    for number in 0..<300 {
      try stage.folder.write(
        "large/f\(number).py", String(repeating: "value_\(number) = compute(\(number))\n", count: 4_000))
    }
    let plane = stage.plane()
    let id = try await add(stage.folder.file("large"), plane)
    let events = stage.core.bus.subscribe()
    let index = try stage.core.index()
    let service = Task { await index.run() }
    let asked = Task { try await reindex(id, plane) }
    for await event in events {
      if case .indexProgress(let progress) = event.body, progress.filesDone > 0 { break }
    }
    service.cancel()
    await service.value
    await #expect(throws: Failure.self) { try await asked.value }
    #expect(index.snapshot().projects.first?.state != .indexing)
  }

  @Test func embeddingsAreOfLengthOneAndBounded() async throws {
    let stage = try Stage(Self.unasked)
    guard case .embeddings(let reply) = try await stage.plane(.viewer).ask(.embeddings(["open a file", "?"])) else {
      Issue.record("another answer")
      return
    }
    #expect(reply.vectors.map(\.count) == [256, 256] && reply.tokens >= 3)
    #expect(abs(reply.vectors[0].reduce(0) { $0 + $1 * $1 } - 1) < 1e-3)
    #expect(reply.vectors[1].allSatisfy { $0 == 0 })
    await #expect(throws: Failure.self) { try await stage.plane().ask(.embeddings([])) }
  }

  @Test func anEstimateComputesNothing() async throws {
    let stage = try Stage(Self.unasked)
    let id = try await add(try stage.source("gate", Self.text), stage.plane())
    guard case .reindexEstimate(let estimate) = try await stage.plane().ask(.reindexEstimate(.init(project: id))) else {
      Issue.record("another answer")
      return
    }
    #expect(estimate.files == 1 && estimate.chunks == 1 && estimate.tokens > 0 && estimate.uploadsTo == nil)
    #expect(stage.core.snapshot().index?.projects.first?.chunks == 0)
  }

  @Test func questionsBeyondTheBoundAreRefused() async throws {
    let threads = WorkThreads(label: "test", threads: 1, waiting: 1)
    let (started, isStarted) = AsyncStream.makeStream(of: Void.self)
    let release = Atomic(false)
    let first = Task {
      try await threads.run {
        isStarted.yield()
        while !release.load(ordering: .acquiring) { usleep(1_000) }
        return 1
      }
    }
    for await _ in started { break }
    await withTaskGroup(of: Failure.Code?.self) { group in
      for _ in 0..<2 {
        group.addTask {
          do throws(Failure) { _ = try await threads.run { 2 } } catch { return error.code }
          return nil
        }
      }
      // One of them waits, so the other is refused at once.
      #expect(await group.next() == .limit)
      release.store(true, ordering: .releasing)
      #expect(await group.next() == .some(nil))
    }
    #expect(try await first.value == 1)
  }
}
