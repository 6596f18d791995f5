public import Base
public import ControlPlane
internal import Synchronization

/// The index: projects in, answers out. Every method may be called from anywhere at any time; a search takes the
/// generation that is there and never waits for a run.
public final class IndexEngine: Sendable {
  public struct Options: Sendable {
    /// Where segments and manifests are kept; made when it is not there, mode 0700.
    public var folder: String
    /// Threads of one run.
    public var workers: Int
    /// Bytes of the index folder past which nothing new is indexed.
    public var bytesMax: Int
    /// Whether edits that nobody has committed count.
    public var readsWorkTree = false
    /// Another model than the built-in one, or another store; nil for neither.
    public var remote: RemoteOptions?

    public init(folder: String, workers: Int = 4, bytesMax: Int = 20 << 30, remote: RemoteOptions? = nil) {
      self.folder = folder
      self.workers = workers
      self.bytesMax = bytesMax
      self.remote = remote
    }
  }

  let options: Options
  let store: IndexStore
  let projects = Mutex<[ProjectID: ProjectSlot]>([:])
  let isMerging = Atomic(false)
  let tables: TermTables
  let remote: RemoteVectors?

  /// Opens what is stored. Damaged files are dropped, told by `damaged`, and made again by the next run.
  public init(_ options: Options) throws(IndexError) {
    self.options = options
    store = try IndexStore(path: options.folder)
    tables = TermTables()
    remote = options.remote.map { [store] in RemoteVectors($0, store) }
  }

  /// What was found damaged at the start.
  public var damaged: [String] { store.damaged }

  /// Makes a project known, and takes up its stored index if it is whole. The same again changes nothing.
  public func add(_ id: ProjectID, path: String) throws(IndexError) {
    let taken = projects.withLock { projects -> String? in
      if let known = projects[id] { return known.path }
      projects[id] = ProjectSlot(path: path)
      return nil
    }
    if let taken {
      if taken == path { return }
      throw .projectTaken(id: id.rawValue, path: taken)
    }
    var generation: Generation?
    var log: ManifestLog?
    var problem: String?
    do {
      if let stored = try store.folder.readManifest(id) {
        generation = try Assembly(store: store, old: nil).generation(of: stored.manifest)
        log = stored.log
        if generation == nil { problem = "part of the stored index is missing; it is rebuilt by the next run" }
      }
    } catch {
      problem = error.failure.message
    }
    let mark = VectorMark.read(store.folder, id)
    if problem == nil, generation != nil, let remote, remote.mayUpload(id, path, store.folder) {
      problem = remote.change(from: mark)
    }
    projects.withLock { projects in
      if projects[id]?.generation == nil {
        projects[id]?.generation = generation
        projects[id]?.log = log
      }
      projects[id]?.vectors = mark
      projects[id]?.problem = problem
    }
  }

  /// Forgets a project and deletes its manifest; records that nobody else needs go with `collect`.
  public func remove(_ id: ProjectID) throws(IndexError) {
    let slot = projects.withLock { $0.removeValue(forKey: id) }
    guard let slot else { throw .unknownProject(id.rawValue) }
    slot.job?.cancel()
    store.handles.forget(slot.folder)
    store.folder.removeManifest(id)
    remote?.forget(id)
    VectorMark.remove(store.folder, id)
    UploadConsent.remove(store.folder, id)
  }

  /// Stops a run; false when there is none. The previous generation keeps answering, finished records stay.
  @discardableResult
  public func cancel(_ id: ProjectID) -> Bool {
    guard let job = projects.withLock({ $0[id]?.job }) else { return false }
    job.cancel()
    return true
  }

  /// Whether the project is known.
  public func contains(_ id: ProjectID) -> Bool { projects.withLock { $0[id] != nil } }

  /// Every project, by id.
  public func snapshot() -> [ProjectStatus] {
    projects.withLock { projects in projects.map { $1.status($0) } }.sorted { $0.id < $1.id }
  }

  /// Bytes of the index on disk.
  public func bytesUsed() -> Int { store.folder.bytesUsed() }

  // MARK: Indexing

  /// Brings a project up to date with its HEAD, or with its files where there is no git.
  ///
  /// One run a project at a time. `full` computes everything anew. `progress` is called at most ten times a second.
  /// Cancelling the task cancels the run. `merges`: whether segments are merged before this returns; who says no calls
  /// `mergeSmallSegments`.
  @discardableResult
  public func reindex(
    _ id: ProjectID, full: Bool = false, merges: Bool = true, progress: (@Sendable (IndexProgress) -> Void)? = nil
  ) async throws(IndexError) -> ReindexReport {
    let job = IndexJob(report: progress)
    let slot = try begin(id, job)
    do {
      if store.folder.bytesUsed() >= options.bytesMax {
        throw IndexError.storage(file: options.folder, reason: "the index has reached its limit of size")
      }
      let isAllowed = try remote?.isAllowed(id, slot.path, store.folder) ?? false
      let run = IndexRun(
        id: id, slot: slot, job: job, store: store, workers: options.workers, isFull: full,
        readsWorkTree: options.readsWorkTree, remote: isAllowed ? remote : nil,
        unused: isAllowed ? nil : remote?.notAllowedNote(id))
      let result = try await withTaskCancellationHandler {
        try await run.perform()
      } onCancel: {
        job.cancel()
      }
      let report = try finish(id, job, result)
      // The run is complete: a merge that fails, for want of space say, is tried again after the next one.
      if merges { try? mergeSmallSegments() }
      return report
    } catch {
      let failure = error as? IndexError ?? .cancelled
      projects.withLock { projects in
        guard projects[id]?.job === job else { return }
        projects[id]?.job = nil
        projects[id]?.problem = failure.failure.message
        projects[id]?.hasFailed = failure != .cancelled
      }
      throw failure
    }
  }

  private func begin(_ id: ProjectID, _ job: IndexJob) throws(IndexError) -> ProjectSlot {
    let result = projects.withLock { projects -> Result<ProjectSlot, IndexError> in
      guard let slot = projects[id] else { return .failure(.unknownProject(id.rawValue)) }
      guard slot.job == nil else { return .failure(.busy(id.rawValue)) }
      projects[id]?.job = job
      return .success(slot)
    }
    return try result.get()
  }

  /// Swaps the new generation in, unless the project was removed meanwhile.
  private func finish(_ id: ProjectID, _ job: IndexJob, _ result: IndexRun.Result) throws(IndexError) -> ReindexReport {
    let isCurrent = projects.withLock { projects -> Bool in
      guard projects[id]?.job === job else { return false }
      projects[id]?.job = nil
      projects[id]?.generation = result.generation
      projects[id]?.folder = result.folder
      projects[id]?.log = result.log
      projects[id]?.ignore = result.ignore
      projects[id]?.vectors = result.vectors
      projects[id]?.problem = nil
      projects[id]?.hasFailed = false
      projects[id]?.embeddingsComputed += result.report.embeddingsComputed
      projects[id]?.embeddingsReused += result.report.embeddingsFromCache
      return true
    }
    guard isCurrent else {
      store.folder.removeManifest(id)
      throw .cancelled
    }
    return result.report
  }
}
