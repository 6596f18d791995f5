internal import Base
internal import ControlPlane

/// What is there at one look.
struct Sight: Sendable {
  var folder: ProjectFolder
  var fingerprint: Fingerprint
  /// Edits that nobody has committed, where they count.
  var overlay = WorkTreeOverlay.none
}

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
  /// Which model's vectors the generation has in the vector store; nil for the built-in ones only.
  var vectors: VectorMark?
  var embeddingsComputed = 0
  var embeddingsReused = 0

  init(path: String) { self.path = path }

  /// What is in the folder now, and where its HEAD is. A folder whose repository is gone is not looked at: one that is
  /// being deleted looks like that too, and an empty index is worse than an old one.
  func look(_ handles: GitHandles, readsWorkTree: Bool) throws(IndexError) -> Sight {
    let folder = try ProjectFolder.find(path, handles)
    let fingerprint = try folder.fingerprint(handles)
    if let had = generation?.fingerprint.commit, fingerprint.commit == nil {
      let what = folder.usesGit ? "HEAD names no commit any more" : "there is no repository any more"
      let reason = "\(what), and \(had.prefix(12)) was indexed; remove the project if that is meant"
      throw .repositoryUnreadable(path: path, reason: reason)
    }
    guard readsWorkTree else { return Sight(folder: folder, fingerprint: fingerprint) }
    let known = generation?.overlay ?? .none
    let overlay = try folder.overlay(over: fingerprint, known: known, path: path, handles)
    return Sight(folder: folder, fingerprint: fingerprint, overlay: overlay)
  }

  func status(_ id: ProjectID) -> ProjectStatus {
    let progress = job?.progress
    let embeddings = embeddingsComputed + embeddingsReused
    var status = ProjectStatus(
      id: id, path: path, ref: generation?.fingerprint.ref, commit: generation?.fingerprint.commit, state: state,
      files: generation?.indexedCount ?? 0, chunks: generation?.slotCount ?? 0, progress: progress?.fraction ?? 1,
      filesPerSecond: progress?.filesPerSecond ?? 0, etaSeconds: progress?.etaSeconds,
      currentFile: progress?.currentFile, error: problem,
      embedCacheHitRate: embeddings == 0 ? nil : Double(embeddingsReused) / Double(embeddings))
    if let counts = generation?.overlay.counts, counts != (0, 0) {
      status.dirty = ProjectStatus.Dirty(changed: counts.changed, deleted: counts.deleted)
    }
    return status
  }

  private var state: ProjectStatus.State {
    if job != nil { return .indexing }
    if hasFailed { return .failed }
    return generation == nil || problem != nil ? .stale : .ready
  }
}
