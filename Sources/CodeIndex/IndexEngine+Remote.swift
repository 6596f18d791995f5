public import Base
public import ControlPlane
internal import Synchronization

extension IndexEngine {
  // MARK: May source leave this machine

  /// Says yes, once and for good, to sending this project's source to the embeddings server of now.
  public func allowUpload(_ id: ProjectID) throws(IndexError) {
    guard let path = projects.withLock({ $0[id]?.path }) else { throw .unknownProject(id.rawValue) }
    guard let server = remote?.options.embedder.model.server else { return }
    try UploadConsent(path: path, server: server).write(store.folder, id)
  }

  /// Takes it back: from the next run on the project is asked about again. What was sent was sent.
  public func forbidUpload(_ id: ProjectID) { UploadConsent.remove(store.folder, id) }

  /// Removes the vectors of a project that was removed from a store that is not this node's own.
  public func removeVectors(_ id: ProjectID) async throws(IndexError) {
    try await remote?.options.store?.remove(id)
  }

  /// Whether a run would send this project's source; true also when nothing would be sent.
  public func isUploadAllowed(_ id: ProjectID) -> Bool {
    guard let remote, let path = projects.withLock({ $0[id]?.path }) else { return true }
    return remote.mayUpload(id, path, store.folder)
  }

  // MARK: Estimate

  /// What `reindex` would send. Does the part of a run that happens here, and stores it: nothing of it is lost.
  /// Nil when no server is asked for embeddings.
  public func embeddingEstimate(_ id: ProjectID) async throws(IndexError) -> EmbeddingEstimate? {
    guard let remote, remote.options.embedder.model.isRemote else { return nil }
    guard let slot = projects.withLock({ $0[id] }) else { throw .unknownProject(id.rawValue) }
    let run = IndexRun(
      id: id, slot: slot, job: IndexJob(report: nil), store: store, workers: options.workers, isFull: false,
      readsWorkTree: options.readsWorkTree)
    let generation = try await run.prepare()
    let ids = RemoteVectors.ids(of: generation)
    let missing = try await remote.store.missing(Set(ids.keys), in: remote.space(id))
    var bytes = 0
    for id in missing {
      guard let file = ids[id] else { continue }
      let lines = file.rows.reduce(0) { $0 + file.segment.lines($1).count }
      let size = file.segment.bytes(of: file.entry.recordKey, firstRow: file.rows.lowerBound)
      let covered = file.segment.lines(file.rows.upperBound - 1).upperBound
      let share = file.segment.lines(file.rows.lowerBound + id.row).count
      bytes += min(EmbeddingLimits.textBytesMax, size * share / max(1, min(covered, lines)))
    }
    return EmbeddingEstimate(
      model: remote.options.embedder.model, chunks: ids.count, chunksToSend: missing.count, bytesToSend: bytes)
  }

  // MARK: Search

  /// As `search`, with the server's model where a project has its vectors. When the server does not answer, the
  /// built-in vectors do, and the note says so.
  public func answer(_ query: SearchQuery) async throws(IndexError) -> SearchReply {
    guard let remote else { return try search(query) }
    let mark = remote.mark
    let ready = projects.withLock { projects in
      Set(projects.filter { $0.value.vectors == mark && $0.value.generation != nil }.keys)
    }
    let asked = Set(query.projects ?? Array(ready)).intersection(ready)
    guard !asked.isEmpty, query.text.utf8.count <= SearchQuery.bytesMax else { return try search(query) }
    var cosines: [ProjectID: SlotCosines] = [:]
    do {
      let vector = try await remote.question(query.text)
      for id in asked {
        guard let generation = projects.withLock({ $0[id]?.generation }) else { continue }
        cosines[id] = try await remote.cosines(vector, id, generation)
      }
    } catch {
      if error == .cancelled { throw error }
      var reply = try search(query)
      reply.standIn = error.failure.message
      return reply.told
    }
    return try search(query, keywords: true, vectors: true, cosines: cosines)
  }
}

extension RemoteVectors {
  /// Matches that are asked for.
  private static let matchesMax = 400

  func mayUpload(_ id: ProjectID, _ path: String, _ folder: IndexFolder) -> Bool {
    let model = options.embedder.model
    guard model.isRemote else { return true }
    if case .given = options.consent { return true }
    return UploadConsent.read(folder, id) == UploadConsent(path: path, server: model.server)
  }

  func notAllowedNote(_ id: ProjectID) -> String {
    "project \(id) is not allowed to be sent to \(options.embedder.model.server), so the built-in model serves it: "
      + "SIGNALBOX_EMBEDDER=openai allows it"
  }

  func question(_ text: String) async throws(IndexError) -> [Float] {
    let vectors: [[Float]?]
    do {
      vectors = try await options.embedder.embed([text])
    } catch {
      throw error == .cancelled ? .cancelled : .embeddings(error.reason)
    }
    guard let vector = vectors.first.flatMap({ $0 }) else { throw .embeddings("the model has no vector for the query") }
    return vector
  }

  /// The cosine of every slot.
  func cosines(_ vector: [Float], _ id: ProjectID, _ generation: Generation) async throws(IndexError) -> SlotCosines {
    let table = table(id, generation)
    let matches = try await store.query(vector, in: space(id), limit: Self.matchesMax) { id in
      table.files[id.record] != nil
    }
    var cosines = SlotCosines(of: generation, all: Self.elsewhere(matches))
    for match in matches {
      for place in table.files[match.id.record] ?? [] where match.id.row < place.slots.count {
        cosines.parts[place.part][place.slots.lowerBound + match.id.row] = match.score
      }
    }
    return cosines
  }

  /// What a chunk counts that is not among the matches. When there were more than were asked for, it is at most the
  /// worst of them; when all came, it has no vector (it failed), and is neither near nor far.
  private static func elsewhere(_ matches: [VectorMatch]) -> Float {
    guard matches.count < matchesMax else { return matches.last?.score ?? 0 }
    return matches.isEmpty ? 0 : matches.reduce(0) { $0 + $1.score } / Float(matches.count)
  }
}
