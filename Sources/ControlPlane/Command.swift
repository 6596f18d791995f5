public import Base

/// Everything that changes something. Closed: a face switches over all of it.
public enum Command: Sendable, Codable, Equatable {
  /// Makes a folder known. `id` nil: the folder's name.
  case addProject(path: String, id: ProjectID?)
  case removeProject(id: ProjectID)
  /// No new work, clients told to move, then stop.
  case drain
  /// Graceful stop.
  case stop
  /// Changes what is logged until the next start.
  case setLogLevel(LogLevel)
  case runBench(BenchOptions)
  /// Stops the bench under way, whoever began it; it has no report then.
  case cancelBench
  case cacheSet(CacheWrite)
  /// Also how one key is deleted: what was made from it goes with it.
  case cacheInvalidate(CacheSelection)
  /// Closes connections, each with a word to its client.
  case kickSockets(ids: [String])
  case broadcast(Broadcast)
  case agentThought(AgentThought)
  case taskUpdate(TaskUpdate)
  case projectEvent(ProjectEvent)
  /// Returns when the run has ended; `indexProgress` events tell of it meanwhile.
  case reindex(ReindexRequest)
  /// Stops a reindex; the index before it keeps answering.
  case cancelReindex(id: ProjectID)
  /// Lets the project's sources go to the remote embedder, from now on.
  case allowUpload(id: ProjectID)
  /// Returns when the run has ended; `runOutput` events tell of it meanwhile.
  case run(RunRequest)
  case killRun(id: String)
  /// Has the Docker Engine fetch the images that the sandbox is set to use.
  case pullImages

  /// The verb that the audit, the log and `operator` lines show.
  public var action: String {
    switch self {
    case .addProject: "project.add"
    case .removeProject: "project.remove"
    case .drain: "node.drain"
    case .stop: "node.stop"
    case .setLogLevel: "log.level"
    case .runBench: "bench.run"
    case .cancelBench: "bench.cancel"
    case .cacheSet: "cache.set"
    case .cacheInvalidate: "cache.invalidate"
    case .kickSockets: "socket.kick"
    case .broadcast: "socket.broadcast"
    case .agentThought: "agent.thought"
    case .taskUpdate: "task.update"
    case .projectEvent: "project.event"
    case .reindex: "index.reindex"
    case .cancelReindex: "index.cancel"
    case .allowUpload: "project.allow-upload"
    case .run: "sandbox.run"
    case .killRun: "sandbox.kill"
    case .pullImages: "sandbox.pull"
    }
  }

  /// What it is done to, without payloads.
  public var target: String {
    switch self {
    case .addProject(let path, let id): id?.rawValue ?? path
    case .removeProject(let id): id.rawValue
    case .drain, .stop: "node"
    case .cancelBench: "bench"
    case .setLogLevel(let level): level.rawValue
    case .runBench(let options): options.suites.isEmpty ? "all" : options.suites.joined(separator: ",")
    case .cacheSet(let write):
      "\(write.namespace) \(write.entries.count == 1 ? write.entries[0].key : "\(write.entries.count) keys")"
    case .cacheInvalidate(let selection): selection.summary
    case .kickSockets(let ids): Self.short(ids)
    case .broadcast(let broadcast): "\(Self.short(broadcast.rooms)) \(broadcast.event)"
    case .agentThought(let thought): thought.room
    case .taskUpdate(let update): update.room
    case .projectEvent(let event): "\(event.room) \(event.event)"
    case .reindex(let request): request.project.rawValue + (request.isFull ? " full" : "")
    case .cancelReindex(let id), .allowUpload(let id): id.rawValue
    case .run(let request): request.language + (request.project.map { " \($0)" } ?? "")
    case .killRun(let id): id
    case .pullImages: "images"
    }
  }

  private static func short(_ names: [String]) -> String {
    names.prefix(8).joined(separator: ",") + (names.count > 8 ? " and \(names.count - 8) more" : "")
  }

  /// Whether it is data traffic and no administration: the audit has one line of it, afterwards and in batches, so that
  /// a value an agent caches or an event a program publishes does not wait for the disk. A broadcast by a person's own
  /// hand is administration.
  public func isTraffic(from origin: Caller.Origin) -> Bool {
    switch self {
    case .cacheSet, .agentThought, .taskUpdate, .projectEvent: true
    case .broadcast: origin != .console && origin != .commandLine
    default: false
    }
  }
}

/// The result of a command, and the id under which the audit has it.
public struct Outcome: Sendable, Codable, Equatable {
  public enum Result: Sendable, Codable, Equatable {
    case done
    case project(ProjectSummary)
    case bench(BenchReport)
    case cacheStored(CacheWrite.Reach)
    case cacheInvalidated(CacheFinding)
    case kicked(KickReport)
    case published(PublishReceipt)
    case reindexed(ReindexReport)
    /// Whether there was something to stop.
    case stopped(Bool)
    case run(RunResult)
    /// The images that are there now.
    case images([String])
  }

  public var auditID: String?
  public var result: Result

  public init(auditID: String?, result: Result) {
    self.auditID = auditID
    self.result = result
  }
}

/// What `signalbox bench` may be asked to do.
public struct BenchOptions: Sendable, Codable, Equatable {
  /// Names of suites; empty means all.
  public var suites: [String]
  /// The bench knows that clients of production may be on this node and was told to go ahead.
  public var isLiveConfirmed: Bool
  /// True: as short as possible, for a check that the workloads work.
  public var isQuick: Bool?
  /// How often each suite is run, 1 to `runsMax`; nil: once.
  public var runs: Int?
  /// In place of suites: one setting swept over one workload.
  public var sweep: BenchSweep?
  /// Of the suites only these rows, by their names: to look again at what seems to have changed. Their report is in no
  /// history.
  public var rows: [String]?

  public static let runsMax = 20

  public init(
    suites: [String] = [], isLiveConfirmed: Bool = false, isQuick: Bool = false, runs: Int? = nil,
    sweep: BenchSweep? = nil
  ) {
    self.runs = runs
    self.sweep = sweep
    self.suites = suites
    self.isLiveConfirmed = isLiveConfirmed
    self.isQuick = isQuick ? true : nil
  }
}

/// Values of one setting, of which each becomes a row.
public struct BenchSweep: Sendable, Codable, Equatable {
  public static let valuesMax = 16
  public static let valueMax = 100_000

  public var setting: String
  public var values: [Int]

  public init(setting: String, values: [Int]) {
    self.setting = setting
    self.values = values
  }

  /// `batch=32,64,128`. Throws `invalid` with what is wrong.
  public init(_ text: String) throws(Failure) {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw Failure(.invalid, "a sweep is a setting and its values", hint: "--sweep batch=32,64,128")
    }
    var values: [Int] = []
    for word in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
      guard let value = Int(word), (1...Self.valueMax).contains(value), !values.contains(value) else {
        throw Failure(.invalid, "the values of a sweep are different whole numbers from 1 to \(Self.valueMax)")
      }
      values.append(value)
    }
    guard values.count <= Self.valuesMax else {
      throw Failure(.invalid, "a sweep has at most \(Self.valuesMax) values")
    }
    self.init(setting: String(parts[0]), values: values)
  }
}
