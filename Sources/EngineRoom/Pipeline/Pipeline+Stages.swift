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
    /// What it was found by, for the look after the run.
    var pending: PendingChanges
  }

  /// Paths in what clients are told.
  private static let pathsToldMax = 100
  /// Paths of one invalidation (the cache takes no more).
  static let pathsAtOnce = 10_000

  /// What depends on a changed file, on the project, or on any commit is gone from every node before the first file is
  /// read.
  func invalidate(_ id: ProjectID) async throws(Failure) -> Invalidated {
    let changes = try await links.index.pendingChanges(id)
    var done = Invalidated(
      commit: changes.commit, files: changes.paths.count, keys: 0, paths: changes.paths, isNothing: changes.isNothing,
      pending: changes)
    if !changes.isNothing { try await invalidate(changes.paths, of: id, &done) }
    return done
  }

  /// A commit that came between the look and the run is in the new index: what depends on its files goes as well,
  /// before anybody is told.
  func invalidateRest(_ done: Invalidated, _ id: ProjectID) async throws(Failure) -> Invalidated {
    let rest = try await links.index.pathsTakenUp(done.pending, id)
    guard !rest.isEmpty else { return done }
    var done = done
    try await invalidate(rest, of: id, &done)
    done.paths += rest
    done.files += rest.count
    done.isNothing = false
    return done
  }

  private func invalidate(_ paths: [String], of id: ProjectID, _ done: inout Invalidated) async throws(Failure) {
    guard let cache = links.cache else { return }
    // Names that no tag can be made of are of no entry either.
    let paths = paths.filter(Self.isTaggable)
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
  }

  /// Whether it can be in a tag of the cache.
  static func isTaggable(_ path: String) -> Bool {
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

  /// `cache-invalidated` and `vectors-updated` to the project's room, by the first of the nodes that index the project.
  func tell(_ report: ReindexReport, _ changes: Invalidated, _ journey: inout PipelineJourney) async {
    let began = ContinuousClock.now
    defer { journey.stages.append(.init(name: "broadcast", milliseconds: (ContinuousClock.now - began).milliseconds)) }
    guard await isFirst(report.project, from: changes.pending.baseMark) else { return }
    if let finding = changes.finding {
      let selection = CacheSelection(
        namespace: finding.namespace, .event(.gitCommit, project: report.project.rawValue, paths: changes.paths))
      let news = CacheInvalidatedNews(selection, keysDeleted: changes.keys)
      links.tell(ProjectEvent(projectID: report.project, event: "cache-invalidated", data: Self.json(news)))
    }
    links.tell(
      ProjectEvent(
        projectID: report.project, event: "vectors-updated",
        data: Self.json(VectorsUpdated(report, paths: Array(changes.paths.prefix(Self.pathsToldMax))))))
  }

  /// Whether no other node has told of this change. What was asked for and changed nothing is told by who was asked.
  private func isFirst(_ id: ProjectID, from: String?) async -> Bool {
    guard let cache = links.cache, cache.isShared, let mark = await links.index.mark(id), mark != from else {
      return true
    }
    return await cache.isFirst(toTell: id, from: from ?? "", to: mark)
  }

  /// Nil, which is a null in JSON, for what has no form in it: none of ours.
  static func json(_ value: some Encodable) -> RawJSON? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else { return nil }
    return try? RawJSON(String(decoding: data, as: UTF8.self))
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
