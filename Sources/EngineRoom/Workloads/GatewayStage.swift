internal import Base
internal import FoundationEssentials
internal import Glibc
internal import Load
internal import Synchronization

/// What a figure of the gateway is measured on: nodes of the bench's own, perhaps a Redis between them and a peer
/// beside them. The clients come from a process of their own for each load. Everything ends with the stage.
final class GatewayStage: Sendable {
  struct Plan: Sendable {
    var nodes = 1
    /// By the names of the environment.
    var settings: [String: String] = [:]
    var peer: GatewayPeer?
    var hasRedis: Bool { nodes > 1 }
  }

  private struct Players {
    var nodes: [BenchNode] = []
    var redis: BenchChild?
    var peer: (child: BenchChild, port: UInt16)?
  }

  /// What one connection may publish would otherwise bound the load and not the gateway.
  private static let unbounded = ["SIGNALBOX_PUBLISH_RATE": "1000000", "SIGNALBOX_PUBLISH_BURST": "1000000"]
  private static let reportBytesMax = 1 << 20

  private let bench: Workbench
  private let players = Mutex(Players())
  private let loads = Mutex(0)

  private init(_ bench: Workbench) { self.bench = bench }

  static func open(_ bench: Workbench, _ plan: Plan) async throws(Failure) -> GatewayStage {
    let stage = GatewayStage(bench)
    do throws(Failure) { try await stage.set(plan) } catch {
      stage.close()
      throw error
    }
    return stage
  }

  private func set(_ plan: Plan) async throws(Failure) {
    var settings = plan.settings.merging(Self.unbounded) { own, _ in own }
    if plan.hasRedis {
      let (server, path) = try await startRedis()
      players.withLock { $0.redis = server }
      settings["REDIS_URL"] = "unix://\(path)"
    }
    for _ in 0..<plan.nodes {
      let node = try await bench.startNode(settings)
      players.withLock { $0.nodes.append(node) }
    }
    if let peer = plan.peer {
      let started = try await peer.start(bench)
      players.withLock { $0.peer = started }
    }
  }

  private func startRedis() async throws(Failure) -> (BenchChild, String) {
    guard let program = CacheWorkloads.redisServer else { throw Failure(.unavailable, "there is no redis-server") }
    let path = "\(bench.folder)/g\(NodeID.random().rawValue.prefix(6))"
    let arguments = [
      "--port", "0", "--unixsocket", path, "--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--dir",
      bench.folder,
    ]
    let server = try BenchChild(program, .init(arguments: arguments, environment: [:], hasOwnSession: true))
    let end = ContinuousClock.now + CacheStage.startLimit
    while access(path, F_OK) != 0 {
      guard ContinuousClock.now < end, !server.hasEnded else {
        server.kill()
        throw Failure(.timeout, "Redis did not get ready for the bench")
      }
      do throws(Failure) { try await bench.sleep(.milliseconds(2)) } catch {
        server.kill()
        throw error
      }
    }
    return (server, path)
  }

  func close() {
    let players = players.withLock { players in
      defer { players = Players() }
      return players
    }
    players.peer?.child.kill()
    for node in players.nodes { node.child.kill() }
    players.redis?.kill()
  }

  // MARK: Loads

  /// A load on the nodes, from a process of its own.
  func load(_ scenario: LoadScenario) async throws(Failure) -> LoadReport {
    let nodes = players.withLock(\.nodes)
    return try await run(scenario, ports: nodes.map(\.gatewayPort), processes: nodes.map(\.processID))
  }

  /// The same on the peer.
  func loadOnPeer(_ scenario: LoadScenario) async throws(Failure) -> LoadReport? {
    guard let peer = players.withLock(\.peer) else { return nil }
    return try await run(scenario, ports: [peer.port], processes: [peer.child.processID])
  }

  private func run(
    _ scenario: LoadScenario, ports: [UInt16], processes: [Int32]
  ) async throws(Failure) -> LoadReport {
    var scenario = scenario
    scenario.ports = ports
    if bench.isQuick { scenario = scenario.quick }
    scenario.serverProcesses = processes
    let number = loads.withLock { number in
      number += 1
      return number
    }
    let output = "\(bench.folder)/l\(number)\(NodeID.random().rawValue.prefix(6))"
    let launch = BenchChild.Launch(
      arguments: ["load", try Self.json(scenario)],
      environment: BenchNode.environment(folder: bench.folder, socket: "\(bench.folder)/none"), output: output)
    let child = try BenchChild(bench.executable, launch)
    let (status, _) = await child.end(within: .seconds(scenario.secondsMost))
    let bytes = try WholeFile.read(output, maxBytes: Self.reportBytesMax) ?? []
    if Task.isCancelled { throw Failure(.unavailable, "the bench was cancelled") }
    guard status == 0, let report = Self.report(bytes) else {
      let said = DisplayText(String(decoding: bytes.suffix(400), as: UTF8.self)).truncated(to: 300).text
      throw Failure(.internal, "a load ended with wait status \(status): \(said)")
    }
    return report
  }

  private static func json(_ scenario: LoadScenario) throws(Failure) -> String {
    do { return String(decoding: try JSONEncoder().encode(scenario), as: UTF8.self) } catch {
      throw Failure(.internal, "a scenario has no JSON")
    }
  }

  private static func report(_ bytes: [UInt8]) -> LoadReport? {
    // What is no report is shown as it is.
    try? JSONDecoder().decode(LoadReport.self, from: Data(bytes))
  }
}

extension LoadScenario {
  /// Whether it works, and not the figure.
  fileprivate var quick: LoadScenario {
    var quick = self
    quick.clients = min(clients, 40)
    quick.rooms = min(rooms, 4)
    quick.stalled = min(stalled, 5)
    // Nodes have to learn of each other's rooms, which takes as long as in a full run.
    if ports.count == 1 { quick.idleSeconds = min(idleSeconds, 0.05) }
    quick.warmUpSeconds = min(warmUpSeconds, 0.05)
    quick.seconds = min(seconds, 0.2)
    // It ends with the last delivery; a slow machine takes its time for that.
    quick.drainSeconds = max(drainSeconds, 30)
    return quick
  }

  /// When it is given up.
  fileprivate var secondsMost: Double { connectSeconds + idleSeconds + warmUpSeconds + seconds + drainSeconds + 30 }
}
