import API
import Access
import Base
import ControlPlane
import Logging
import ServiceLifecycle
import Synchronization

/// A running API on a free port, over a plane whose answers are fixed and whose events a test publishes.
struct TestNode: Sendable {
  static let token = "correct-horse-battery-staple-0123456789"

  let port: Int
  let plane: TestPlane
  let statistics: APIStatistics
  let group: ServiceGroup

  /// Starts, runs `body`, and stops gracefully.
  static func run(
    _ settings: APISettings = APISettings(port: 0), access: AccessSettings = AccessSettings(),
    health: Health = Health(components: []), phase: Snapshot.Phase = .ready,
    ownerOf: (@Sendable (SocketEndpoint, SocketEndpoint) -> UInt32?)? = nil,
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ body: (TestNode) async throws -> Void
  ) async throws {
    let authenticator =
      if let ownerOf {
        try await Authenticator(settings: access, ownerOf: ownerOf)
      } else {
        try await Authenticator(settings: access)
      }
    let plane = TestPlane()
    let statistics = APIStatistics()
    let (ports, listening) = AsyncStream.makeStream(of: Int.self)
    let server = APIServer(
      settings: settings, doorkeeper: TestDoorkeeper(plane: plane), authenticator: authenticator, health: { health },
      phase: { phase }, metrics: { "# HELP up 1\nup 1\n" }, statistics: statistics, logger: logger,
      onListening: { listening.yield($0) })
    let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        defer { listening.finish() }
        try await group.run()
      }
      var iterator = ports.makeAsyncIterator()
      if let port = await iterator.next() {
        do {
          try await body(TestNode(port: port, plane: plane, statistics: statistics, group: group))
        } catch {
          await group.triggerGracefulShutdown()
          throw error
        }
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
  }

  /// One request on a connection of its own.
  func ask(
    _ method: String, _ target: String, host: String? = nil, headers: [String] = [], body: String = ""
  ) async throws -> RawClient.Answer {
    let client = try RawClient(port: port)
    var lines = ["\(method) \(target) HTTP/1.1", "Host: \(host ?? "localhost:\(port)")"] + headers
    if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
    await client.send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    return try await client.answer(isHead: method == "HEAD")
  }

  static let bearer = "Authorization: Bearer \(token)"

  /// Waits until `condition` holds, at most 20 seconds.
  static func until(_ condition: @Sendable () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while !condition() {
      guard ContinuousClock.now < end else { throw Failure(.timeout, "the condition never held") }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

struct TestDoorkeeper: Doorkeeper {
  let plane: TestPlane
  func door(for caller: Caller) -> any ControlPlane { GuardedPlane(plane, caller: caller) }
}

final class TestPlane: ControlPlane {
  let bus = EventBus<Event>()
  let benchRuns = Mutex<[BenchOptions]>([])
  /// What else it was told and asked.
  let commands = Mutex<[Command]>([])
  let queries = Mutex<[Query]>([])
  let reach = Mutex<PublishReceipt.Reach>(.everywhere)
  /// How long a bench takes.
  let benchTime = Mutex<Duration>(.zero)

  static let socket = SocketRecord(
    id: "AQID_-0", user: "ada", isVerified: true, rooms: ["task:1"], connectedAt: 5, address: "127.0.0.1:7",
    node: "cafe0001")

  static let report = BenchReport(
    id: "1", commit: "abc", timeMilliseconds: 1,
    machine: .init(cores: 1, memoryBytes: 1, kernel: "k", load: 0), results: [])

  func snapshot() async throws(Failure) -> Snapshot {
    Snapshot(
      node: "cafe0001", version: "0.1.0", uptimeSeconds: 1, health: Health(components: []), phase: .ready,
      projects: ["apple", "pear"].map { ProjectSummary(id: ProjectID(folderName: $0), path: "/\($0)") },
      process: ProcessSnapshot(
        processID: 1, cpuSeconds: 0, cpuPercent: 0, residentBytes: 0, openFiles: 0, openFilesMax: 0, threads: 1),
      control: ControlSnapshot(), bench: BenchSnapshot())
  }

  func events() -> AsyncStream<Event> { bus.subscribe() }

  func ask(_ query: Query) async throws(Failure) -> Answer {
    queries.withLock { $0.append(query) }
    switch query {
    case .sockets(let query): return .sockets(try query.page(of: [Self.socket], now: 10))
    case .socket(Self.socket.id): return .socket(SocketDetail(socket: Self.socket, rooms: ["task:1"]))
    default: break
    }
    guard case .benchHistory(let limit) = query else { throw Failure(.notFound, "nothing here") }
    return .benchHistory(Array(repeating: Self.report, count: min(limit, 3)))
  }

  func perform(_ command: Command) async throws(Failure) -> Outcome {
    commands.withLock { $0.append(command) }
    func published(_ room: String, _ event: String) -> Outcome {
      let receipt = PublishReceipt(room: room, event: event, sockets: 3, reach: reach.withLock { $0 })
      return Outcome(auditID: nil, result: .published(receipt))
    }
    switch command {
    case .kickSockets([Self.socket.id]):
      return Outcome(auditID: "1", result: .kicked(KickReport(kicked: [Self.socket.id], missing: [])))
    case .kickSockets: throw Failure(.notFound, "there is no such socket on this node")
    case .broadcast(let broadcast): return published(broadcast.room, broadcast.event)
    case .agentThought(let thought): return published(thought.room, "agent-thought")
    case .taskUpdate(let update): return published(update.room, "task-update")
    case .projectEvent(let event): return published(event.room, event.event)
    default: break
    }
    if case .cancelBench = command { return Outcome(auditID: "1", result: .stopped(false)) }
    guard case .runBench(let options) = command else { throw Failure(.conflict, "busy") }
    benchRuns.withLock { $0.append(options) }
    do {
      try await Task.sleep(for: benchTime.withLock { $0 })
    } catch {
      throw Failure(.unavailable, "cancelled")
    }
    return Outcome(auditID: "1", result: .bench(Self.report))
  }
}
