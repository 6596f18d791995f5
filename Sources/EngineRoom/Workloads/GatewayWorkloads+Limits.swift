internal import Base
internal import Bench
internal import Load

/// What a connection costs, how fast they come, and what clients that do not read do to the others.
extension GatewayWorkloads {
  static func limits(_ bench: Workbench) -> [GatewayFigure] {
    [
      GatewayFigure("memory of an idle connection", "bytes", .most(1_000), bench, sample: memory).taken(1),
      GatewayFigure("connects", "1/s", .least(10_000), bench, sample: connects).taken(3),
      GatewayFigure("10,000 members flushed: longest wait of others", "ms", .most(5), bench, sample: longestWait),
      GatewayFigure("5 of 50 stalled: memory", "MB", .most(16), bench, sample: stalledMemory).taken(1),
      GatewayFigure(
        "5 of 50 stalled: p99 of the others by p99 without", "ratio", .most(1.5), bench, sample: stalledRatio),
      GatewayFigure("every open file held 60 s: drops", "sockets", .most(0), bench, sample: everyFile).taken(1),
    ]
  }

  private static func idle(_ clients: Int, seconds: Double) -> LoadScenario {
    var scenario = LoadScenario()
    scenario.clients = clients
    scenario.publishers = 0
    scenario.seconds = 0
    scenario.idleSeconds = seconds
    scenario.sourceAddresses = 4
    return scenario
  }

  /// A first load has warmed allocators and pools, so that what comes second is the connections' own.
  @Sendable private static func memory(_ stage: GatewayStage) async throws(Failure) -> Double {
    _ = try whole(await stage.load(idle(500, seconds: 0.5)))
    let report = try whole(await stage.load(idle(10_000, seconds: 2)))
    guard let before = report.residentBytesBefore, let after = report.residentBytesConnected else {
      throw Failure(.internal, "the load did not measure the node's memory")
    }
    return max(0, Double(after - before)) / Double(report.connections)
  }

  @Sendable private static func connects(_ stage: GatewayStage) async throws(Failure) -> Double {
    try whole(await stage.load(idle(5_000, seconds: 0))).connectsPerSecond
  }

  /// Echoes from another process, one each millisecond, while a room of ten thousand gets two events a second: how long
  /// whoever meets a flush must wait for its loop.
  @Sendable private static func longestWait(_ stage: GatewayStage) async throws(Failure) -> Double {
    var crowd = LoadScenario()
    crowd.clients = 10_000
    crowd.ratePerSecond = 2
    crowd.seconds = 6
    var probes = LoadScenario()
    probes.probes = 8
    probes.probeMilliseconds = 1
    // Into a room where nobody is (an agent's, the crowd is in a task's): a load publishes something, and this costs
    // nothing.
    probes.event = "agent-thought"
    probes.ratePerSecond = 1
    probes.idleSeconds = 2.5
    probes.seconds = 4
    let both = (crowd, probes)
    async let crowded = stage.load(both.0)
    async let probed = stage.load(both.1)
    let reports: (LoadReport, LoadReport)
    do { reports = try await (crowded, probed) } catch let failure as Failure { throw failure } catch {
      throw Failure(.unavailable, "the bench was cancelled")
    }
    _ = try whole(reports.0)
    return try whole(reports.1).probe.p99
  }

  /// Each receiver is due 19 MB.
  private static func crowd(stalled: Int) -> LoadScenario {
    var scenario = LoadScenario()
    scenario.clients = 50
    scenario.stalled = stalled
    scenario.payloadBytes = 4_096
    scenario.ratePerSecond = 1_000
    scenario.publishers = 4
    scenario.seconds = 4.2
    return scenario
  }

  /// The history of broadcasts is filled to its bound first, because the events fill it whoever reads or does not; then
  /// the same crowd is measured once with all reading, which warms the rest.
  @Sendable private static func stalledMemory(_ stage: GatewayStage) async throws(Failure) -> Double {
    var history = LoadScenario()
    history.clients = 1
    // Of the crowd's size: larger ones would leave holes that hide what the stalled clients take.
    history.payloadBytes = 4_096
    history.ratePerSecond = 5_000
    history.publishers = 4
    history.seconds = 3.5
    // It is filled whether its one reader keeps up or not.
    _ = try await stage.load(history)
    _ = try whole(await stage.load(crowd(stalled: 0)))
    let report = try await stage.load(crowd(stalled: 5))
    guard let before = report.residentBytesConnected, let peak = report.residentBytesPeak else {
      throw Failure(.internal, "the load did not measure the node's memory")
    }
    return max(0, Double(peak - before)) / 1e6
  }

  /// Both in one sample, so that what else runs on the machine meets both.
  @Sendable private static func stalledRatio(_ stage: GatewayStage) async throws(Failure) -> Double {
    let without = try whole(await stage.load(crowd(stalled: 0))).latency.p99
    let with = try await stage.load(crowd(stalled: 5)).latency.p99
    return with / max(without, 0.001)
  }

  /// As many as the smaller of the two processes may hold, for longer than two heartbeats.
  @Sendable private static func everyFile(_ stage: GatewayStage) async throws(Failure) -> Double {
    let files = FileLimit.hard
    let clients = min(FileLimit.sockets(of: files), files - 100, LoadScenario.clientsMax)
    let report = try await stage.load(idle(clients, seconds: 60))
    return Double(report.drops)
  }
}

/// Thoughts of one agent to a thousand, with the throttle and without.
extension GatewayWorkloads {
  static func throttle(_ bench: Workbench) -> [GatewayFigure] {
    let (on, off) = (GatewayStage.Plan(), GatewayStage.Plan(settings: ["SIGNALBOX_THROTTLE_RATE": "0"]))
    return [
      GatewayFigure("200 thoughts/s, throttled: messages to each", "1/s", .most(11), bench, plan: on, sample: messages)
        .taken(1),
      GatewayFigure("200 thoughts/s, throttled: per CPU second", "1/s", .none, bench, plan: on, sample: thoughts),
      GatewayFigure("200 thoughts/s, not throttled: per CPU second", "1/s", .none, bench, plan: off, sample: thoughts),
    ]
  }

  private static var scenario: LoadScenario {
    var scenario = LoadScenario()
    scenario.clients = 1_000
    scenario.event = "agent-thought"
    scenario.ratePerSecond = 200
    scenario.publishers = 4
    return scenario
  }

  /// Merging loses no thought.
  @Sendable private static func messages(_ stage: GatewayStage) async throws(Failure) -> Double {
    let report = try whole(await stage.load(scenario))
    // Messages a delivery, times thoughts a second.
    return Double(report.messages) / Double(max(report.expected, 1)) * scenario.ratePerSecond
  }

  @Sendable private static func thoughts(_ stage: GatewayStage) async throws(Failure) -> Double {
    try perCPUSecond(await stage.load(scenario))
  }
}

/// Two nodes with a Redis between them; clients and publishers are dealt to both in turn.
extension GatewayWorkloads {
  static func nodes(_ bench: Workbench) -> [GatewayFigure] {
    let plan = GatewayStage.Plan(nodes: 2)
    return [
      GatewayFigure("two nodes over Redis: lost or out of order", "events", .most(0), bench, plan: plan) {
        stage throws(Failure) in
        let report = try await stage.load(spread)
        return Double(report.lost + report.orderViolations + report.drops)
      }.taken(3, figure: .largest),
      GatewayFigure("two nodes over Redis: p99", "ms", .none, bench, plan: plan) { stage throws(Failure) in
        try whole(await stage.load(spread)).latency.p99
      },
    ]
  }

  private static var spread: LoadScenario {
    var scenario = LoadScenario()
    scenario.clients = 200
    scenario.rooms = 5
    scenario.ratePerSecond = 1_000
    scenario.publishers = 8
    // Each room becomes known to the other node's subscription: what is published before that is lost to it.
    scenario.idleSeconds = 2
    return scenario
  }
}
