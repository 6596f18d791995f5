internal import Base
internal import CodeIndex
internal import ControlPlane
internal import FoundationEssentials
internal import Logging
internal import Synchronization
internal import Telemetry

extension ProjectIndex {
  /// Texts of one question for embeddings, as OpenAI's service takes them at most.
  static let textsMax = 2_048

  /// How long a search waits for the embeddings server.
  private static let serverPatience = Duration.seconds(3)
  /// How long the removal of a project waits for the vector store.
  private static let removalPatience = Duration.seconds(10)

  // MARK: Deeds

  /// Brings a project up to date and says what that came to.
  func reindex(_ request: ReindexRequest) async throws(Failure) -> ReindexReport {
    try requireKnown(request.project)
    return try await queue.run(request).get()
  }

  /// False when nothing was under way.
  func cancel(_ id: ProjectID) throws(Failure) -> Bool {
    try requireKnown(id)
    return queue.cancel(id)
  }

  private func requireKnown(_ id: ProjectID) throws(Failure) {
    guard engine.contains(id) else { throw IndexError.unknownProject(id.rawValue).failure }
  }

  /// One run that is due.
  func carryOut(_ id: ProjectID) async {
    guard let isFull = queue.begin(id) else { return }
    // Of its own, so that it can be cancelled alone; owned here, by being waited for.
    let run = Task { await perform(id, isFull: isFull) }
    queue.setCancel(id) { run.cancel() }
    let result = await withTaskCancellationHandler {
      await run.value
    } onCancel: {
      run.cancel()
    }
    conclude(id, result)
    queue.end(id, result)
    if case .success = result { await merge() }
  }

  /// Behind the report, since nobody waits for it.
  private func merge() async {
    let engine = engine
    let isOver = Atomic(false)
    await withTaskCancellationHandler {
      do throws(Failure) {
        try await onThread { () throws(IndexError) in
          try engine.mergeSmallSegments { isOver.load(ordering: .relaxed) }
        }
      } catch {
        logger.warning("small segments of the index were not merged: \(error.line)")
      }
    } onCancel: {
      isOver.store(true, ordering: .relaxed)
    }
  }

  private func perform(_ id: ProjectID, isFull: Bool) async -> ReindexQueue.Result {
    let progress: @Sendable (IndexProgress) -> Void = { [listeners] progress in
      let progress = ReindexProgress(id, progress)
      listeners.publish(.indexProgress(progress))
      listeners.broadcast(ProjectEvent(projectID: id, event: "index-progress", data: Pipeline.json(progress)))
    }
    do throws(Failure) {
      try await measure()
      let bytes = state.withLock { $0.stateBytes }
      if StateShare(bytes: bytes, of: settings.stateBytesMax).isFull {
        throw Failure(
          .limit, "the state folder holds \(Quantity.describe(bytes: Int64(bytes))), and nothing new is indexed",
          hint: "remove projects, or raise SIGNALBOX_STATE_MAX")
      }
      do throws(IndexError) {
        return .success(try await engine.reindex(id, full: isFull, merges: false, progress: progress))
      } catch {
        throw error.failure
      }
    } catch {
      return .failure(error)
    }
  }

  /// Tells everybody how a run ended.
  private func conclude(_ id: ProjectID, _ result: ReindexQueue.Result) {
    var ending = ReindexEnding(timeMilliseconds: clock.nowMilliseconds(), project: id, report: nil, failure: nil)
    switch result {
    case .success(let report):
      counters.add(computed: report.embeddingsComputed, fromCache: report.embeddingsFromCache)
      ending.report = report.shortened
      logger.info(
        "project \(id) indexed",
        metadata: [
          "mode": "\(report.mode.rawValue)", "files": "\(report.filesIndexed)", "chunks": "\(report.chunks)",
          "seconds": "\(Quantity.fixed(report.durationSeconds, digits: 3))",
        ])
    case .failure(let failure):
      ending.failure = failure
      logger.warning("project \(id) not indexed: \(failure.line)")
    }
    // Nothing new is worth a place only when nothing else happened.
    let isNews = ending.report?.mode != .unchanged
    state.withLock { state in
      if !isNews { state.lastRuns.removeAll { $0.project == id && $0.report?.mode == .unchanged } }
      state.lastRuns.insert(ending, at: 0)
      if state.lastRuns.count > IndexSnapshot.lastRunsMax { state.lastRuns.removeLast() }
    }
    look()
    listeners.publish(.reindexed(ending))
  }

  /// The vectors of a removed project that lie with a service; one that does not answer in time keeps them.
  func removeVectors(_ id: ProjectID) async {
    guard remote?.options.store != nil else { return }
    let engine = engine
    let result = await withTaskGroup(of: Result<Void, IndexError>?.self) { group in
      group.addTask {
        do throws(IndexError) { return .success(try await engine.removeVectors(id)) } catch { return .failure(error) }
      }
      group.addTask {
        try? await Task.sleep(for: Self.removalPatience)  // cancelled: they are gone
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
    switch result {
    case .success: logger.info("the vectors of project \(id) are removed from the vector store")
    case .failure(let error):
      logger.warning("the vectors of project \(id) are still in its store: \(error.failure.line)")
    case nil: logger.warning("the vectors of project \(id) are still in its store, which does not answer in time")
    }
  }

  // MARK: Questions

  func search(_ query: SearchQuery) async throws(Failure) -> SearchReply {
    let began = ContinuousClock.now
    let reply = try await find(query)
    latency.record(ContinuousClock.now - began)
    state.withLock { $0.queries += 1 }
    return reply
  }

  private func find(_ query: SearchQuery) async throws(Failure) -> SearchReply {
    let engine = engine
    guard remote != nil else {
      return try await answer(on: threads) { () throws(IndexError) in try engine.search(query) }
    }
    guard breaker.withLock({ $0.mayAsk(at: .now, patience: Self.serverPatience) }) else {
      var reply = try await self.answer(on: threads) { () throws(IndexError) in try engine.search(query) }
      reply.standIn = "the embeddings server failed a moment ago"
      return reply.told
    }
    // A server that is away is asked again for longer than anybody waits for a search.
    let answer = await withTaskGroup(of: Result<SearchReply, IndexError>?.self) { group in
      group.addTask {
        do throws(IndexError) { return .success(try await engine.answer(query)) } catch { return .failure(error) }
      }
      group.addTask {
        try? await Task.sleep(for: Self.serverPatience)  // cancelled: the answer is there
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
    if let answer {
      let reply: SearchReply
      do throws(IndexError) { reply = try answer.get() } catch { throw error.failure }
      note(reply.standIn)
      return reply
    }
    var reply = try await self.answer(on: threads) { () throws(IndexError) in try engine.search(query) }
    reply.standIn = "the embeddings server does not answer in time"
    note(reply.standIn)
    return reply.told
  }

  /// What a search found out about the server: health says it, with since when.
  private func note(_ trouble: String?) {
    breaker.withLock { breaker in
      if trouble == nil { breaker.succeeded() } else { breaker.failed(at: .now, random: .random(in: 0..<1)) }
    }
    health.set(
      "search", trouble == nil ? .ok : .degraded, reason: trouble.map { "\($0): the built-in model answers" })
  }

  /// Lets the project's sources go to the server of now.
  func allowUpload(_ id: ProjectID) async throws(Failure) {
    guard remote?.options.embedder.model.isRemote == true else {
      throw Failure(.conflict, "no source leaves this node: its embeddings are made by the built-in model")
    }
    let engine = engine
    try await answer(on: threads) { () throws(IndexError) in try engine.allowUpload(id) }
  }

  /// Of a text in which the model knows no word: zeros.
  func embeddings(_ texts: [String]) async throws(Failure) -> EmbeddingReply {
    guard (1...Self.textsMax).contains(texts.count) else {
      throw Failure(.invalid, "give 1 to \(Self.textsMax) texts")
    }
    let embedder = embedder
    return try await answer(on: threads) { () throws(IndexError) in
      var reply = EmbeddingReply(model: BuiltInEmbedder.model, vectors: [], tokens: 0)
      for text in texts {
        let (vector, tokens) = try embedder.embedCounting(text)
        reply.vectors.append(vector ?? Array(repeating: 0, count: BuiltInEmbedder.dimensions))
        reply.tokens += tokens
      }
      return reply
    }
  }

  func estimate(_ request: ReindexRequest) async throws(Failure) -> ReindexEstimate {
    let engine = engine
    try requireKnown(request.project)
    if let remote = remote?.options.embedder.model, remote.isRemote {
      return try await estimate(request, by: remote)
    }
    let cost = try await answer(on: threads) { () throws(IndexError) in
      try engine.estimate(request.project, full: request.isFull)
    }
    return ReindexEstimate(project: request.project, files: cost.files, chunks: cost.chunks, tokens: cost.tokens)
  }

  private func estimate(
    _ request: ReindexRequest, by model: EmbeddingModel
  ) async throws(Failure) -> ReindexEstimate {
    let id = request.project
    let found: EmbeddingEstimate?
    do throws(IndexError) { found = try await engine.embeddingEstimate(id) } catch { throw error.failure }
    let files = engine.snapshot().first { $0.id == id }?.files ?? 0
    var estimate = ReindexEstimate(
      project: id, files: files, chunks: found?.chunksToSend ?? 0, tokens: found?.tokens ?? 0,
      uploadsTo: model.server, cost: found?.dollars)
    estimate.needsConsent = !engine.isUploadAllowed(id)
    return estimate
  }
}

extension ReindexReport {
  /// Of each list the first so many stay in what the node keeps and tells everybody.
  private static let shortListMax = 16

  fileprivate var shortened: ReindexReport {
    var short = self
    short.filesSkipped = Array(filesSkipped.prefix(Self.shortListMax))
    short.filesFailed = Array(filesFailed.prefix(Self.shortListMax))
    return short
  }
}

extension ReindexProgress {
  init(_ project: ProjectID, _ progress: IndexProgress) {
    self.init(
      project: project, filesDone: progress.filesDone, filesTotal: progress.filesTotal,
      filesFailed: progress.filesFailed, chunks: progress.chunks, filesPerSecond: progress.filesPerSecond,
      etaSeconds: progress.etaSeconds, currentFile: String(progress.currentFile.prefix(1_024)))
  }
}
