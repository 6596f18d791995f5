import Access
import Base
import ControlPlane
import Glibc
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import EngineRoom

/// What the node makes of its gateway: questions, deeds, health, figures.
@Suite struct GatewayEngineTests {
  private struct Stage {
    let folder: TemporaryFolder
    let core: NodeCore
    let door = ScriptedDoor()
    let clock = ManualClock(startMilliseconds: 1_000_000)

    init(sockets: Int = 0) throws {
      folder = try TemporaryFolder()
      for name in ["audit", "bench"] { #expect(mkdir(folder.file(name), 0o700) == 0) }
      var settings = NodeSettings(
        version: "0.0.0", stateFolder: folder.path, socketPath: folder.file("s"), access: AccessSettings(), apiPort: 0,
        doctor: DoctorSettings(
          redis: nil, dockerHost: "unix:///nowhere", stateFolder: folder.path, environment: [:], ports: []))
      settings.engines = []
      door.script.withLock { script in
        script.snapshot.connectionsMax = 1_000
        script.sockets = (0..<sockets).map {
          SocketRecord(id: "s\($0)", user: "u\($0 % 3)", connectedAt: 1_000, address: "127.0.0.1:\($0)", node: "n")
        }
      }
      core = try NodeCore(
        settings: settings, bus: EventBus(), log: LogSink(output: .none), registry: PrometheusRegistry(), clock: clock,
        gateway: door)
    }

    func plane(_ role: Grants.Role = .operator, origin: Caller.Origin = .console) -> any ControlPlane {
      NodeDoorkeeper(core: core).door(for: Caller(actor: "kris", origin: origin, grants: Grants(role: role)))
    }

    var gatewayHealth: Health.Component? { core.health.health.components.first { $0.name == "gateway" } }
  }

  @Test func aPageIsCutOutOfOneListForAllWhoAskAtOnce() async throws {
    let stage = try Stage(sockets: 50)
    let plane = stage.plane()
    let pages = try await withThrowingTaskGroup(of: Answer.self) { group in
      for offset in [0, 10, 20] {
        group.addTask {
          try await plane.ask(.sockets(SocketQuery(filter: "user=u1", sort: .id, offset: offset, limit: 5)))
        }
      }
      return try await group.reduce(into: [Answer]()) { $0.append($1) }
    }
    for case .sockets(let page) in pages { #expect(page.matching == 17 && page.total == 50 && page.sockets.count <= 5) }
    #expect(stage.door.script.withLock { $0.lists } < 3)
    await #expect(throws: Failure.self) { try await plane.ask(.sockets(SocketQuery(filter: "size>1"))) }
  }

  @Test func oneSocketIsFoundOrNot() async throws {
    let stage = try Stage(sockets: 2)
    guard case .socket(let detail) = try await stage.plane().ask(.socket(id: "s1")) else {
      throw Failure(.internal, "another answer")
    }
    #expect(detail.socket.user == "u1")
    let failure = await #expect(throws: Failure.self) { try await stage.plane().ask(.socket(id: "s9")) }
    #expect(failure?.code == .notFound)
    let wrong = await #expect(throws: Failure.self) { try await stage.plane().ask(.socket(id: "a b")) }
    #expect(wrong?.code == .invalid)
  }

  @Test func aKickSaysWhoWentAndIsAudited() async throws {
    let stage = try Stage(sockets: 100)
    let ids = (0..<70).map { "s\($0)" } + ["s1", "gone"]
    let outcome = try await stage.plane().perform(.kickSockets(ids: ids))
    guard case .kicked(let report) = outcome.result else { throw Failure(.internal, "another outcome") }
    #expect(report.kicked == (0..<70).map { "s\($0)" } && report.missing == ["gone"])
    #expect((1...32).contains(stage.door.script.withLock { $0.kicksAtOnce }))
    let audit = stage.core.audit.query(AuditQuery())
    #expect(audit.count == 2 && audit.allSatisfy { $0.action == "socket.kick" && $0.target.hasPrefix("s0,s1") })
    let failure = await #expect(throws: Failure.self) { try await stage.plane().perform(.kickSockets(ids: ["gone"])) }
    #expect(failure?.code == .notFound)
    for ids in [[], ["a b"], (0..<1_001).map { "s\($0)" }] {
      await #expect(throws: Failure.self) { try await stage.plane().perform(.kickSockets(ids: ids)) }
    }
  }

  @Test func typedEventsReachTheDoorWithTheNodesTime() async throws {
    let stage = try Stage()
    let plane = stage.plane(.agent, origin: .http)
    _ = try await plane.perform(.agentThought(AgentThought(agentID: "a", thought: "x")))
    _ = try await plane.perform(.taskUpdate(TaskUpdate(taskID: "t", status: .completed)))
    _ = try await plane.perform(.projectEvent(ProjectEvent(projectID: ProjectID(folderName: "p"), event: "e")))
    _ = try await plane.perform(.broadcast(Broadcast(room: "r", event: "e", data: try RawJSON("[1]"))))
    let (published, prepared) = stage.door.script.withLock { ($0.published, $0.prepared) }
    #expect(prepared == ["e", "e"], "events of any name may have something that must come before them")
    #expect(published.map(\.room) == ["agent:a", "task:t", "project:p", "r"])
    #expect(published[0].data?.text == "{\"agentId\":\"a\",\"thought\":\"x\",\"timestamp\":1000000}")
    let lines = stage.core.audit.query(AuditQuery())
    #expect(lines.count == 4 && lines.allSatisfy { $0.outcome == "ok" }, "traffic has one line a command, afterwards")
    _ = try await stage.plane().perform(.broadcast(Broadcast(room: "r", event: "e")))
    #expect(stage.core.audit.query(AuditQuery()).count == 6, "what an operator sends has two")
    stage.door.script.withLock { $0.isFull = true }
    let failure = await #expect(throws: Failure.self) {
      try await plane.perform(.broadcast(Broadcast(room: "r", event: "e")))
    }
    #expect(failure?.code == .limit)
  }

  /// What a person sends is counted over all nodes first; what a program publishes waits for nobody.
  @Test func aPersonIsToldHowManyAreReachedAndWhoAcknowledged() async throws {
    let stage = try Stage()
    let broadcast = Broadcast(room: "task:t", event: "notice")
    let byHand = try await stage.plane(origin: .commandLine).perform(.broadcast(broadcast))
    guard case .published(let counted) = byHand.result else { throw Failure(.internal, "\(byHand)") }
    #expect(counted.sockets == 7 && counted.isComplete == true && counted.acknowledged == nil)
    let byProgram = try await stage.plane(origin: .http).perform(.broadcast(broadcast))
    guard case .published(let published) = byProgram.result else { throw Failure(.internal, "\(byProgram)") }
    #expect(published.sockets == 2 && published.isComplete == nil)
    var asking = broadcast
    asking.acknowledgeMilliseconds = 500
    let answer = try await stage.plane().perform(.broadcast(asking))
    guard case .published(let asked) = answer.result else { throw Failure(.internal, "\(answer)") }
    #expect(asked.acknowledged == 1)
    for wait in [0, 60_001] {
      asking.acknowledgeMilliseconds = wait
      let wrong = asking
      await #expect(throws: Failure.self) { try await stage.plane().perform(.broadcast(wrong)) }
    }
  }

  @Test func anEventForSeveralRoomsIsCountedWhoeverSendsIt() async throws {
    let stage = try Stage()
    let broadcast = Broadcast(room: "r", moreRooms: ["s"], event: "e")
    let outcome = try await stage.plane(.agent, origin: .http).perform(.broadcast(broadcast))
    guard case .published(let receipt) = outcome.result else { throw Failure(.internal, "\(outcome)") }
    #expect(receipt.sockets == 7 && receipt.isComplete == true, "a sum would count some twice")
    #expect(stage.door.script.withLock { $0.published } == [broadcast])
  }

  /// More agents than a room's throttle holds: the publisher hears that its event is lost.
  @Test func whatTheThrottleCannotHoldIsRefused() async throws {
    let gateway = try ServedGateway(
      GatewaySettings(), host: "127.0.0.1", node: .random(),
      authenticator: try await Authenticator(settings: AccessSettings()), logger: try Stage().core.logger)
    let failure = #expect(throws: Failure.self) {
      for number in 0..<2_000 {
        let data = try RawJSON("{\"agentId\":\"\(number)\"}")
        _ = try gateway.publish(Broadcast(room: "r", event: "agent-thought", data: data))
      }
    }
    #expect(failure?.code == .limit && failure?.isRetriable == true)
  }

  @Test func thePageCountsTheSocketsOfOtherNodes() async throws {
    let stage = try Stage(sockets: 3)
    stage.door.script.withLock {
      $0.peers = [.init(node: "other", version: "0.0.0", lastSeenMilliseconds: 1, sockets: 41)]
    }
    guard case .sockets(let page) = try await stage.plane().ask(.sockets(SocketQuery())) else { return }
    #expect(page.total == 3 && page.peers == [.init(node: "other", sockets: 41)])
  }

  @Test func theGatewaysOwnHealthIsTheNodes() throws {
    let stage = try Stage()
    let health = try #require(stage.door.script.withLock { $0.health })
    #expect(health() == stage.core.health.health && health().state == .degraded)
    stage.core.health.set("gateway", .ok)
    #expect(health().state == .ok)
    stage.core.health.set("state", .down, reason: "no disk")
    #expect(health().state == .down)
  }

  @Test func aNodeWithoutTheEngineSaysSo() async throws {
    let folder = try TemporaryFolder()
    for name in ["audit", "bench"] { #expect(mkdir(folder.file(name), 0o700) == 0) }
    var settings = NodeSettings(
      version: "0.0.0", stateFolder: folder.path, socketPath: folder.file("s"), access: AccessSettings(), apiPort: 0,
      doctor: DoctorSettings(
        redis: nil, dockerHost: "unix:///nowhere", stateFolder: folder.path, environment: [:], ports: []))
    settings.engines = []
    let core = try NodeCore(
      settings: settings, bus: EventBus(), log: LogSink(output: .none), registry: PrometheusRegistry())
    let plane = NodeDoorkeeper(core: core).door(for: .node)
    let failure = await #expect(throws: Failure.self) { try await plane.ask(.sockets(SocketQuery())) }
    #expect(failure?.code == .unavailable && failure?.hint?.contains("SIGNALBOX_ENGINES") == true)
    #expect(try await plane.snapshot().gateway == nil)
  }

  // MARK: - Health and figures

  @Test func healthSaysHowManySocketsFit() throws {
    let stage = try Stage()
    let engine = try stage.core.gateway()
    #expect(stage.gatewayHealth?.state == .degraded)
    engine.look()
    #expect(stage.gatewayHealth?.state == .ok && stage.gatewayHealth?.reason == "room for 1000 sockets")
    stage.door.script.withLock { $0.snapshot.connections = 950 }
    engine.look()
    #expect(stage.gatewayHealth?.state == .degraded && stage.gatewayHealth?.reason == "950 of 1000 sockets")
  }

  @Test func healthSaysWhenRedisIsAway() throws {
    let stage = try Stage()
    stage.door.script.withLock {
      $0.snapshot.redis = .init(state: .away, since: 5, reason: "connection refused", waiting: 31)
    }
    try stage.core.gateway().look()
    #expect(stage.gatewayHealth?.state == .degraded)
    #expect(
      stage.gatewayHealth?.reason
        == "Redis is away (connection refused): events reach the sockets of this node only; 31 events wait for it")
    stage.door.script.withLock { $0.snapshot.redis = .init(state: .connected) }
    try stage.core.gateway().look()
    #expect(stage.gatewayHealth?.state == .ok)
  }

  @Test(arguments: [(1_024, 768), (20_000, 18_464), (65_536, 64_000), (100, 75)])
  func aLimitOfOpenFilesLeavesRoomForTheNodeItself(limit: Int, sockets: Int) {
    #expect(FileLimit.sockets(of: limit) == sockets)
  }

  @Test func openFilesThatAreTooFewAreNamedAsTheCause() throws {
    let folder = HealthBoard(now: { 0 }, changed: { _ in })
    let door = ScriptedDoor()
    door.script.withLock {
      $0.snapshot.connectionsMax = 100_000
      $0.snapshot.connections = 760
    }
    let engine = GatewayEngine(door, health: folder, clock: ManualClock(startMilliseconds: 0), openFilesMax: 1_024)
    engine.look()
    #expect(folder.health.reasons.first?.reason == "760 of 768 sockets, which is all that its open files have room for")
  }

  @Test func statusAndMetricsCarryEveryFigure() async throws {
    let stage = try Stage()
    stage.door.script.withLock { script in
      script.snapshot.connections = 11
      script.snapshot.peak = 12
      script.snapshot.total = 13
      script.snapshot.dropped = 14
      script.snapshot.cut = 15
      script.snapshot.merged = 16
      script.snapshot.throttled = 17
      script.snapshot.queuedBytes = 18
      script.snapshot.latency = LatencySummary(p50: 1, p95: 2, p99: 3)
      script.peers = [
        .init(node: "b", version: "0.1.1", lastSeenMilliseconds: 1, sockets: 4),
        .init(node: "a", version: "0.1.0", lastSeenMilliseconds: 1, sockets: 5),
      ]
    }
    let snapshot = try await stage.plane().snapshot()
    #expect(snapshot.gateway?.connections == 11 && snapshot.peers.map(\.node) == ["a", "b"])
    let families = StatusMetrics.families(snapshot)
    func values(_ name: String) -> [Double] {
      (families.first { $0.name == name }?.samples ?? []).map { sample in
        switch sample.value {
        case .number(let value): value
        default: -1
        }
      }
    }
    func value(_ name: String) -> Double? { values(name).first }
    #expect(value("signalbox_gateway_connections") == 11 && value("signalbox_gateway_connections_peak") == 12)
    #expect(value("signalbox_gateway_connections_total") == 13 && value("signalbox_gateway_dropped_total") == 14)
    #expect(value("signalbox_gateway_cut_total") == 15 && value("signalbox_gateway_merged_total") == 16)
    #expect(value("signalbox_gateway_throttled_total") == 17 && value("signalbox_gateway_queued_bytes") == 18)
    #expect(values("signalbox_gateway_latency_milliseconds") == [1, 2, 3])
  }

  @Test func aDoorThatCannotListenFailsTheEngineWithItsOwnWords() async throws {
    let stage = try Stage()
    stage.door.script.withLock { $0.failure = Failure(.unavailable, "port 3001 of 127.0.0.1 is in use") }
    let engine = try stage.core.gateway()
    let failure = await #expect(throws: Failure.self) { try await engine.run() }
    #expect(failure?.message == "port 3001 of 127.0.0.1 is in use")
    await #expect(throws: CancellationError.self) { try await engine.listening() }
  }

  @Test func drainingGivesClientsTime() async throws {
    let stage = try Stage()
    try await stage.core.gateway().drain()
    #expect(stage.door.script.withLock { $0.drained } == GatewayEngine.drainDuration)
  }
}
