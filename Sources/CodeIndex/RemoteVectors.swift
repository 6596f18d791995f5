internal import Base
internal import ControlPlane
internal import Synchronization

/// Another model than the built-in one, and where its vectors go.
public struct RemoteOptions: Sendable {
  public enum Consent: Sendable {
    /// The operator chose this model by name: that is the yes (`SIGNALBOX_EMBEDDER=openai`).
    case given
    /// Each project must have been allowed once (`IndexEngine.allowUpload`); until then a run is refused.
    case askedElseRefuse
    /// As before, but until then the built-in model serves the project, and every report says why.
    case askedElseBuiltIn
  }

  public var embedder: any Embedder
  /// Nil for the embedded store.
  public var store: (any VectorStore)?
  /// What other nodes have computed already; nil for none.
  public var cache: (any VectorCache)?
  public var consent: Consent

  public init(
    embedder: any Embedder, store: (any VectorStore)? = nil, cache: (any VectorCache)? = nil,
    consent: Consent = .askedElseRefuse
  ) {
    self.embedder = embedder
    self.store = store
    self.cache = cache
    self.consent = consent
  }
}

/// The vectors of a model that is asked in batches.
///
/// The built-in vectors are made for every project all the same: they cost a second for ten thousand files, and answer
/// when the server does not. What the server's model adds is kept beside them, by the same records, in a `VectorStore`.
final class RemoteVectors: Sendable {
  /// What a run did.
  struct Made: Sendable {
    var computed = 0
    /// Chunks of this run whose vectors another node, or another file with the same lines, had.
    var known = 0
    var failed: [ReindexReport.Failed] = []
    var chunksFailed = 0
    var notes: [String] = []
    /// Another model or store than before: everything was wanted anew.
    var isRebuild = false
  }

  let options: RemoteOptions
  let store: any VectorStore
  let records: IndexStore
  private let flat: FlatStore?
  let codec: EmbeddingCacheCodec
  private let slots = Mutex<[ProjectID: SlotTable]>([:])
  /// Projects whose current generation has all its vectors, as far as this process knows.
  private let settled = Mutex<[ProjectID: ObjectIdentifier]>([:])

  init(_ options: RemoteOptions, _ records: IndexStore) {
    self.options = options
    self.records = records
    flat = options.store == nil ? FlatStore(records.folder) : nil
    store = options.store ?? flat ?? FlatStore(records.folder)
    codec = EmbeddingCacheCodec(options.embedder.model)
  }

  var mark: VectorMark { VectorMark(model: options.embedder.model.identity, store: store.identity) }

  func space(_ id: ProjectID) -> VectorSpace { VectorSpace(project: id, model: options.embedder.model.identity) }

  /// Why a stored index does not have what is wanted now; nil when it has.
  func change(from mark: VectorMark?) -> String? {
    guard let mark, mark != self.mark else { return mark == nil ? "its vectors are the built-in model's" : nil }
    if mark.model != self.mark.model { return "its vectors are of \(mark.model), not of \(self.mark.model)" }
    return "its vectors are in \(mark.store), not in \(self.mark.store)"
  }

  /// Whether this run may send source; throws when it may not and must not go on without.
  func isAllowed(_ id: ProjectID, _ path: String, _ folder: IndexFolder) throws(IndexError) -> Bool {
    if mayUpload(id, path, folder) { return true }
    if case .askedElseBuiltIn = options.consent { return false }
    throw .uploadNotAllowed(project: id.rawValue, server: options.embedder.model.server)
  }

  /// Nothing to do for this generation.
  func isSettled(_ id: ProjectID, _ generation: Generation, _ mark: VectorMark?) -> Bool {
    mark == self.mark && settled.withLock { $0[id] } == ObjectIdentifier(generation)
  }

  func collect() throws(IndexError) {
    let records = records
    try flat?.collect { records.places([$0]).first.flatMap { $0 } != nil }
  }

  // MARK: A run

  /// Makes the vectors that the store does not have. Throws when the server refuses or cannot be reached at all, and
  /// then nothing of this run is shown; what was made stays, and the next run goes on from there.
  func bring(
    _ generation: Generation, _ id: ProjectID, _ folder: ProjectFolder, _ job: IndexJob, isFull: Bool, was: VectorMark?,
    isNew: Bool
  ) async throws(IndexError) -> Made {
    var made = Made()
    let all = Self.ids(of: generation)
    let ids = Set(all.keys)
    let missing = isFull ? ids : try await store.missing(ids, in: space(id))
    if !isNew, let reason = change(from: was) {
      made.isRebuild = true
      made.notes.append("\(reason): \(missing.count) of \(ids.count) chunks were asked for anew")
    }
    let files = Self.files(generation, missing)
    var run = EmbeddingRun(self, id, folder, job)
    for (done, window) in run.windows(files).enumerated() {
      job.embedding(min(files.count, done * EmbeddingRun.filesPerWindow), of: files.count, window.first?.path ?? "")
      try await run.embed(window, missing)
    }
    (made.computed, made.known) = (run.computed, run.known)
    (made.failed, made.chunksFailed) = (run.failed, run.chunksFailed)
    let upkeep = try await store.settle(space(id), keeping: ids)
    if upkeep.repaired > 0 {
      made.notes.append("\(store.identity) had lost \(upkeep.repaired) vectors; they are there again")
    }
    if let note = upkeep.note { made.notes.append(note) }
    if let was, was.model != mark.model, was.store == mark.store {
      _ = try await store.settle(VectorSpace(project: id, model: was.model), keeping: [])
    }
    settled.withLock { $0[id] = made.failed.isEmpty ? ObjectIdentifier(generation) : nil }
    return made
  }

  /// Every vector of a generation, with one file that has it.
  static func ids(of generation: Generation) -> [VectorID: IndexedFile] {
    var ids: [VectorID: IndexedFile] = [:]
    ids.reserveCapacity(generation.slotCount)
    for file in generation.files {
      for row in 0..<file.rows.count { ids[VectorID(record: file.entry.recordKey, row: row)] = file }
    }
    return ids
  }

  /// One file for each record that lacks a vector.
  static func files(_ generation: Generation, _ missing: Set<VectorID>) -> [EmbeddingRun.File] {
    var seen: Set<RecordKey> = []
    let wanted = Set(missing.map(\.record))
    return generation.files.filter { wanted.contains($0.entry.recordKey) && seen.insert($0.entry.recordKey).inserted }
      .map { EmbeddingRun.File(entry: $0.entry, lines: $0.rows.map($0.segment.lines)) }
  }

  // MARK: Slots

  /// Where the records of a generation are, made once a generation.
  final class SlotTable: Sendable {
    /// A file with the record.
    struct Place: Sendable {
      /// Of the part in the generation.
      var part: Int
      var slots: Range<Int>
    }

    let generation: Generation
    let files: [RecordKey: [Place]]

    init(_ generation: Generation) {
      self.generation = generation
      var files: [RecordKey: [Place]] = [:]
      for (number, live) in generation.parts.enumerated() {
        let part = live.part
        for (index, file) in part.files.enumerated() where !live.isGone(index) {
          let slots = part.firstSlots[index]..<part.firstSlots[index + 1]
          files[file.entry.recordKey, default: []].append(Place(part: number, slots: slots))
        }
      }
      self.files = files
    }
  }

  func table(_ id: ProjectID, _ generation: Generation) -> SlotTable {
    if let known = slots.withLock({ $0[id] }), known.generation === generation { return known }
    let table = SlotTable(generation)
    slots.withLock { $0[id] = table }
    return table
  }

  func forget(_ id: ProjectID) {
    slots.withLock { $0[id] = nil }
    settled.withLock { $0[id] = nil }
  }
}
