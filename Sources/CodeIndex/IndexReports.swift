public import Base

/// What an indexing run did: the JSON of `signalbox reindex` (CONTRACT, Commands).
public struct ReindexReport: Sendable, Equatable, Codable {
  public enum Mode: String, Sendable, Codable {
    case full, incremental, unchanged
  }

  public struct Skipped: Sendable, Equatable, Codable {
    public var path: String
    public var reason: String
  }

  public struct Failed: Sendable, Equatable, Codable {
    public var path: String
    public var error: String
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
  /// What else an operator should know: that a model changed, that a store had lost vectors.
  public var notes: [String] = []
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
}
