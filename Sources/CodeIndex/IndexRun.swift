internal import Base
internal import ControlPlane

/// One run of one project, from looking at HEAD to the generation that is ready to be swapped in.
struct IndexRun: Sendable {
  struct Result: Sendable {
    var folder: ProjectFolder
    var generation: Generation
    /// Where the next change of the manifest goes.
    var log: ManifestLog?
    var ignore: [IgnoreRules]
    var report: ReindexReport
    /// Which vectors the generation has beside the built-in ones.
    var vectors: VectorMark?
  }

  /// What is to be done, found out on a thread of the index.
  private struct Plan: Sendable {
    var folder: ProjectFolder
    var listing: Listing
    var mode: ReindexReport.Mode
    /// New or changed files, also skipped ones.
    var changed: [SourceEntry]
    /// What has no record yet.
    var missing: [SourceEntry]
    /// Files of the old generation that are not there any more.
    var deletedCount = 0
    /// Set when all other files are those of the old generation.
    var difference: Difference?
    /// What the report says of edits that do not count.
    var editsNote: String?
    /// Which folder all of this was found in.
    var root: FolderIdentity?
  }

  /// What to take out of the old generation and what to put in.
  private struct Difference: Sendable {
    var old: Generation
    var gone: Set<String>
    var added: [Manifest.File]
  }

  /// What the part of a run that needs nobody else leads to; nothing of it is stored but records.
  private struct Made: Sendable {
    var plan: Plan
    var result: Result
    /// What became of the generation before; nil when the manifest is to be written whole.
    var change: ManifestChange?
  }

  let id: ProjectID
  let slot: ProjectSlot
  let job: IndexJob
  let store: IndexStore
  let workers: Int
  let isFull: Bool
  /// Whether edits that nobody has committed count.
  var readsWorkTree = false
  /// Set when vectors of another model are wanted and may be made.
  var remote: RemoteVectors?
  /// Why they are not made, for the report.
  var unused: String?

  /// What a run would lead to, with nothing shown and nothing asked of any server.
  func prepare() async throws(IndexError) -> Generation { try await local(.now).result.generation }

  func perform() async throws(IndexError) -> Result {
    let started = ContinuousClock.now
    var made = try await local(started)
    let generation = made.result.generation
    if let unused { made.result.report.notes = [unused] }
    let isSettled =
      made.plan.mode == .unchanged && (remote?.isSettled(id, generation, slot.vectors) ?? (slot.vectors == nil))
    if !isSettled { try await addVectors(made.plan, &made.result) }
    if let note = made.plan.editsNote { made.result.report.notes = (made.result.report.notes ?? []) + [note] }
    if isSettled { return made.result }
    return try await IndexJob.onThread { [made] in
      Swift.Result { () throws(IndexError) in try self.stored(made, started) }
    }.get()
  }

  /// The part that needs nobody else.
  private func local(_ started: ContinuousClock.Instant) async throws(IndexError) -> Made {
    let plan = try await IndexJob.onThread {
      Swift.Result { () throws(IndexError) in try self.plan() }
    }.get()
    if plan.mode == .unchanged, let generation = slot.generation {
      let result = Result(
        folder: plan.folder, generation: generation, log: slot.log, ignore: plan.listing.ignore,
        report: report(plan, generation, started), vectors: slot.vectors)
      return Made(plan: plan, result: result)
    }
    var outcome = IndexJob.Outcome()
    if !plan.missing.isEmpty {
      outcome = try await job.run(plan.missing, in: plan.folder, into: store, workers: workers)
    }
    if job.isCancelled { throw .cancelled }
    let done = outcome
    return try await IndexJob.onThread {
      Swift.Result { () throws(IndexError) in try self.assemble(plan, done, started) }
    }.get()
  }

  /// Makes what a server's model has to give, before anybody sees the generation.
  private func addVectors(_ plan: Plan, _ result: inout Result) async throws(IndexError) {
    guard let remote else {
      result.vectors = nil
      let note = slot.vectors.map { "the built-in model answers now, and not \($0.model)" }
      result.report.notes = result.report.notes ?? note.map { [$0] }
      return
    }
    let made = try await remote.bring(
      result.generation, id, plan.folder, job, isFull: isFull, was: slot.vectors, isNew: slot.generation == nil)
    result.vectors = remote.mark
    if !made.notes.isEmpty { result.report.notes = made.notes }
    let chunks = result.report.embeddingsComputed + result.report.embeddingsFromCache
    result.report.embeddingsComputed = made.computed
    result.report.embeddingsFromCache = max(made.known, chunks - made.computed - made.chunksFailed)
    result.report.filesFailed += made.failed
    if made.isRebuild { result.report.mode = .full }
    if result.report.mode == .unchanged, made.computed + made.known > 0 { result.report.mode = .incremental }
  }

  // MARK: What is to be done

  /// What a run would have to compute, without computing it.
  func missingSources() throws(IndexError) -> (folder: ProjectFolder, entries: [SourceEntry]) {
    let plan = try plan()
    return (plan.folder, plan.missing)
  }

  private func plan() throws(IndexError) -> Plan {
    let root = try FolderIdentity(of: slot.path)
    let sight = try slot.look(store.handles, readsWorkTree: readsWorkTree)
    var plan = try plan(sight)
    plan.editsNote = sight.overlay.note
    plan.root = root
    return plan
  }

  private func plan(_ sight: Sight) throws(IndexError) -> Plan {
    let (folder, fingerprint) = (sight.folder, sight.fingerprint)
    let old = isFull ? nil : slot.generation
    if let old, let ignore = slot.ignore, folder.usesGit, old.isComplete {
      let listing = Listing(fingerprint: fingerprint, files: [], ignore: ignore)
      if old.fingerprint == fingerprint, slot.problem == nil,
        sight.overlay.difference(from: old.overlay).isEmpty
      {
        return Plan(folder: folder, listing: listing, mode: .unchanged, changed: [], missing: [])
      }
      if let difference = try difference(sight, old, ignore) {
        let entries = difference.added.map(\.entry)
        let there = Set(entries.filter { $0.skip != .deleted }.map(\.path))
        return Plan(
          folder: folder, listing: listing, mode: .incremental, changed: entries, missing: missing(entries),
          deletedCount: old.count(of: difference.gone.subtracting(there)), difference: difference)
      }
    }
    var listing = folder.usesGit ? try folder.listing(fingerprint, store.handles) : try walk(folder, old)
    listing.files = sight.overlay.over(listing.files, listing.ignore)
    return plan(folder, listing, old)
  }

  private func walk(_ folder: ProjectFolder, _ old: Generation?) throws(IndexError) -> Listing {
    var known: [String: Manifest.File] = [:]
    for file in old?.manifest.files ?? [] where file.stamp != nil { known[file.entry.path] = file }
    var tree = FolderTree(root: slot.path, known: known)
    try tree.walk { job.isCancelled }
    return Listing(
      fingerprint: Fingerprint(commit: nil, tree: nil, ref: nil), files: tree.files, ignore: [])
  }

  /// What the two trees differ in; nil when that cannot be told, or is about what is ignored.
  private func difference(
    _ sight: Sight, _ old: Generation, _ ignore: [IgnoreRules]
  ) throws(IndexError) -> Difference? {
    guard var difference = try committedDifference(sight, old, ignore) else { return nil }
    let edits = Set(old.overlay.files.keys).union(sight.overlay.files.keys)
    guard !edits.isEmpty else { return difference }
    // Files of a commit are looked up one by one only where libgit2 reads it.
    guard case .repository = sight.folder else { return nil }
    let changed = Set(sight.overlay.difference(from: old.overlay))
    // What the commit changed under an edit stays under it.
    difference.added.removeAll { sight.overlay.files[$0.entry.path] != nil }
    for path in edits where changed.contains(path) || difference.gone.contains(path) {
      let isChangedByCommit = !difference.gone.insert(path).inserted
      if let file = sight.overlay.files[path] {
        difference.added.append(WorkTreeOverlay.ruled(file, ignore))
      } else if !isChangedByCommit, let entry = try committed(path, sight) {
        difference.added.append(WorkTreeOverlay.ruled(Manifest.File(entry: entry, stamp: nil), ignore))
      }
    }
    return difference
  }

  /// The commit's file at a path.
  private func committed(_ path: String, _ sight: Sight) throws(IndexError) -> SourceEntry? {
    guard case .repository(let gitFolder, _) = sight.folder,
      let tree = sight.fingerprint.tree.flatMap({ ObjectID(hex: $0) })
    else { return nil }
    return try store.handles.with(gitFolder) { repository throws(IndexError) in try repository.entry(path, in: tree) }
  }

  /// The part of it that is between the two commits.
  private func committedDifference(
    _ sight: Sight, _ old: Generation, _ ignore: [IgnoreRules]
  ) throws(IndexError) -> Difference? {
    var difference = Difference(old: old, gone: [], added: [])
    // Another commit or branch with the same files.
    guard old.fingerprint.tree != sight.fingerprint.tree else { return difference }
    let set = try sight.folder.changes(
      from: old.fingerprint.tree, to: sight.fingerprint.tree, findsRenames: false, store.handles)
    guard !set.isEverything else { return nil }
    for change in set.changes {
      difference.gone.insert(change.path)
      var paths = [change.path]
      if case .renamed(let from) = change.kind {
        difference.gone.insert(from)
        paths.append(from)
      }
      guard !paths.contains(where: ProjectFolder.isIgnoreFile) else { return nil }
      guard var entry = change.entry else { continue }
      ProjectFolder.apply(ignore, to: &entry)
      difference.added.append(Manifest.File(entry: entry, stamp: nil))
    }
    return difference
  }

  /// What has no record yet, each content once; in a full run everything.
  private func missing(_ entries: [SourceEntry]) -> [SourceEntry] {
    let wanted = entries.filter { $0.skip == nil }
    let places = isFull ? [] : store.places(wanted.map(\.recordKey))
    var seen: Set<RecordKey> = []
    return wanted.enumerated().filter { index, entry in
      (isFull || places[index] == nil) && seen.insert(entry.recordKey).inserted
    }.map(\.element)
  }

  private func plan(_ folder: ProjectFolder, _ listing: Listing, _ old: Generation?) -> Plan {
    var known: [String: ObjectID] = [:]
    if let old {
      known.reserveCapacity(old.indexedCount + old.others.count)
      for file in old.files { known[file.entry.path] = file.entry.id }
      for file in old.others { known[file.entry.path] = file.entry.id }
    }
    let changed = listing.files.map(\.entry).filter { known[$0.path] != $0.id }
    let missing = missing(listing.files.map(\.entry))
    let isSame = changed.isEmpty && missing.isEmpty && old != nil && listing.files.count == known.count
    let mode: ReindexReport.Mode =
      isSame && old?.fingerprint == listing.fingerprint && slot.problem == nil
      ? .unchanged : old == nil ? .full : .incremental
    let there = Set(listing.files.filter { $0.entry.skip != .deleted }.map(\.entry.path))
    let deleted = (old?.files ?? []).count { !there.contains($0.entry.path) }
    return Plan(
      folder: folder, listing: listing, mode: mode, changed: changed, missing: missing, deletedCount: deleted)
  }

  // MARK: The result

  private func assemble(
    _ plan: Plan, _ outcome: IndexJob.Outcome, _ started: ContinuousClock.Instant
  ) throws(IndexError) -> Made {
    guard try FolderIdentity(of: slot.path) == plan.root else {
      throw .folderUnreadable(path: slot.path, reason: "another folder took its place while it was indexed")
    }
    if !outcome.failed.isEmpty { try checkStillThere(plan) }
    let (generation, change) = try next(plan)
    if job.isCancelled { throw .cancelled }
    var report = report(plan, generation, started)
    report.embeddingsComputed = outcome.chunks
    report.filesFailed = outcome.failed.map { .init(path: $0, error: SkipReason.unreadable.text) }
    count(plan, generation, &report)
    report.durationSeconds = (ContinuousClock.now - started).milliseconds / 1_000
    report.filesPerSecond = Double(plan.changed.count) / max(report.durationSeconds, 1e-6)
    let result = Result(
      folder: plan.folder, generation: generation, ignore: plan.listing.ignore, report: report)
    return Made(plan: plan, result: result, change: change)
  }

  /// Files that could not be read are reported, unless it was because the repository went or was rewritten meanwhile:
  /// then what was read is no generation, and the one before keeps answering.
  private func checkStillThere(_ plan: Plan) throws(IndexError) {
    guard let tree = plan.listing.fingerprint.tree else { return }
    store.handles.forget(plan.folder)
    let folder = try ProjectFolder.find(slot.path, store.handles)
    let now = folder.usesGit ? try folder.fingerprint(store.handles).tree : nil
    guard folder == plan.folder, now == tree else {
      throw .repositoryUnreadable(path: slot.path, reason: "it was rewritten while it was indexed")
    }
  }

  /// The next generation, and what it changed of the one before when that is known.
  private func next(_ plan: Plan) throws(IndexError) -> (generation: Generation, change: ManifestChange?) {
    if let difference = plan.difference {
      let next = try Assembly(store: store, old: nil).generation(
        plan.listing.fingerprint, from: difference.old, without: difference.gone, adding: difference.added)
      return (next.generation, next.change)
    }
    let assembly = Assembly(store: store, old: isFull ? nil : slot.generation)
    return (try assembly.generation(plan.listing.fingerprint, plan.listing.files), nil)
  }

  /// Writes down what the next start of the process is to find.
  private func stored(_ made: Made, _ started: ContinuousClock.Instant) throws(IndexError) -> Result {
    if job.isCancelled { throw .cancelled }
    var result = made.result
    if made.plan.mode == .unchanged, slot.generation === result.generation {
      // Only vectors were added: the manifest is as it was.
    } else if let change = made.change, let log = slot.log, !log.isLong {
      result.log = try store.folder.append(change, id, log)
    } else {
      result.log = try store.folder.writeManifest(result.generation.manifest, id)
    }
    if result.vectors != slot.vectors { try VectorMark.write(result.vectors, store.folder, id) }
    result.report.durationSeconds = (ContinuousClock.now - started).milliseconds / 1_000
    return result
  }

  /// What became of the new and changed files.
  private func count(_ plan: Plan, _ generation: Generation, _ report: inout ReindexReport) {
    let places = store.places(plan.changed.map(\.recordKey))
    let computed = Set(plan.missing.map(\.recordKey))
    for (entry, place) in zip(plan.changed, places) {
      if entry.skip == .deleted { continue }
      if let reason = entry.skip ?? place?.skip {
        report.filesSkippedCount += 1
        if report.filesSkipped.count < ReindexReport.listMax {
          report.filesSkipped.append(.init(path: entry.path, reason: reason.text))
        }
      } else if let place {
        report.filesIndexed += 1
        if !computed.contains(entry.recordKey) { report.embeddingsFromCache += place.rows.count }
      }
    }
    report.filesUnchanged = max(0, generation.indexedCount - report.filesIndexed)
    if plan.deletedCount > 0 { report.filesDeleted = plan.deletedCount }
  }

  private func report(
    _ plan: Plan, _ generation: Generation, _ started: ContinuousClock.Instant
  ) -> ReindexReport {
    ReindexReport(
      project: id, commit: plan.listing.fingerprint.commit, mode: plan.mode, filesIndexed: 0,
      filesUnchanged: generation.indexedCount, filesSkipped: [], filesSkippedCount: 0, filesFailed: [],
      chunks: generation.slotCount, embeddingsComputed: 0, embeddingsFromCache: 0,
      durationSeconds: (ContinuousClock.now - started).milliseconds / 1_000, filesPerSecond: 0)
  }
}
