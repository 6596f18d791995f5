import Base
import ControlPlane
import Console
import Synchronization

/// A node that is only told of: what the console's own tests and pictures are made with. Its figures are fixed, so that
/// two pictures of it are equal.
final class ProbePlane: ControlPlane {
  private let bus = EventBus<Event>()
  private let commands = Mutex<Int>(0)
  private let start: Int64 = 1_795_216_447_000
  private let sockets: Mutex<[SocketRecord]?>
  /// Where the project `api` is, which is indexed; nil: nothing is.
  private let project: String?

  /// `sockets`: how many the gateway has; nil: the node runs none.
  init(sockets: Int? = nil, project: String? = nil) {
    self.project = project
    let now = SystemWallClock().nowMilliseconds()
    self.sockets = Mutex(sockets.map { count in (0..<count).map { ProbeSockets.record($0, now: now) } })
  }

  func snapshot() async throws(Failure) -> Snapshot {
    let health = Health(components: [
      .init(name: "redis", state: .degraded, reason: "not configured", since: start)
    ])
    return Snapshot(
      node: "prod-eu-1", version: "0.1.0", uptimeSeconds: 353_460, health: health, phase: .ready,
      projects: [
        ProjectSummary(id: ProjectID(folderName: "api"), path: project ?? "/srv/git/api"),
        ProjectSummary(id: ProjectID(folderName: "web"), path: "/srv/git/web"),
        ProjectSummary(id: ProjectID(folderName: "core"), path: "/srv/git/core/with/a/rather/long/path/to/it"),
      ],
      process: ProcessSnapshot(
        processID: 1, cpuSeconds: 12, cpuPercent: 38, residentBytes: 432_013_312, openFiles: 2_911,
        openFilesMax: 65_536, threads: 19),
      control: ControlSnapshot(clients: 2),
      gateway: sockets.withLock { $0.map { ProbeSockets.snapshot($0) } },
      index: project.map { ProbeIndex.snapshot(path: $0) },
      bench: BenchSnapshot(lastRun: start - 900_000, met: 5, missed: 1))
  }

  func events() -> AsyncStream<Event> { bus.subscribe() }

  func ask(_ query: Query) async throws(Failure) -> Answer {
    let sockets = sockets.withLock { $0 }
    return switch query {
    case .sockets(let query):
      .sockets(try query.page(of: sockets ?? [], now: SystemWallClock().nowMilliseconds()))
    case .socket(let id): .socket(try ProbeSockets.detail(id, of: sockets ?? []))
    case .audience(let room):
      .audience(Audience(room: room, sockets: (sockets ?? []).count { $0.rooms.contains(room) || $0.id == room }))
    case .search where project != nil: .search(SearchReply(hits: ProbeIndex.hits))
    case .logs: .logs(Self.log(at: start))
    case .benchHistory: .benchHistory((0..<9).map { ProbeBench.report(number: $0, at: start) })
    default: throw Failure(.invalid, "the probe knows no \(query.name)")
    }
  }

  func perform(_ command: Command) async throws(Failure) -> Outcome {
    let number = commands.withLock {
      $0 += 1
      return $0
    }
    let id = "a-\(number)"
    bus.publish(
      Event(
        timeMilliseconds: start,
        body: .command(
          AuditRecord(
            id: id, timeMilliseconds: start, actor: "kris", origin: .console, action: command.action,
            target: command.target, outcome: "ok"))))
    if case .kickSockets(let ids) = command {
      let kicked = sockets.withLock { sockets in
        let found = ids.filter { id in sockets?.contains { $0.id == id } ?? false }
        sockets?.removeAll { found.contains($0.id) }
        return found
      }
      bus.publish(Event(timeMilliseconds: start, body: .socketsChanged))
      let report = KickReport(kicked: kicked, missing: ids.filter { !kicked.contains($0) })
      return Outcome(auditID: id, result: .kicked(report))
    }
    if case .broadcast(let broadcast) = command {
      let count = sockets.withLock { ($0 ?? []).count { $0.rooms.contains(broadcast.room) || $0.id == broadcast.room } }
      let receipt = PublishReceipt(room: broadcast.room, event: broadcast.event, sockets: count)
      return Outcome(auditID: id, result: .published(receipt))
    }
    if case .runBench = command {
      for step in 0...4 {
        let progress = BenchProgress(suite: "gateway", workload: "fan-out", fraction: Double(step) / 4)
        bus.publish(Event(timeMilliseconds: start, body: .benchProgress(progress)))
        // A cancelled bench ends early; nobody waits for its figures then.
        try? await Task.sleep(for: .milliseconds(400))
      }
      return Outcome(auditID: id, result: .bench(ProbeBench.report(number: 9, at: start + 900_000)))
    }
    if case .removeProject(let project) = command {
      throw Failure(.notFound, "no project is called \(project.rawValue)", hint: "signalbox projects list")
    }
    return Outcome(auditID: id, result: .done)
  }

  private static func log(at start: Int64) -> [LogRecord] {
    let lines: [(LogLevel, String, String, [String: String])] = [
      (.info, "control", "listening on the control socket", ["path": "/run/signalbox.sock"]),
      (.info, "api", "listening", ["address": "127.0.0.1:8000"]),
      (.warning, "node", "redis is not configured: the in-process store is used, there are no peers", [:]),
      (.info, "operator", "kris bench.run gateway: ok", ["id": "a-17"]),
      (.debug, "api", "GET /v1/status 200 in 0.4 ms", ["client": "127.0.0.1"]),
      (.error, "bench", "gateway fan-out missed its target: 2.4 ms > 2.0 ms", ["run": "b-9"]),
      (
        .info, "index", "file \u{1B}[31mred\u{1B}[0m \u{202E}gnp.exe 日本語 e\u{301}\u{302}\u{303}\u{304}\u{305} named so",
        [:]
      ),
      (.notice, "node", "state folder at 61% of its limit", ["used": "12.2G", "max": "20G"]),
      (.critical, "node", "file descriptors: 2,911 of 65,536", [:]),
    ]
    return (0..<60).map { index in
      let line = lines[index % lines.count]
      return LogRecord(
        timeMilliseconds: start - Int64(60 - index) * 1_731, level: line.0, label: line.1, message: line.2,
        metadata: line.3)
    }
  }
}

/// Projects and places that a search finds.
enum ProbeIndex {
  static func snapshot(path: String) -> IndexSnapshot {
    IndexSnapshot(projects: [
      ProjectStatus(id: ProjectID(folderName: "api"), path: path, state: .ready, files: 12, chunks: 41),
      ProjectStatus(id: ProjectID(folderName: "web"), path: "/srv/git/web", state: .failed, files: 3, chunks: 9),
      ProjectStatus(id: ProjectID(folderName: "core"), path: "/srv/git/core", state: .stale, files: 900, chunks: 2),
    ])
  }

  static let hits = ["the session.ts", "gone.ts"].enumerated().map { index, path in
    SearchHit(
      path: path, startLine: 42, endLine: 60, symbol: "refresh", language: "typescript",
      score: 0.8 - Double(index) / 10, snippet: "function refresh() {\n  rotate();\n}",
      project: ProjectID(folderName: "api"))
  }
}

/// Reports of a bench that looks like a real one.
enum ProbeBench {
  static func report(number: Int, at time: Int64) -> BenchReport {
    let drift = Double(number % 4) * 0.1
    return BenchReport(
      id: "b-\(number)", commit: "9f31c2e", timeMilliseconds: time - Int64(9 - number) * 900_000,
      machine: .init(cores: 4, memoryBytes: 8 << 30, kernel: "6.1.0", load: 0.4),
      results: [
        .init(
          suite: "gateway", name: "fan-out p99", value: 2.2 + drift, unit: "ms", target: 2.4, p50: 0.41, p95: 1.2,
          p99: 2.2, samples: 30),
        .init(
          suite: "gateway", name: "messages", value: 182_000, unit: "/s", target: 150_000, samples: 30,
          isLowerBetter: false),
        .init(
          suite: "console", name: "first frame", value: 41 + drift * 10, unit: "ms", target: 60, p50: 40, p95: 43,
          p99: 44, samples: 30),
        .init(
          suite: "console", name: "key to paint", value: 0.6, unit: "ms", target: 2, p50: 0.6, p95: 0.9, p99: 13,
          samples: 200),
        .init(suite: "memory", name: "idle resident", value: 18.4, unit: "MB", samples: 3),
        .init(
          suite: "control", name: "snapshot", value: 0.09, unit: "ms", target: 1, p50: 0.09, p95: 0.2, p99: 0.4,
          samples: 1_000),
      ])
  }
}

/// Runs the whole console over the probe's plane: `--console [--attached] [--read-only] [--lost] [--ascii]
/// [--sockets N] [--project PATH] [--settings]`; with the last, the operator's own file is read.
enum ProbeConsole {
  static func run(_ arguments: [String], environment: [String: String]) async -> ConsoleExit {
    let isAttached = arguments.contains("--attached")
    let (link, sink) = AsyncStream.makeStream(of: LinkState.self)
    sink.yield(.live)
    if arguments.contains("--lost") {
      sink.yield(
        .lost(sinceMilliseconds: 0, retryAtMilliseconds: SystemWallClock().nowMilliseconds() + 90_000, reason: "x"))
    }
    let options = ConsoleOptions(
      isEmbedded: !isAttached, isReadOnly: arguments.contains("--read-only"), operatorLabel: "kris",
      nodePath: isAttached ? "/run/signalbox.sock" : nil, theme: environment["PROBE_THEME"] ?? "signalbox-dark",
      themes: ThemeLibrary(directories: []), color: arguments.contains("--no-color") ? .never : .auto,
      glyphs: arguments.contains("--ascii") ? .ascii : .braille, environment: environment,
      file: arguments.contains("--settings") ? ConsoleFile(environment: environment) : .none)
    func value(_ flag: String) -> String? {
      arguments.firstIndex(of: flag).flatMap { arguments.dropFirst($0 + 1).first }
    }
    let plane = ProbePlane(sockets: value("--sockets").flatMap { Int($0) }, project: value("--project"))
    return await Console(plane: plane, link: isAttached ? link : nil, options: options).run()
  }
}
