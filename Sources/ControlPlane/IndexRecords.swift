public import Base

/// What an indexing run did: the JSON of `signalbox reindex` (CONTRACT, Commands).
public struct ReindexReport: Sendable, Equatable, Codable {
  public enum Mode: String, Sendable, Codable {
    case full, incremental, unchanged
  }

  public struct Skipped: Sendable, Equatable, Codable {
    public var path: String
    public var reason: String

    public init(path: String, reason: String) {
      self.path = path
      self.reason = reason
    }
  }

  public struct Failed: Sendable, Equatable, Codable {
    public var path: String
    public var error: String

    public init(path: String, error: String) {
      self.path = path
      self.error = error
    }
  }

  /// More are counted and not listed.
  public static let listMax = 1_000

  public var project: ProjectID
  /// Nil where there is no git, or no commit yet.
  public var commit: String?
  public var mode: Mode
  /// New or changed files that are in the index now.
  public var filesIndexed: Int
  public var filesUnchanged: Int
  /// Files of the last index that are not there any more; nil for none.
  public var filesDeleted: Int?
  /// Of the new and changed ones; at most `listMax`.
  public var filesSkipped: [Skipped]
  public var filesSkippedCount: Int
  public var filesFailed: [Failed]
  /// In the whole project, after the run.
  public var chunks: Int
  public var embeddingsComputed: Int
  /// Chunks of new and changed files whose content was known already.
  public var embeddingsFromCache: Int
  public var durationSeconds: Double
  public var filesPerSecond: Double
  /// What else an operator should know (a model changed, a store had lost vectors); nil when there is nothing.
  public var notes: [String]?

  public init(
    project: ProjectID, commit: String?, mode: Mode, filesIndexed: Int, filesUnchanged: Int, filesSkipped: [Skipped],
    filesSkippedCount: Int, filesFailed: [Failed], chunks: Int, embeddingsComputed: Int, embeddingsFromCache: Int,
    durationSeconds: Double, filesPerSecond: Double
  ) {
    self.project = project
    self.commit = commit
    self.mode = mode
    self.filesIndexed = filesIndexed
    self.filesUnchanged = filesUnchanged
    self.filesSkipped = filesSkipped
    self.filesSkippedCount = filesSkippedCount
    self.filesFailed = filesFailed
    self.chunks = chunks
    self.embeddingsComputed = embeddingsComputed
    self.embeddingsFromCache = embeddingsFromCache
    self.durationSeconds = durationSeconds
    self.filesPerSecond = filesPerSecond
  }
}

/// A project as `signalbox status` shows it.
public struct ProjectStatus: Sendable, Equatable, Codable {
  public enum State: String, Sendable, Codable {
    case ready, indexing, stale, failed
  }

  public var id: ProjectID
  public var path: String
  public var ref: String?
  public var commit: String?
  public var state: State
  public var files: Int
  public var chunks: Int
  /// 0…1; 1 when nothing runs.
  public var progress: Double
  public var filesPerSecond: Double
  public var etaSeconds: Double?
  public var currentFile: String?
  /// Why it is stale or failed.
  public var error: String?
  /// Share of chunks whose embedding was known, since the start; nil before the first.
  public var embedCacheHitRate: Double?
  /// Edits in the index that nobody has committed; nil for none.
  public var dirty: Dirty?

  /// Files that differ from the commit.
  public struct Dirty: Sendable, Equatable, Codable {
    /// Changed and new ones.
    public var changed: Int
    public var deleted: Int

    public init(changed: Int, deleted: Int) {
      self.changed = changed
      self.deleted = deleted
    }

    /// `dirty +14 -2`.
    public var text: String { "dirty +\(changed) -\(deleted)" }
  }

  public init(
    id: ProjectID, path: String, ref: String? = nil, commit: String? = nil, state: State, files: Int, chunks: Int,
    progress: Double = 1, filesPerSecond: Double = 0, etaSeconds: Double? = nil, currentFile: String? = nil,
    error: String? = nil, embedCacheHitRate: Double? = nil
  ) {
    self.id = id
    self.path = path
    self.ref = ref
    self.commit = commit
    self.state = state
    self.files = files
    self.chunks = chunks
    self.progress = progress
    self.filesPerSecond = filesPerSecond
    self.etaSeconds = etaSeconds
    self.currentFile = currentFile
    self.error = error
    self.embedCacheHitRate = embedCacheHitRate
  }
}

/// A wish to bring a project's index up to date.
public struct ReindexRequest: Sendable, Codable, Equatable {
  public var project: ProjectID
  /// Everything is computed anew.
  public var isFull: Bool

  public init(project: ProjectID, isFull: Bool = false) {
    self.project = project
    self.isFull = isFull
  }
}

/// Where a running reindex is; at most ten a second for a project.
public struct ReindexProgress: Sendable, Codable, Equatable {
  public var project: ProjectID
  public var filesDone: Int
  public var filesTotal: Int
  public var filesFailed: Int
  public var chunks: Int
  public var filesPerSecond: Double
  /// Nil as long as there is nothing to go by.
  public var etaSeconds: Double?
  /// The file read last; outside bytes.
  public var currentFile: String

  public init(
    project: ProjectID, filesDone: Int, filesTotal: Int, filesFailed: Int = 0, chunks: Int = 0,
    filesPerSecond: Double = 0, etaSeconds: Double? = nil, currentFile: String = ""
  ) {
    self.project = project
    self.filesDone = filesDone
    self.filesTotal = filesTotal
    self.filesFailed = filesFailed
    self.chunks = chunks
    self.filesPerSecond = filesPerSecond
    self.etaSeconds = etaSeconds
    self.currentFile = currentFile
  }
}

/// A reindex that has ended, well or not.
public struct ReindexEnding: Sendable, Codable, Equatable {
  /// Milliseconds since 1970.
  public var timeMilliseconds: Int64
  public var project: ProjectID
  /// Nil when it failed or was cancelled. The lists of files are cut to 16 each.
  public var report: ReindexReport?
  public var failure: Failure?

  public init(timeMilliseconds: Int64, project: ProjectID, report: ReindexReport?, failure: Failure?) {
    self.timeMilliseconds = timeMilliseconds
    self.project = project
    self.report = report
    self.failure = failure
  }
}

/// What a reindex would cost, before it is begun.
public struct ReindexEstimate: Sendable, Codable, Equatable {
  public var project: ProjectID
  public var files: Int
  /// Chunks whose embedding is not known yet.
  public var chunks: Int
  public var tokens: Int
  /// Where the sources of the project would go; nil: nowhere, the model is built in.
  public var uploadsTo: String?
  /// US dollars; nil where the price is not known.
  public var cost: Double?
  /// Whether somebody must say yes before sources go there.
  public var needsConsent = false

  public init(project: ProjectID, files: Int, chunks: Int, tokens: Int, uploadsTo: String? = nil, cost: Double? = nil) {
    self.project = project
    self.files = files
    self.chunks = chunks
    self.tokens = tokens
    self.uploadsTo = uploadsTo
    self.cost = cost
  }
}

/// The index in `status` (CONTRACT, Commands). Counters run from the start of the node.
public struct IndexSnapshot: Sendable, Codable, Equatable {
  /// Endings kept in `lastRuns`.
  public static let lastRunsMax = 16

  public var projects: [ProjectStatus]
  public var queries: UInt64 = 0
  public var queryLatency = LatencySummary()
  /// `builtin`, or the name of the remote model.
  public var embedder: String
  /// `embedded` or `pinecone`.
  public var store: String
  public var bytes = 0
  /// SIGNALBOX_STATE_MAX.
  public var bytesMax = 0
  public var embeddingsComputed: UInt64 = 0
  public var embeddingsFromCache: UInt64 = 0
  /// Newest first.
  public var lastRuns: [ReindexEnding] = []
  /// The pipeline's last journeys, newest first.
  public var journeys: [PipelineJourney] = []

  public init(projects: [ProjectStatus] = [], embedder: String = "builtin", store: String = "embedded") {
    self.projects = projects
    self.embedder = embedder
    self.store = store
  }
}

/// One way of a change from the repository to the viewers, with the time of every stage.
public struct PipelineJourney: Sendable, Codable, Equatable {
  public enum Trigger: String, Sendable, Codable {
    case commit, worktree, webhook, command
    case fileChanged = "file-changed"
  }

  public struct Stage: Sendable, Codable, Equatable {
    /// `detect`, `invalidate`, `reindex`, `settle`, `cache`, `broadcast`.
    public var name: String
    public var milliseconds: Double
    /// Tries beyond the first.
    public var retries: Int
    /// Nil when it went well.
    public var error: String?

    public init(name: String, milliseconds: Double, retries: Int = 0, error: String? = nil) {
      self.name = name
      self.milliseconds = milliseconds
      self.retries = retries
      self.error = error
    }
  }

  /// When the change was seen, in milliseconds since 1970.
  public var timeMilliseconds: Int64
  public var project: ProjectID
  public var trigger: Trigger
  /// Of the new HEAD; nil without git.
  public var commit: String?
  public var filesChanged: Int
  public var keysInvalidated: Int
  public var stages: [Stage]
  /// From the change on disk to the broadcast, where the first is known; else from when it was seen.
  public var totalMilliseconds: Double
  public var isComplete: Bool

  public init(
    timeMilliseconds: Int64, project: ProjectID, trigger: Trigger, commit: String? = nil, filesChanged: Int = 0,
    keysInvalidated: Int = 0, stages: [Stage] = [], totalMilliseconds: Double = 0, isComplete: Bool = false
  ) {
    self.timeMilliseconds = timeMilliseconds
    self.project = project
    self.trigger = trigger
    self.commit = commit
    self.filesChanged = filesChanged
    self.keysInvalidated = keysInvalidated
    self.stages = stages
    self.totalMilliseconds = totalMilliseconds
    self.isComplete = isComplete
  }
}
