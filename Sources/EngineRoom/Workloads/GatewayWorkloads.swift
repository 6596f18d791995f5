internal import Base
internal import Bench
internal import Load

/// The `gateway` suite: a real node, clients in other processes over loopback.
enum GatewayWorkloads {
  static func all(_ bench: Workbench, peers: [GatewayPeer]) -> [any Workload] {
    let parsers: [any Workload] = [ParserSpeed(.frames, bench: bench), ParserSpeed(.packets, bench: bench)]
    let figures = twoHundred(bench) + tenThousand(bench) + fanOut(bench, peers) + limits(bench) + throttle(bench)
    return parsers + figures + (CacheWorkloads.redisServer == nil ? [] : nodes(bench))
  }

  /// Why rows or peers are missing; nil when none is.
  static func leftOut(peers: [GatewayPeer]) -> String? {
    var missing = GatewayPeer.names.filter { name in !peers.contains { $0.name == name } }
    if CacheWorkloads.redisServer == nil { missing.append("redis-server") }
    return missing.isEmpty
      ? nil : "not installed, and left out of the gateway's rows: \(missing.joined(separator: ", "))"
  }

  /// A figure of a load that lost, reordered or dropped something is none.
  static func whole(_ report: LoadReport) throws(Failure) -> LoadReport {
    guard report.lost == 0, report.orderViolations == 0, report.drops == 0, report.refused == 0 else {
      let why = report.firstDrop.map { " (\($0))" } ?? ""
      throw Failure(
        .internal,
        "the load lost \(report.lost) of \(report.expected) deliveries, \(report.orderViolations) out of order, "
          + "\(report.drops) connections dropped\(why), \(report.refused) events refused")
    }
    return report
  }

  // MARK: The target of old

  /// 200 clients, 2,000 messages a second.
  private static func twoHundred(_ bench: Workbench) -> [GatewayFigure] {
    var scenario = LoadScenario()
    scenario.clients = 200
    scenario.rooms = 10
    scenario.ratePerSecond = 110
    scenario.publishers = 4
    return [
      GatewayFigure("200 clients, 2,200 messages/s: mean", "ms", .most(50), bench) {
        [scenario] stage throws(Failure) in try whole(await stage.load(scenario)).latency.mean
      },
      GatewayFigure("200 clients, 2,200 messages/s: largest", "ms", .most(200), bench) {
        [scenario] stage throws(Failure) in try whole(await stage.load(scenario)).latency.largest
      }.taken(3, figure: .largest),
      GatewayFigure("200 clients: messages", "1/s", .least(2_000), bench) {
        [scenario] stage throws(Failure) in try whole(await stage.load(scenario)).deliveriesPerSecond
      },
    ]
  }

  // MARK: Ten thousand clients

  private static func tenThousand(_ bench: Workbench) -> [GatewayFigure] {
    var rooms = LoadScenario()
    rooms.clients = 10_000
    rooms.rooms = 100
    rooms.ratePerSecond = 100
    rooms.publishers = 4
    var room = rooms
    room.rooms = 1
    room.ratePerSecond = 1
    room.seconds = 5
    return [
      GatewayFigure("10,000 clients, 10,000 deliveries/s: p99", "ms", .most(50), bench) {
        [rooms] stage throws(Failure) in try whole(await stage.load(rooms)).latency.p99
      },
      GatewayFigure("10,000 clients in one room, 1 event/s: p99", "ms", .most(50), bench) {
        [room] stage throws(Failure) in try whole(await stage.load(room)).latency.p99
      }.taken(1),
    ]
  }

  // MARK: Fan-out

  private static let sizes = [(200, "200"), (1_000, "1,000"), (10_000, "10,000")]

  /// Deliveries for each second of the server's CPU time, against the strongest peer; the others have rows of their
  /// own at one size.
  private static func fanOut(_ bench: Workbench, _ peers: [GatewayPeer]) -> [GatewayFigure] {
    var rows: [GatewayFigure] = []
    for (inFlight, factor) in [(8, 1.2), (1, 1.0)] {
      for (clients, text) in sizes {
        let bound = peers.first?.name == "uWebSockets" ? GatewayFigure.Bound.timesPeer(factor) : .none
        rows.append(
          row("per CPU second: \(text) clients, \(inFlight) in flight", clients, inFlight, peers.first, bound, bench))
      }
    }
    for peer in peers.dropFirst() {
      rows.append(row("per CPU second beside \(peer.name): 1,000 clients, 8 in flight", 1_000, 8, peer, .none, bench))
    }
    return rows
  }

  private static func row(
    _ name: String, _ clients: Int, _ inFlight: Int, _ peer: GatewayPeer?, _ bound: GatewayFigure.Bound,
    _ bench: Workbench
  ) -> GatewayFigure {
    var scenario = LoadScenario()
    scenario.clients = clients
    scenario.inFlight = inFlight
    scenario.publishers = 4
    scenario.seconds = 2
    return GatewayFigure(name, "1/s", bound, bench, plan: .init(peer: peer)) { [scenario] stage throws(Failure) in
      try perCPUSecond(await stage.load(scenario))
    }.against { [scenario] stage throws(Failure) in
      guard let report = try await stage.loadOnPeer(scenario) else { throw Failure(.internal, "there is no peer") }
      return try perCPUSecond(report)
    }
  }

  static func perCPUSecond(_ report: LoadReport) throws(Failure) -> Double {
    guard let figure = try whole(report).deliveriesPerCPUSecond else {
      throw Failure(.internal, "the server used no measurable CPU time")
    }
    return figure
  }
}
