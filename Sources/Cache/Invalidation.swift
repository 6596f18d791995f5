internal import Base

/// What to invalidate: one of the strategies of CONTRACT.
public struct Invalidation: Sendable, Equatable {
  public enum Strategy: Sendable, Equatable {
    /// One key and, in cascade, everything that depends on it.
    case key(String)
    case pattern(String)
    case tags([String])
    case event(Event, project: String?, paths: [String])
    /// Everything that depends on a key, the key included: the same closure as `key`, under its own name.
    case dependency(String)
  }

  /// Something that happened to a project. Entries take part by carrying these tags: `git-commit`, `git-commit:PROJECT`
  /// or `project:PROJECT` for commits; `file-change`, `file-change:PROJECT` for files; and `file:PROJECT:PATH` for
  /// both. An event without a project concerns every project.
  public enum Event: String, Sendable, CaseIterable {
    case gitCommit = "git-commit"
    case fileChange = "file-change"
  }

  public enum Kind: String, Sendable, CaseIterable {
    case key, pattern, tag, event, dependency
  }

  /// Nil: every namespace (events of the pipeline).
  public var namespace: CacheNamespace?
  public var strategy: Strategy

  public init(_ namespace: CacheNamespace?, _ strategy: Strategy) {
    self.namespace = namespace
    self.strategy = strategy
  }

  public var kind: Kind {
    switch strategy {
    case .key: .key
    case .pattern: .pattern
    case .tags: .tag
    case .event: .event
    case .dependency: .dependency
    }
  }

  /// The rule that does it; throws `invalid` or `limit` for what the contract does not allow.
  func rule() throws(Failure) -> InvalidationRule {
    switch strategy {
    case .key(let name), .dependency(let name):
      guard let namespace else { throw Failure(.invalid, "a key is invalidated in one namespace") }
      let key = try CacheKey(namespace, name)
      return .keys(namespace, [key.name], isCascading: true)
    case .pattern(let text):
      guard (1...CacheLimits.patternBytes).contains(text.utf8.count), CacheText.isPlain(text, bytesMax: .max) else {
        throw Failure(
          .invalid, "this is not a cache pattern",
          hint: "a pattern is 1 to \(CacheLimits.patternBytes) bytes without control characters: * ? [a-z] \\")
      }
      return .pattern(namespace, try Glob(text))
    case .tags(let tags):
      guard !tags.isEmpty else { throw Failure(.invalid, "no tags are given") }
      return .tags(namespace, try CacheTag.validated(tags))
    case .event(let event, let project, let paths):
      return .tags(namespace, try CacheTag.tags(of: event, project: project, paths: paths))
    }
  }
}

/// What an invalidation did, or would do.
public struct InvalidationReport: Sendable, Equatable {
  public var kind: Invalidation.Kind
  /// Entries found dead by it in the time one request may take; all of them are dead, found or not.
  public var keysDeleted: Int
  public var keysScanned: Int
  public var bytes: Int
  public var durationMilliseconds: Double
  /// The first of them, at most `CacheLimits.listedKeys`, in order.
  public var keys: [String]
  /// Whether the counts cover everything there is.
  public var isComplete: Bool
  public var isDryRun: Bool
  public var durability: Durability

  public enum Durability: String, Sendable {
    /// Every node hears of it.
    case committed
    /// Redis is away: in force on this node, on disk, and committed before Redis is read again.
    case journalled
    /// In force on this node only; the journal could not be written.
    case localOnly
  }
}

/// Tags: names that an entry carries so that it can be invalidated with others.
enum CacheTag {
  private static let events = Invalidation.Event.allCases.map(\.rawValue)

  static func validated(_ tags: [String]) throws(Failure) -> [String] {
    guard tags.count <= CacheLimits.tags else {
      throw Failure(.limit, "too many tags", hint: "at most \(CacheLimits.tags)")
    }
    for tag in tags where !CacheText.isPlain(tag, bytesMax: CacheLimits.tagBytes) {
      throw Failure(
        .invalid, "this is not a cache tag",
        hint: "a tag is 1 to \(CacheLimits.tagBytes) bytes of UTF-8 without control characters")
    }
    return tags
  }

  /// The tags an entry is stored with: its own, once each, and the family of each event tag, by which an event without
  /// a project finds it.
  static func stored(_ tags: [String]) -> [String] {
    var result: [String] = []
    for tag in tags {
      if !result.contains(tag) { result.append(tag) }
      for event in events where tag.hasPrefix(event + ":") {
        let family = event + ":*"
        if !result.contains(family) { result.append(family) }
      }
    }
    return result
  }

  static func tags(of event: Invalidation.Event, project: String?, paths: [String]) throws(Failure) -> [String] {
    guard paths.count <= CacheLimits.eventPaths else {
      throw Failure(.limit, "too many paths", hint: "at most \(CacheLimits.eventPaths)")
    }
    guard let project else {
      guard paths.isEmpty else { throw Failure(.invalid, "paths need a project") }
      return [event.rawValue, event.rawValue + ":*"]
    }
    let names = [project] + paths
    for name in names where !CacheText.isPlain(name, bytesMax: 4_096) {
      throw Failure(.invalid, "a project or path is empty, too long or has control characters")
    }
    var tags = [event.rawValue, "\(event.rawValue):\(project)"]
    if event == .gitCommit { tags.append("project:\(project)") }
    return tags + paths.map { "file:\(project):\($0)" }
  }
}
