internal import Base

/// One run of one project, from looking at HEAD to the generation that is ready to be swapped in.
struct IndexRun: Sendable {
  struct Result: Sendable {
    var generation: Generation
    var ignore: [IgnoreRules]
    var report: ReindexReport
  }

  /// What is to be done, found out on a thread of the index.
  private struct Plan: Sendable {
    var folder: ProjectFolder
    var listing: Listing
    var mode: ReindexReport.Mode
    /// New or changed files, also skipped ones.
    var changed: [SourceEntry]
    /// Of these, what has no record yet.
    var missing: [SourceEntry]
  }

  let id: ProjectID
  let slot: ProjectSlot
  let job: IndexJob
  let store: IndexStore
  let workers: Int
  let isFull: Bool

  func perform() async throws(IndexError) -> Result {
    let started = ContinuousClock.now
    let plan = try await IndexJob.onThread {
      Swift.Result { () throws(IndexError) in try self.plan() }
    }.get()
    if plan.mode == .unchanged, let generation = slot.generation {
      return Result(generation: generation, ignore: plan.listing.ignore, report: report(plan, generation, started))
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

  // MARK: What is to be done

  private func plan() throws(IndexError) -> Plan {
    let folder = try ProjectFolder.find(slot.path)
    let fingerprint = try folder.fingerprint()
    let old = isFull ? nil : slot.generation
    if folder.usesGit, let old, let ignore = slot.ignore, old.fingerprint.tree == fingerprint.tree {
      guard old.fingerprint != fingerprint || slot.problem != nil else {
        return Plan(
          folder: folder, listing: Listing(fingerprint: fingerprint, files: [], ignore: ignore), mode: .unchanged,
          changed: [], missing: [])
      }
      // Another commit or branch with the same files.
      return plan(folder, Listing(fingerprint: fingerprint, files: old.manifest.files, ignore: ignore), old)
    }
    if let listing = try incremental(folder, fingerprint, old) { return plan(folder, listing, old) }
    let listing = folder.usesGit ? try folder.listing(fingerprint) : try walk(folder, old)
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

  /// The old files with the difference of the two trees applied; nil when that is not possible.
  private func incremental(
    _ folder: ProjectFolder, _ fingerprint: Fingerprint, _ old: Generation?
  ) throws(IndexError) -> Listing? {
    guard let old, let ignore = slot.ignore, folder.usesGit else { return nil }
    let set = try folder.changes(from: old.fingerprint.tree, to: fingerprint.tree)
    let touchesRules = set.changes.contains { change in
      if case .renamed(let from) = change.kind, ProjectFolder.isIgnoreFile(from) { return true }
      return ProjectFolder.isIgnoreFile(change.path)
    }
    guard !set.isEverything, !touchesRules else { return nil }
    var gone: Set<String> = []
    var added: [Manifest.File] = []
    for change in set.changes {
      gone.insert(change.path)
      if case .renamed(let from) = change.kind { gone.insert(from) }
      guard var entry = change.entry else { continue }
      ProjectFolder.apply(ignore, to: &entry)
      added.append(Manifest.File(entry: entry, stamp: nil))
    }
    let kept = old.manifest.files.filter { !gone.contains($0.entry.path) }
    return Listing(fingerprint: fingerprint, files: kept + added, ignore: ignore)
  }

  private func plan(_ folder: ProjectFolder, _ listing: Listing, _ old: Generation?) -> Plan {
    var known: [String: ObjectID] = [:]
    if let old {
      known.reserveCapacity(old.files.count + old.others.count)
      for file in old.files { known[file.entry.path] = file.entry.id }
      for file in old.others { known[file.entry.path] = file.entry.id }
    }
    let changed = listing.files.map(\.entry).filter { known[$0.path] != $0.id }
    let candidates = isFull ? changed : listing.files.map(\.entry)
    let wanted = candidates.filter { $0.skip == nil }
    var seen: Set<RecordKey> = []
    let places = isFull ? [] : store.places(wanted.map(\.recordKey))
    let missing = wanted.enumerated().filter { index, entry in
      (isFull || places[index] == nil) && seen.insert(entry.recordKey).inserted
    }.map(\.element)
    let isSame = changed.isEmpty && missing.isEmpty && old != nil && listing.files.count == known.count
    let mode: ReindexReport.Mode =
      isSame && old?.fingerprint == listing.fingerprint && slot.problem == nil && slot.ignore != nil
      ? .unchanged : old == nil ? .full : .incremental
    return Plan(folder: folder, listing: listing, mode: mode, changed: changed, missing: missing)
  }

  // MARK: The result

  private func assemble(
    _ plan: Plan, _ outcome: IndexJob.Outcome, _ started: ContinuousClock.Instant
  ) throws(IndexError) -> Result {
    let assembly = Assembly(store: store, old: isFull ? nil : slot.generation)
    let generation = try assembly.generation(plan.listing.fingerprint, plan.listing.files)
    if job.isCancelled { throw .cancelled }
    try store.folder.writeManifest(generation.manifest, id)
    var report = report(plan, generation, started)
    report.embeddingsComputed = outcome.chunks
    report.filesFailed = outcome.failed.map { .init(path: $0, error: SkipReason.unreadable.text) }
    count(plan, generation, &report)
    report.durationSeconds = (ContinuousClock.now - started).milliseconds / 1_000
    report.filesPerSecond = Double(plan.changed.count) / max(report.durationSeconds, 1e-6)
    return Result(generation: generation, ignore: plan.listing.ignore, report: report)
  }

  /// What became of the new and changed files.
  private func count(_ plan: Plan, _ generation: Generation, _ report: inout ReindexReport) {
    let places = store.places(plan.changed.map(\.recordKey))
    let computed = Set(plan.missing.map(\.recordKey))
    for (entry, place) in zip(plan.changed, places) {
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
