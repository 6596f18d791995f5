internal import Base
internal import ControlPlane
internal import Logging

/// What the node tells of its cache: those who look at it, and the room of a project of what concerns it.
extension NodeCore {
  /// A client says that files changed: what depends on them goes before anybody else hears of it. A cache that cannot
  /// is told in its health, and the news is not held back for it.
  func fileChanged(_ project: ProjectID, _ paths: [String]) async {
    guard let cacheEngine else { return }
    // One name that no tag can be made of must not keep the others from being invalidated.
    let paths = paths.filter(Pipeline.isTaggable)
    for start in stride(from: 0, to: max(1, paths.count), by: Pipeline.pathsAtOnce) {
      let part = Array(paths[start..<min(paths.count, start + Pipeline.pathsAtOnce)])
      do throws(Failure) {
        let finding = try await cacheEngine.invalidateEverywhere(.fileChange, project: project, paths: part)
        let selection = CacheSelection(
          namespace: finding.namespace, .event(.fileChange, project: project.rawValue, paths: part))
        tell(selection, finding)
      } catch {
        logger.warning("file-changed of \(project) invalidated nothing: \(error.line)")
      }
    }
  }

  /// Those who look at this node hear of every invalidation, the room of a project of what concerns it.
  func tell(_ selection: CacheSelection, _ finding: CacheFinding) {
    publish(
      .cacheInvalidated(
        CacheInvalidated(timeMilliseconds: clock.nowMilliseconds(), selection: selection, finding: finding)))
    if let news = CacheInvalidatedNews(selection, keysDeleted: finding.keysDeleted) {
      // What was written before is told before.
      cacheNews?.flush(news.project)
      gatewayEngine?.tell(
        ProjectEvent(projectID: news.project, event: "cache-invalidated", data: Pipeline.json(news)))
    }
  }

  /// Values with the tag `project:ID` are the project's: its room hears their names.
  func tell(_ write: CacheWrite) {
    var keys: [ProjectID: [String]] = [:]
    for entry in write.entries {
      for tag in Set(entry.tags) where tag.hasPrefix("project:") {
        if let project = ProjectID(rawValue: String(tag.dropFirst("project:".count))) {
          keys[project, default: []].append(entry.key)
        }
      }
    }
    for (project, keys) in keys { cacheNews?.add(project, write.namespace, keys) }
  }
}

/// The data of `cache-invalidated`, whoever invalidated.
struct CacheInvalidatedNews: Encodable {
  private static let pathsMax = 100

  var project: ProjectID
  var namespace: String
  /// `event` or `tag`.
  var strategy: String
  /// `git-commit` or `file-change`; nil for what was no event.
  var event: CacheSelection.Event?
  /// Nil for what was an event.
  var tags: [String]?
  var keysDeleted: Int
  /// The first hundred.
  var paths: [String]?
  var pathCount: Int?

  /// Nil for what concerns no one project.
  init?(_ selection: CacheSelection, keysDeleted: Int) {
    guard let project = selection.project else { return nil }
    self.project = project
    namespace = selection.namespace
    strategy = selection.wording.kind
    self.keysDeleted = keysDeleted
    switch selection.strategy {
    case .event(let event, _, let paths):
      self.event = event
      self.paths = Array(paths.prefix(Self.pathsMax))
      pathCount = paths.count
    case .tags(let tags): self.tags = Array(tags.prefix(Self.pathsMax))
    case .key, .pattern: break
    }
  }
}
