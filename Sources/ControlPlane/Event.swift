/// Something that happened, as every face may show it live.
public struct Event: Sendable, Codable, Equatable {
  public enum Body: Sendable, Codable, Equatable {
    case log(LogRecord)
    /// A command began or ended (`outcome` says which).
    case command(AuditRecord)
    case health(Health)
    case projectsChanged
    case benchProgress(BenchProgress)
    case cacheInvalidated(CacheInvalidated)
    /// Clients of the gateway came or went; at most twice a second.
    case socketsChanged
    case indexProgress(ReindexProgress)
    case reindexed(ReindexEnding)
    case journey(PipelineJourney)
    /// A run was taken, began or ended: its state says which.
    case run(RunSummary)
    case runOutput(RunOutput)
    case draining
    case stopping
    /// This listener was too slow and lost so many events before this one.
    case dropped(count: UInt64)
  }

  public var timeMilliseconds: Int64
  public var body: Body

  public init(timeMilliseconds: Int64, body: Body) {
    self.timeMilliseconds = timeMilliseconds
    self.body = body
  }

  /// The `event:` field of a server-sent event and the filter name in commands.
  public var kind: String {
    switch body {
    case .log: "log"
    case .command: "command"
    case .health: "health"
    case .projectsChanged: "projects-changed"
    case .benchProgress: "bench-progress"
    case .cacheInvalidated: "cache-invalidated"
    case .socketsChanged: "sockets-changed"
    case .indexProgress: "index-progress"
    case .reindexed: "reindexed"
    case .journey: "journey"
    case .run: "run"
    case .runOutput: "run-output"
    case .draining: "draining"
    case .stopping: "stopping"
    case .dropped: "dropped"
    }
  }
}

/// Where a running bench is.
public struct BenchProgress: Sendable, Codable, Equatable {
  /// What the workload under way has given so far.
  public struct Measure: Sendable, Codable, Equatable {
    /// The round under way, from 1, and how many there will be.
    public var round: Int
    public var rounds: Int
    /// Of all rounds so far, with their percentiles, in `unit`; no percentiles before the first sample.
    public var samples: Int
    public var unit: String
    public var p50: Double?
    public var p99: Double?

    public init(round: Int, rounds: Int, samples: Int, unit: String, p50: Double? = nil, p99: Double? = nil) {
      self.round = round
      self.rounds = rounds
      self.samples = samples
      self.unit = unit
      self.p50 = p50
      self.p99 = p99
    }
  }

  public var suite: String
  public var workload: String
  /// 0…1 over the whole run.
  public var fraction: Double
  /// The workload's number, from 1, and how many there are; nil from a node that does not say.
  public var number: Int?
  public var count: Int?
  /// By the pace so far; nil before that says anything.
  public var etaSeconds: Double?
  /// Since the run began; nil from a node that does not say.
  public var elapsedSeconds: Double?
  /// Nil while the workload is prepared and warmed up.
  public var measure: Measure?
  /// The row that has just ended, of all its runs so far, or why it has no figure: told once, as it ends.
  public var finished: BenchReport.Result?
  public var failed: BenchReport.Failed?

  public init(
    suite: String, workload: String, fraction: Double, number: Int? = nil, count: Int? = nil,
    etaSeconds: Double? = nil
  ) {
    self.suite = suite
    self.workload = workload
    self.fraction = fraction
    self.number = number
    self.count = count
    self.etaSeconds = etaSeconds
  }
}
