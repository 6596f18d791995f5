internal import Base
internal import CodeIndex
internal import ControlPlane
internal import FoundationEssentials

extension Pipeline {
  /// What the first stage found out.
  struct Invalidated: Sendable {
    var commit: String?
    var files: Int
    var keys: Int
    var paths: [String]
    var isNothing: Bool
    var finding: CacheFinding?
  }

  /// Paths in what clients are told.
  private static let pathsToldMax = 100
  /// Paths of one invalidation (the cache takes no more).
  private static let pathsAtOnce = 10_000

  /// What depends on a changed file, on the project, or on any commit is gone from every node before the first file is
  /// read.
  func invalidate(_ id: ProjectID) async throws(Failure) -> Invalidated {
    let changes = try await lookOrTellTheProject(id)
    var done = Invalidated(
      commit: changes.commit, files: changes.paths.count, keys: 0, paths: changes.paths, isNothing: changes.isNothing)
    guard !changes.isNothing, let cache = links.cache else { return done }
    // Names that no tag can be made of are of no entry either.
    let paths = changes.paths.filter(Self.isTaggable)
    for start in stride(from: 0, to: max(1, paths.count), by: Self.pathsAtOnce) {
      let part = Array(paths[start..<min(paths.count, start + Self.pathsAtOnce)])
      let finding = try await cache.invalidateEverywhere(.gitCommit, project: id, paths: part)
      done.keys += finding.keysDeleted
      done.finding = finding
      let selection = CacheSelection(namespace: finding.namespace, .event(.gitCommit, project: id.rawValue, paths: []))
      links.publish(
        .cacheInvalidated(
          CacheInvalidated(timeMilliseconds: clock.nowMilliseconds(), selection: selection, finding: finding)))
    }
    return done
  }

  /// What cannot be looked at cannot be indexed either: the run fails for the same reason, and so the project's state
  /// says it. When it does not fail after all, nobody knows what it changed, and the whole project counts as changed.
  private func lookOrTellTheProject(_ id: ProjectID) async throws(Failure) -> PendingChanges {
    do throws(Failure) {
      return try await links.index.pendingChanges(id)
    } catch {
      let report = try await links.index.reindex(ReindexRequest(project: id))
      return PendingChanges(commit: report.commit, paths: [], isEverything: true, isNothing: false)
    }
  }

  private static func isTaggable(_ path: String) -> Bool {
    !path.isEmpty && path.utf8.count <= 4_096 && path.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 }
  }

  /// Where the project is now, for other nodes and for agents who ask the cache. A cache that takes nothing holds up
  /// nobody: the journey says so and goes on.
  func fill(_ report: ReindexReport, _ journey: inout PipelineJourney) async {
    guard let cache = links.cache else { return }
    let began = ContinuousClock.now
    var stage = PipelineJourney.Stage(name: "cache", milliseconds: 0)
    do throws(Failure) {
      let document = ProjectDocument(report, atMilliseconds: clock.nowMilliseconds())
      try await cache.setOwn(Self.namespace, report.project.rawValue, Array((Self.json(document)?.text ?? "{}").utf8))
    } catch {
      stage.error = error.message
    }
    stage.milliseconds = (ContinuousClock.now - began).milliseconds
    journey.stages.append(stage)
  }

  /// `cache-invalidated` and `vectors-updated` to the project's room.
  func tell(_ report: ReindexReport, _ changes: Invalidated, _ journey: inout PipelineJourney) {
    let began = ContinuousClock.now
    if changes.finding != nil {
      let told = CacheNews(project: report.project, keysDeleted: changes.keys, paths: changes.paths)
      links.tell(ProjectEvent(projectID: report.project, event: "cache-invalidated", data: Self.json(told)))
    }
    links.tell(
      ProjectEvent(
        projectID: report.project, event: "vectors-updated",
        data: Self.json(VectorsUpdated(report, paths: Array(changes.paths.prefix(Self.pathsToldMax))))))
    journey.stages.append(.init(name: "broadcast", milliseconds: (ContinuousClock.now - began).milliseconds))
  }

  /// Nil, which is a null in JSON, for what has no form in it: none of ours.
  static func json(_ value: some Encodable) -> RawJSON? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else { return nil }
    return try? RawJSON(String(decoding: data, as: UTF8.self))
  }

  /// The data of `cache-invalidated`.
  private struct CacheNews: Encodable {
    var project: ProjectID
    var strategy = "event"
    var event = CacheSelection.Event.gitCommit.rawValue
    var keysDeleted: Int
    /// The first hundred.
    var paths: [String]
    var pathCount: Int

    init(project: ProjectID, keysDeleted: Int, paths: [String]) {
      self.project = project
      self.keysDeleted = keysDeleted
      self.paths = Array(paths.prefix(pathsToldMax))
      pathCount = paths.count
    }
  }

  /// The data of `vectors-updated`.
  private struct VectorsUpdated: Encodable {
    var project: ProjectID
    var commit: String?
    var mode: ReindexReport.Mode
    var filesIndexed: Int
    var chunks: Int
    var durationSeconds: Double
    /// The first hundred that changed.
    var paths: [String]

    init(_ report: ReindexReport, paths: [String]) {
      project = report.project
      commit = report.commit
      mode = report.mode
      filesIndexed = report.filesIndexed
      chunks = report.chunks
      durationSeconds = report.durationSeconds
      self.paths = paths
    }
  }

  /// What the cache holds of a project.
  private struct ProjectDocument: Encodable {
    var project: ProjectID
    var commit: String?
    var chunks: Int
    var filesIndexed: Int
    var embeddingsFromCache: Int
    var timeMilliseconds: Int64

    init(_ report: ReindexReport, atMilliseconds time: Int64) {
      project = report.project
      commit = report.commit
      chunks = report.chunks
      filesIndexed = report.filesIndexed
      embeddingsFromCache = report.embeddingsFromCache
      timeMilliseconds = time
    }
  }
}
