internal import Base

/// What the engine knows of one project. `generation` is what answers; all else is about the next one.
struct ProjectSlot: Sendable {
  let path: String
  var generation: Generation?
  /// What the last run found there; nil before the first.
  var folder: ProjectFolder?
  /// Where the next change of the stored manifest goes; nil when there is none.
  var log: ManifestLog?
  /// Of the last listing; nil until there was one, and then nothing incremental is possible.
  var ignore: [IgnoreRules]?
  var job: IndexJob?
  /// Why the last run failed, or why the stored index was not used.
  var problem: String?
  var hasFailed = false
  var embeddingsComputed = 0
  var embeddingsReused = 0

  init(path: String) { self.path = path }

  func status(_ id: ProjectID) -> ProjectStatus {
    let progress = job?.progress
    let embeddings = embeddingsComputed + embeddingsReused
    return ProjectStatus(
      id: id, path: path, ref: generation?.fingerprint.ref, commit: generation?.fingerprint.commit, state: state,
      files: generation?.indexedCount ?? 0, chunks: generation?.slotCount ?? 0, progress: progress?.fraction ?? 1,
      filesPerSecond: progress?.filesPerSecond ?? 0, etaSeconds: progress?.etaSeconds,
      currentFile: progress?.currentFile, error: problem,
      embedCacheHitRate: embeddings == 0 ? nil : Double(embeddingsReused) / Double(embeddings))
  }

  private var state: ProjectStatus.State {
    if job != nil { return .indexing }
    if hasFailed { return .failed }
    return generation == nil || problem != nil ? .stale : .ready
  }
}
