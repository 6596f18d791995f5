/// Everything that only reads.
public enum Query: Sendable, Codable, Equatable {
  case projects
  case logs(LogQuery)
  case audit(AuditQuery)
  case settings
  case doctor
  case benchHistory(limit: Int)
  case cacheGet(namespace: String, keys: [String])
  /// A dry run: what an invalidation would touch.
  case cacheSurvey(CacheSelection)
  case sockets(SocketQuery)
  case socket(id: String)
  /// How many sockets a broadcast to the room would reach.
  case audience(room: String)
  case search(SearchQuery)
  /// Of the built-in model.
  case embeddings([String])
  case reindexEstimate(ReindexRequest)
  case runs(RunQuery)
  case run(id: String)
  /// A file that a run left.
  case runFile(id: String, path: String)

  /// The name under which metrics and the policy know it.
  public var name: String {
    switch self {
    case .projects: "projects"
    case .logs: "logs"
    case .audit: "audit"
    case .settings: "settings"
    case .doctor: "doctor"
    case .benchHistory: "bench.history"
    case .cacheGet: "cache.get"
    case .cacheSurvey: "cache.survey"
    case .sockets: "sockets"
    case .socket: "socket"
    case .audience: "audience"
    case .search: "search"
    case .embeddings: "embeddings"
    case .reindexEstimate: "reindex.estimate"
    case .runs: "runs"
    case .run: "run"
    case .runFile: "run.file"
    }
  }
}

public enum Answer: Sendable, Codable, Equatable {
  case projects([ProjectSummary])
  case logs([LogRecord])
  case audit([AuditRecord])
  case settings([SettingReport])
  case doctor([DoctorFinding])
  case benchHistory([BenchReport])
  /// In the order of the keys; nil where there is nothing.
  case cacheValues([CacheValue?])
  case cacheSurvey(CacheFinding)
  case sockets(SocketPage)
  case socket(SocketDetail)
  case audience(Audience)
  case search(SearchReply)
  case embeddings(EmbeddingReply)
  case reindexEstimate(ReindexEstimate)
  case runs([RunSummary])
  case run(RunDetail)
  case runFile(Blob)
}

public struct LogQuery: Sendable, Codable, Equatable {
  /// Milliseconds since 1970; nil: from the oldest record kept.
  public var sinceMilliseconds: Int64?
  /// This level and above.
  public var level: LogLevel
  /// Only lines of this engine or room (the logger's label).
  public var engine: String?
  /// The newest so many. 1…100,000.
  public var limit: Int

  public init(sinceMilliseconds: Int64? = nil, level: LogLevel = .trace, engine: String? = nil, limit: Int = 1_000) {
    self.sinceMilliseconds = sinceMilliseconds
    self.level = level
    self.engine = engine
    self.limit = limit
  }

  /// Whether a record is asked for, `limit` aside.
  public func matches(_ record: LogRecord) -> Bool {
    record.level >= level && record.timeMilliseconds >= sinceMilliseconds ?? .min
      && (engine == nil || engine == record.label)
  }
}

public struct AuditQuery: Sendable, Codable, Equatable {
  public var sinceMilliseconds: Int64?
  /// The newest so many. 1…100,000.
  public var limit: Int

  public init(sinceMilliseconds: Int64? = nil, limit: Int = 1_000) {
    self.sinceMilliseconds = sinceMilliseconds
    self.limit = limit
  }
}
