public import Base

/// Values to write into one namespace of the cache. All are checked before any is written.
public struct CacheWrite: Sendable, Codable, Equatable {
  public struct Entry: Sendable, Codable, Equatable {
    public var key: String
    public var value: Blob
    /// Nil: `application/octet-stream`.
    public var contentType: String?
    /// Nil: CACHE_TTL_DAYS.
    public var timeToLiveMilliseconds: Int64?
    public var tags: [String]
    /// Keys of the same namespace whose invalidation takes this one along.
    public var dependsOn: [String]

    public init(
      key: String, value: Blob, contentType: String? = nil, timeToLiveMilliseconds: Int64? = nil, tags: [String] = [],
      dependsOn: [String] = []
    ) {
      self.key = key
      self.value = value
      self.contentType = contentType
      self.timeToLiveMilliseconds = timeToLiveMilliseconds
      self.tags = tags
      self.dependsOn = dependsOn
    }
  }

  /// How far a write reached.
  public enum Reach: String, Sendable, Codable {
    /// Every node sees it.
    case stored
    /// This node only, and only until Redis is back.
    case localOnly
  }

  public var namespace: String
  public var entries: [Entry]

  public init(namespace: String, entries: [Entry]) {
    self.namespace = namespace
    self.entries = entries
  }
}

/// A cached value as it is handed out.
public struct CacheValue: Sendable, Codable, Equatable {
  public var key: String
  public var value: Blob
  public var contentType: String
  /// Milliseconds since 1970.
  public var createdMilliseconds: Int64
  public var expiresMilliseconds: Int64

  public init(
    key: String, value: Blob, contentType: String, createdMilliseconds: Int64, expiresMilliseconds: Int64
  ) {
    self.key = key
    self.value = value
    self.contentType = contentType
    self.createdMilliseconds = createdMilliseconds
    self.expiresMilliseconds = expiresMilliseconds
  }
}

/// What to invalidate in one namespace (CONTRACT, Cache).
public struct CacheSelection: Sendable, Codable, Equatable {
  public enum Strategy: Sendable, Codable, Equatable {
    /// The key and all that depends on it.
    case key(String)
    case pattern(String)
    case tags([String])
    case event(Event, project: String?, paths: [String])
  }

  public enum Event: String, Sendable, Codable, CaseIterable {
    case gitCommit = "git-commit"
    case fileChange = "file-change"
  }

  public var namespace: String
  public var strategy: Strategy

  public init(namespace: String, _ strategy: Strategy) {
    self.namespace = namespace
    self.strategy = strategy
  }

  /// The one project that it concerns: an event's, or that of a tag `project:ID`.
  public var project: ProjectID? {
    switch strategy {
    case .event(_, let project, _): project.flatMap { ProjectID(rawValue: $0) }
    case .tags(let tags):
      tags.first { $0.hasPrefix("project:") }.flatMap { ProjectID(rawValue: String($0.dropFirst(8))) }
    case .key, .pattern: nil
    }
  }

  /// `default pattern task:*`: for the audit, the log and the list of the last invalidations.
  public var summary: String { "\(namespace) \(wording.kind) \(wording.object)" }

  /// The strategy and what it is given, in words.
  public var wording: (kind: String, object: String) {
    switch strategy {
    case .key(let key): ("key", key)
    case .pattern(let pattern): ("pattern", pattern)
    case .tags(let tags): ("tag", Self.list(tags))
    case .event(let event, let project, let paths):
      ("event", ([event.rawValue, project].compactMap(\.self) + [Self.list(paths)]).joined(separator: " "))
    }
  }

  /// The first few, so that an audit line stays a line.
  private static func list(_ names: [String]) -> String {
    let shown = names.prefix(8).joined(separator: ",")
    return names.count > 8 ? "\(shown) and \(names.count - 8) more" : shown
  }
}

/// What an invalidation did, or would do: the body of `POST …/invalidate` and of `cache invalidate --json`.
public struct CacheFinding: Sendable, Codable, Equatable {
  /// How lasting it is.
  public enum Durability: String, Sendable, Codable {
    /// Every node hears of it.
    case committed
    /// Redis is away: in force here, on disk, and committed before Redis is read again.
    case journalled
    /// In force on this node only.
    case localOnly
  }

  /// `key`, `pattern`, `tag`, `event` or `dependency`.
  public var strategy: String
  public var namespace: String
  /// Found dead in the time a request may take; all are dead, found or not.
  public var keysDeleted: Int
  public var keysScanned: Int
  public var bytes: Int
  public var durationMilliseconds: Double
  /// Of a dry run: the first of them, in order.
  public var keys: [String]?
  /// Whether the counts cover everything there is.
  public var isComplete: Bool
  public var isDryRun: Bool
  public var durability: Durability

  public init(
    strategy: String, namespace: String, keysDeleted: Int, keysScanned: Int, bytes: Int, durationMilliseconds: Double,
    keys: [String]? = nil, isComplete: Bool = true, isDryRun: Bool = false, durability: Durability = .committed
  ) {
    self.strategy = strategy
    self.namespace = namespace
    self.keysDeleted = keysDeleted
    self.keysScanned = keysScanned
    self.bytes = bytes
    self.durationMilliseconds = durationMilliseconds
    self.keys = keys
    self.isComplete = isComplete
    self.isDryRun = isDryRun
    self.durability = durability
  }

  private enum CodingKeys: String, CodingKey {
    case strategy, namespace, keysDeleted, keysScanned, bytes, durationMilliseconds, keys, durability
    case isComplete = "complete"
    case isDryRun = "dryRun"
  }
}

/// An invalidation that was asked for at this node, as the console and event listeners hear of it.
public struct CacheInvalidated: Sendable, Codable, Equatable {
  public var timeMilliseconds: Int64
  public var namespace: String
  public var strategy: String
  /// The pattern, tags, event or key. Outside text.
  public var object: String
  public var keysDeleted: Int
  public var bytes: Int
  public var durationMilliseconds: Double
  public var durability: CacheFinding.Durability

  public init(timeMilliseconds: Int64, selection: CacheSelection, finding: CacheFinding) {
    self.timeMilliseconds = timeMilliseconds
    namespace = selection.namespace
    strategy = finding.strategy
    object = selection.wording.object
    keysDeleted = finding.keysDeleted
    bytes = finding.bytes
    durationMilliseconds = finding.durationMilliseconds
    durability = finding.durability
  }
}
