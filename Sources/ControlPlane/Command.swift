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
  case cacheSet(CacheWrite)
  /// Also how one key is deleted: what was made from it goes with it.
  case cacheInvalidate(CacheSelection)
  /// Closes connections, each with a word to its client.
  case kickSockets(ids: [String])
  case broadcast(Broadcast)
  case agentThought(AgentThought)
  case taskUpdate(TaskUpdate)
  case projectEvent(ProjectEvent)

  /// The verb that the audit, the log and `operator` lines show.
  public var action: String {
    switch self {
    case .addProject: "project.add"
    case .removeProject: "project.remove"
    case .drain: "node.drain"
    case .stop: "node.stop"
    case .setLogLevel: "log.level"
    case .runBench: "bench.run"
    case .cacheSet: "cache.set"
    case .cacheInvalidate: "cache.invalidate"
    case .kickSockets: "socket.kick"
    case .broadcast: "socket.broadcast"
    case .agentThought: "agent.thought"
    case .taskUpdate: "task.update"
    case .projectEvent: "project.event"
    }
  }

  /// What it is done to, without payloads.
  public var target: String {
    switch self {
    case .addProject(let path, let id): id?.rawValue ?? path
    case .removeProject(let id): id.rawValue
    case .drain, .stop: "node"
    case .setLogLevel(let level): level.rawValue
    case .runBench(let options): options.suites.isEmpty ? "all" : options.suites.joined(separator: ",")
    case .cacheSet(let write): write.namespace
    case .cacheInvalidate(let selection): selection.summary
    case .kickSockets(let ids):
      ids.prefix(8).joined(separator: ",") + (ids.count > 8 ? " and \(ids.count - 8) more" : "")
    case .broadcast(let broadcast): "\(broadcast.room) \(broadcast.event)"
    case .agentThought(let thought): thought.room
    case .taskUpdate(let update): update.room
    case .projectEvent(let event): "\(event.room) \(event.event)"
    }
  }

  /// Whether it is administration, which the audit keeps, or data traffic. A line on disk before and after each value
  /// that an agent caches and each event that a program publishes would bury what somebody did to the node, and cost
  /// more than the deed itself. A broadcast by a person's own hand is kept.
  public func isAudited(from origin: Caller.Origin) -> Bool {
    switch self {
    case .cacheSet, .agentThought, .taskUpdate, .projectEvent: false
    case .broadcast: origin == .console || origin == .commandLine
    default: true
    }
  }
}

/// The result of a command. An outcome carries the id under which the audit has it; data traffic has none.
public struct Outcome: Sendable, Codable, Equatable {
  public enum Result: Sendable, Codable, Equatable {
    case done
    case project(ProjectSummary)
    case bench(BenchReport)
    case cacheStored(CacheWrite.Reach)
    case cacheInvalidated(CacheFinding)
    case kicked(KickReport)
    case published(PublishReceipt)
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

  public init(suites: [String] = [], isLiveConfirmed: Bool = false, isQuick: Bool = false) {
    self.suites = suites
    self.isLiveConfirmed = isLiveConfirmed
    self.isQuick = isQuick ? true : nil
  }
}
